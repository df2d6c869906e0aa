#include "proxy/adapters/aws_body.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "core/json_reader.h"
#include "proxy/adapters/aws_resources.h"
#include "proxy/adapters/aws_rules.h"

namespace countersign::adapters {
namespace {

// What a parameter of any operation says by its name and value.
struct Word {
  enum class When : std::uint8_t { is_true, is_false, is_zero, is_given };
  enum class Of : std::uint8_t { anything, existing };  // existing: a thing being created has nothing to lose yet
  std::string_view name;                                // in lower case
  When when;
  Of of;
  std::string_view flag;
  std::optional<Effect> effect;
};

using enum Word::When;
using enum Word::Of;

constexpr Word kWords[] = {
    {"applyimmediately", is_true, anything, "apply_immediately", std::nullopt},
    {"automatedsnapshotretentionperiod", is_zero, existing, "backups_off", Effect::destroy},
    {"automaticbackupretentiondays", is_zero, existing, "backups_off", Effect::destroy},
    {"backupretentionperiod", is_zero, existing, "backups_off", Effect::destroy},
    {"bypassgovernanceretention", is_true, anything, "bypass_governance", Effect::destroy},
    {"bypasspolicylockoutsafetycheck", is_true, anything, "bypass_lockout_check", Effect::administer},
    {"deletionprotection", is_false, existing, "protection_off", Effect::administer},
    {"deletionprotectionenabled", is_false, existing, "protection_off", Effect::administer},
    {"desiredcapacity", is_zero, existing, "desired_count_zero", Effect::destroy},
    {"desiredcount", is_zero, existing, "desired_count_zero", Effect::destroy},
    {"desiredsize", is_zero, existing, "desired_count_zero", Effect::destroy},
    {"dryrun", is_true, anything, "dry_run", std::nullopt},
    {"enableterminationprotection", is_false, existing, "protection_off", Effect::administer},
    {"force", is_true, anything, "force", std::nullopt},
    {"forcedelete", is_true, anything, "force", std::nullopt},
    {"forcedeletewithoutrecovery", is_true, anything, "force", std::nullopt},
    {"forceremove", is_true, anything, "force", std::nullopt},
    {"masteruserpassword", is_given, existing, "password_set", Effect::administer},
    {"maxcapacity", is_zero, existing, "desired_count_zero", Effect::destroy},
    {"maxsize", is_zero, existing, "desired_count_zero", Effect::destroy},
    {"publiclyaccessible", is_true, anything, "public", Effect::administer},
    {"reservedconcurrentexecutions", is_zero, existing, "desired_count_zero", Effect::destroy},
    {"skipfinalbackup", is_true, anything, "skip_final_snapshot", Effect::destroy},
    {"skipfinalclustersnapshot", is_true, anything, "skip_final_snapshot", Effect::destroy},
    {"skipfinalsnapshot", is_true, anything, "skip_final_snapshot", Effect::destroy},
    {"snapshotretentionlimit", is_zero, existing, "backups_off", Effect::destroy},
    {"terminationprotected", is_false, existing, "protection_off", Effect::administer},
    {"terminationprotectionenabled", is_false, existing, "protection_off", Effect::administer},
};
static_assert(std::ranges::is_sorted(kWords, {}, &Word::name));

constexpr std::size_t kLongestWord = 40;
constexpr std::size_t kPolicyBytes = 128U << 10;

bool holds(Word::When when, const AwsNode& node) {
  switch (when) {
    case is_true:
      return node.is_true();
    case is_false:
      return node.is_false();
    case is_zero:
      return node.number() && *node.number() <= 0;
    case is_given:
      return true;
  }
  return false;
}

const Word* word_of(std::string_view key) {
  std::array<char, kLongestWord> lower{};
  if (key.size() > lower.size()) return nullptr;
  std::ranges::transform(key, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  std::string_view name(lower.data(), key.size());
  const Word* found = std::ranges::lower_bound(kWords, name, {}, &Word::name);
  return found != std::end(kWords) && found->name == name ? found : nullptr;
}

bool is_anybody(JsonValue principal) {
  if (principal.string() == "*") return true;
  JsonValue aws = principal.member("AWS");
  if (aws.string() == "*") return true;
  for (JsonValue each = aws.is_array() ? aws.first() : JsonValue(); each; each = each.next()) {
    if (each.string() == "*") return true;
  }
  return false;
}

// Whether an IAM policy allows something to everybody, without a condition.
bool is_public_policy(std::string_view text) {
  if (text.size() > kPolicyBytes || !text.starts_with('{') || text.find("Principal") == std::string_view::npos)
    return false;
  Result<JsonDocument> document = JsonDocument::parse(text);
  if (!document) return false;
  JsonValue statement = document->root().member("Statement");
  auto opens = [](JsonValue one) {
    return one.member("Effect").string() == "Allow" && !one.member("Condition") && is_anybody(one.member("Principal"));
  };
  if (statement.is_object()) return opens(statement);
  for (JsonValue each = statement.is_array() ? statement.first() : JsonValue(); each; each = each.next()) {
    if (opens(each)) return true;
  }
  return false;
}

class Walk {
 public:
  explicit Walk(AwsJudge& judge) : judge_(judge) {
    std::string_view name = judge.call().operation->name;
    creates_ = name.starts_with("Create") || name.starts_with("Run") || name.starts_with("Allocate");
  }

  void over(const AwsNode& node, bool names_count) {
    if (names_count) look(node);
    for (const AwsNode* each = node.first; each; each = each->next) over(*each, node.is_object() && !node.many);
  }

 private:
  void look(const AwsNode& node) {
    std::string_view key = node.key.starts_with('?') ? node.key.substr(1) : node.key;
    if (key.ends_with("olicy") || key.ends_with("PolicyDocument") || key.ends_with("olicyText") ||
        key == "AttributeValue") {
      if (node.is_string() && is_change(judge_.call().operation->effect) && is_public_policy(node.text)) {
        judge_.flag("public");
        judge_.raise(Effect::administer, "a policy that lets everybody in");
      }
    }
    const Word* word = word_of(key);
    if (!word || (word->of == existing && creates_) || !holds(word->when, node)) return;
    judge_.flag(word->flag);
    // A listing that is only asked to try stays a listing.
    if (word->effect && is_change(judge_.call().operation->effect))
      judge_.raise(*word->effect, "parameter " + std::string(key));
  }

  AwsJudge& judge_;
  bool creates_ = false;
};

bool rule_fits(const AwsRule& rule, const AwsCall& call) {
  if (rule.service != call.service->iam_prefix) return false;
  if (rule.operation.ends_with('*'))
    return call.operation->name.starts_with(rule.operation.substr(0, rule.operation.size() - 1));
  return rule.operation == call.operation->name;
}

void pass_roles(AwsJudge& judge) {
  const AwsOperation& operation = *judge.call().operation;
  if (!is_change(operation.effect)) return;
  for (std::string_view path : operation.roles) {
    for (const AwsNode* each : aws_values_at(judge.in(), path)) {
      if (!each->is_string() || each->text.empty()) continue;
      judge.flag("pass_role");
      std::string arn =
          each->text.starts_with("arn:")
              ? std::string(each->text)
              : aws_arn(judge.wire().partition, "iam", "", judge.wire().account.empty() ? "*" : judge.wire().account,
                        "role/" + std::string(each->text));
      judge.touch(std::move(arn), std::max(operation.effect, Effect::administer), "the service will act as this role");
    }
  }
}

}  // namespace

const AwsNode* AwsJudge::at(std::string_view path) const {
  const AwsNode* node = &in_;
  while (node && !path.empty()) {
    std::size_t dot = std::min(path.find('.'), path.size());
    node = node->member(path.substr(0, dot));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return node;
}

std::string_view AwsJudge::text(std::string_view path) const {
  const AwsNode* node = at(path);
  return node && (node->is_string() || node->kind == AwsKind::number) ? node->text : std::string_view();
}

bool AwsJudge::is_true(std::string_view path) const {
  const AwsNode* node = at(path);
  return node && node->is_true();
}

bool AwsJudge::is_false(std::string_view path) const {
  const AwsNode* node = at(path);
  return node && node->is_false();
}

void AwsJudge::raise(Effect effect, std::string_view why) {
  for (AwsAccess& each : call_.accesses) {
    if (each.effect >= effect) continue;
    each.effect = effect;
    each.why = why;
  }
}

void AwsJudge::touch(std::string arn, Effect effect, std::string_view why) {
  effect = std::max(effect, least_);
  if (call_.accesses.size() >= kAwsAccesses) {
    call_.flags.emplace("accesses_cut");
    if (call_.accesses.size() == kAwsAccesses)
      call_.accesses.push_back({aws_account_wide(wire_, *call_.service), effect, std::string(why)});
    AwsAccess& rest = call_.accesses.back();
    rest.effect = std::max(rest.effect, effect);
    return;
  }
  call_.accesses.push_back({std::move(arn), effect, std::string(why)});
}

void AwsJudge::name_each(Effect least) {
  least_ = least;
  call_.accesses.clear();
}

std::string AwsJudge::arn(std::string_view service, std::string_view kind, std::string_view name) const {
  if (name.starts_with("arn:")) return std::string(name);
  return aws_arn(wire_.partition, service, wire_.region.empty() ? "*" : wire_.region,
                 wire_.account.empty() ? "*" : wire_.account, std::string(kind) + std::string(name));
}

void judge_aws_parameters(const AwsWire& wire, const AwsNode& parameters, AwsCall& call) {
  AwsJudge judge(wire, parameters, call);
  bool ruled = false;
  for (auto rules : {aws_storage_rules(), aws_data_rules(), aws_compute_rules(), aws_control_rules()}) {
    for (const AwsRule& rule : rules) {
      if (!rule_fits(rule, call)) continue;
      ruled = true;
      rule.judge(judge);
    }
  }
  if (call.flags.contains("body_unread") && (ruled || is_change(call.operation->effect)))
    judge.touch(aws_account_wide(wire, *call.service), Effect::destroy, "what the body asks for could not be read");
  // A rule that was to name each thing and found none.
  if (call.accesses.empty())
    judge.touch(aws_account_wide(wire, *call.service), call.operation->effect, "the request names nothing");
  Walk(judge).over(parameters, false);
  pass_roles(judge);
}

void write_aws_parameters(const AwsNode& parameters, AwsCall& call) {
  call.parameters = to_json(parameters);
  if (call.parameters.size() <= kAwsParameterBytes) return;
  call.flags.emplace("parameters_cut");
  struct Member {
    std::string_view key;
    std::string json;
  };
  std::vector<Member> members;
  for (const AwsNode* each = parameters.first; each; each = each->next) {
    AwsNode alone;
    alone.kind = AwsKind::object;
    AwsNode copy = *each;
    copy.next = nullptr;
    alone.first = alone.last = &copy;
    alone.count = 1;
    std::string json = to_json(alone);
    members.push_back({each->key, json.substr(1, json.size() - 2)});
  }
  std::ranges::sort(members, {}, [](const Member& each) { return each.json.size(); });
  std::size_t used = 2;
  std::vector<Member> kept;
  for (Member& each : members) {
    if (used + each.json.size() + 1 > kAwsParameterBytes) {
      call.left_out.emplace_back(each.key.substr(0, 256));
      continue;
    }
    used += each.json.size() + 1;
    kept.push_back(std::move(each));
  }
  std::ranges::sort(kept, {}, &Member::key);
  std::ranges::sort(call.left_out);
  if (call.left_out.size() > 64) call.left_out.resize(64);
  call.parameters = "{";
  for (const Member& each : kept) call.parameters += (each.json == kept.front().json ? "" : ",") + each.json;
  call.parameters += "}";
}

}  // namespace countersign::adapters
