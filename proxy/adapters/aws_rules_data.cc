#include <algorithm>
#include <array>

#include "core/http_head.h"
#include "proxy/adapters/aws_rules.h"

namespace countersign::adapters {
namespace {

std::string table_arn(const AwsJudge& judge, std::string_view name) {
  return judge.arn("dynamodb", "table/", name);
}

// Adds an access to a table, or makes the one it has more dangerous.
void touch_table(AwsJudge& judge, std::string_view table, Effect effect, std::string_view why) {
  judge.touch(table_arn(judge, table), effect, why);
}

void batch_write(AwsJudge& judge) {
  const AwsNode* tables = judge.at("RequestItems");
  judge.name_each();
  for (const AwsNode* table = tables ? tables->first : nullptr; table; table = table->next) {
    bool deletes = false;
    for (const AwsNode* each = table->first; each; each = each->next)
      deletes = deletes || each->member("DeleteRequest") || !each->member("PutRequest");
    if (deletes) judge.flag("deletes_items");
    touch_table(judge, table->key, deletes ? Effect::destroy : Effect::write,
                deletes ? "deletes items" : "writes items");
  }
}

void batch_get(AwsJudge& judge) {
  const AwsNode* tables = judge.at("RequestItems");
  judge.name_each();
  for (const AwsNode* table = tables ? tables->first : nullptr; table; table = table->next)
    touch_table(judge, table->key, Effect::read, "reads items");
}

void transact_write(AwsJudge& judge) {
  const AwsNode* items = judge.at("TransactItems");
  judge.name_each();
  for (const AwsNode* item = items ? items->first : nullptr; item; item = item->next) {
    for (const AwsNode* each = item->first; each; each = each->next) {
      const AwsNode* table = each->member("TableName");
      bool harmless = each->key == "ConditionCheck" || each->key == "Put" || each->key == "Update";
      if (!harmless) judge.flag("deletes_items");
      touch_table(judge, table ? table->text : "*", harmless ? Effect::write : Effect::destroy,
                  harmless ? "writes an item" : "deletes an item");
    }
  }
}

void transact_get(AwsJudge& judge) {
  const AwsNode* items = judge.at("TransactItems");
  judge.name_each();
  for (const AwsNode* item = items ? items->first : nullptr; item; item = item->next) {
    const AwsNode* get = item->member("Get");
    const AwsNode* table = get ? get->member("TableName") : nullptr;
    touch_table(judge, table ? table->text : "*", Effect::read, "reads an item");
  }
}

// The words of a PartiQL statement up to the table's name. Comments and anything unusual leave the table unnamed.
struct PartiQl {
  Effect effect = Effect::destroy;
  std::string table;  // empty: cannot be said
  std::string_view why = "a statement that cannot be read";
};

std::string_view next_word(std::string_view& text) {
  std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  text.remove_prefix(begin);
  std::size_t end = std::min(text.find_first_of(" \t\r\n"), text.size());
  std::string_view out = text.substr(0, end);
  text.remove_prefix(end);
  return out;
}

// `"orders"`, `"orders"."by-date"`, `orders`: the table, where nothing stands around it that could be anything else.
std::string table_of(std::string_view word) {
  std::string_view name = word.substr(0, word.find_first_of(";"));
  if (name.starts_with('"')) {
    std::size_t end = name.find('"', 1);
    if (end == std::string_view::npos) return {};
    std::string_view after = name.substr(end + 1);
    name = name.substr(1, end - 1);
    if (!after.empty() && !after.starts_with('.')) return {};
  } else {
    name = name.substr(0, name.find('.'));
  }
  bool plain = !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
  return plain ? std::string(name) : std::string();
}

PartiQl read_partiql(std::string_view text) {
  PartiQl out;
  bool comment = text.find("--") != std::string_view::npos || text.find("/*") != std::string_view::npos;
  if (comment) return out;
  std::string_view rest = text;
  std::string_view verb = next_word(rest);
  if (equal_ignoring_case(verb, "SELECT")) {
    out.effect = Effect::read;
    out.why = "selects items";
    // What stands in quotes before FROM may hold the word itself: then the table stays unnamed.
    for (std::string_view word = next_word(rest); !word.empty() && word.find_first_of("'\"") == std::string_view::npos;
         word = next_word(rest)) {
      if (!equal_ignoring_case(word, "FROM")) continue;
      out.table = table_of(next_word(rest));
      break;
    }
  } else if (equal_ignoring_case(verb, "INSERT")) {
    out.effect = Effect::write;
    out.why = "inserts an item";
    if (equal_ignoring_case(next_word(rest), "INTO")) out.table = table_of(next_word(rest));
  } else if (equal_ignoring_case(verb, "UPDATE")) {
    out.effect = Effect::write;
    out.why = "changes an item";
    out.table = table_of(next_word(rest));
  } else if (equal_ignoring_case(verb, "DELETE")) {
    out.why = "deletes an item";
    if (equal_ignoring_case(next_word(rest), "FROM")) out.table = table_of(next_word(rest));
  }
  return out;
}

// An operation that runs statements is what they are: its own effect, for any statement, does not count.
void statement(AwsJudge& judge, std::string_view text) {
  PartiQl read = read_partiql(text);
  if (read.effect == Effect::destroy) judge.flag("deletes_items");
  touch_table(judge, read.table.empty() ? "*" : std::string_view(read.table), read.effect, read.why);
}

void execute_statement(AwsJudge& judge) {
  judge.name_each(Effect::read);
  statement(judge, judge.text("Statement"));
}

void execute_statements(AwsJudge& judge) {
  const AwsNode* list = judge.at("Statements");
  if (!list) list = judge.at("TransactStatements");
  judge.name_each(Effect::read);
  for (const AwsNode* each = list ? list->first : nullptr; each; each = each->next) {
    const AwsNode* text = each->member("Statement");
    statement(judge, text ? text->text : std::string_view());
  }
}

void time_to_live(AwsJudge& judge) {
  if (judge.is_false("TimeToLiveSpecification.Enabled")) return;
  judge.flag("lifecycle_expiry");
  judge.raise(Effect::destroy, "items past their time are deleted");
}

void update_table(AwsJudge& judge) {
  for (std::string_view list : {"ReplicaUpdates", "GlobalSecondaryIndexUpdates"}) {
    const AwsNode* updates = judge.at(list);
    for (const AwsNode* each = updates ? updates->first : nullptr; each; each = each->next) {
      if (each->member("Delete")) judge.raise(Effect::destroy, "deletes a replica or an index");
    }
  }
}

void continuous_backups(AwsJudge& judge) {
  if (!judge.is_false("PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled")) return;
  judge.flag("backups_off");
  judge.raise(Effect::destroy, "the table cannot be brought back to an earlier time");
}

void delete_db_instance(AwsJudge& judge) {
  if (!judge.is_false("DeleteAutomatedBackups")) judge.flag("automated_backups_deleted");
}

void delete_without_snapshot(AwsJudge& judge) {
  for (std::string_view name : {"FinalSnapshotIdentifier", "FinalSnapshotName", "finalSnapshotName"}) {
    if (judge.at(name)) return;
  }
  judge.flag("skip_final_snapshot");
}

constexpr AwsRule kRules[] = {
    {"dynamodb", "BatchWriteItem", batch_write},
    {"dynamodb", "BatchGetItem", batch_get},
    {"dynamodb", "TransactWriteItems", transact_write},
    {"dynamodb", "TransactGetItems", transact_get},
    {"dynamodb", "ExecuteStatement", execute_statement},
    {"dynamodb", "BatchExecuteStatement", execute_statements},
    {"dynamodb", "ExecuteTransaction", execute_statements},
    {"dynamodb", "UpdateTimeToLive", time_to_live},
    {"dynamodb", "UpdateTable", update_table},
    {"dynamodb", "UpdateContinuousBackups", continuous_backups},
    {"rds", "DeleteDBInstance", delete_db_instance},
    {"elasticache", "DeleteCacheCluster", delete_without_snapshot},
    {"elasticache", "DeleteReplicationGroup", delete_without_snapshot},
    {"elasticache", "DeleteServerlessCache", delete_without_snapshot},
    {"memorydb", "DeleteCluster", delete_without_snapshot},
    {"redshift-serverless", "DeleteNamespace", delete_without_snapshot},
};

}  // namespace

std::span<const AwsRule> aws_data_rules() {
  return kRules;
}

}  // namespace countersign::adapters
