#include "policies/journal_line.h"

#include <algorithm>

#include "core/json_writer.h"
#include "policies/question.h"
#include "policies/session_json.h"

namespace countersign::policies {
namespace {

constexpr std::string_view kNothingKept = "*";

void collect_names(const cedar::Type& type, const std::string& path, KeptNames& out) {
  if (!type.is(cedar::TypeKind::record)) return;
  for (const cedar::AttributeType& attribute : type.attributes()) {
    std::string name = path + "." + attribute.name;
    out.insert(name);
    collect_names(*attribute.type, name, out);
  }
}

// Walks a value and its type together. What the type does not have is never written, also not inside of a value of
// another type than declared: of that, only what kind of value it is.
class Pruner {
 public:
  explicit Pruner(Pruned& out) : out_(out) {}

  void value(JsonValue json, const cedar::Type& type, const std::string& path) {
    if (json.is_object()) {
      if (type.is(cedar::TypeKind::record)) return object(json, type, path);
      if (type.is(cedar::TypeKind::set)) return value(json, *type.element(), path);
      out_.text += "{}";
    } else if (json.is_array()) {
      array(json, type, path);
    } else {
      json.append_canonical(out_.text);
    }
  }

 private:
  void object(JsonValue json, const cedar::Type& type, const std::string& path) {
    out_.text += '{';
    bool first = true;
    for (JsonValue member = json.first(); member; member = member.next()) {
      const cedar::AttributeType* known = type.find(member.key());
      if (known == nullptr) {
        out_.left_out = true;
        continue;
      }
      std::size_t before = out_.text.size();
      std::string name = path.empty() ? known->name : path + "." + known->name;
      if (!first) out_.text += ',';
      append_json_string(known->name, out_.text);
      out_.text += ':';
      std::size_t start = out_.text.size();
      value(member, *known->type, name);
      bool whole = known->type->is(cedar::TypeKind::record) && member.is_object();
      if (!whole && out_.text.size() - start > kValueBytes) {
        out_.text.resize(before);
        out_.dropped.push_back(name);
        continue;
      }
      first = false;
    }
    out_.text += '}';
  }

  void array(JsonValue json, const cedar::Type& type, const std::string& path) {
    out_.text += '[';
    bool list = type.is(cedar::TypeKind::set);
    for (JsonValue item = list ? json.first() : JsonValue(); item; item = item.next()) {
      if (out_.text.back() != '[') out_.text += ',';
      value(item, *type.element(), path);
    }
    out_.text += ']';
  }

  Pruned& out_;
};

void write_scope(const Scope& scope, JsonWriter& w) {
  w.key("scope").begin_array();
  for (const ScopeBlock& block : scope.blocks()) {
    w.begin_object();
    if (block.expires) w.member("expires", *block.expires);
    if (block.not_before) w.member("not_before", *block.not_before);
    w.key("rules").begin_array();
    for (const ScopeRule& rule : block.rules) {
      w.begin_object();
      w.strings("actions", rule.actions).strings("effects", rule.effects.names());
      w.strings("environments", rule.environments).strings("resources", rule.resources);
      w.strings("upstreams", rule.upstreams).end_object();
    }
    w.end_array().end_object();
  }
  w.end_array();
}

enum class Inputs : std::uint8_t { pruned, as_they_are, none };

// Parameters of one access or of the operation, as they go into the line.
class InputWriter {
 public:
  InputWriter(const JournalEntry& entry, Inputs inputs) : entry_(entry), inputs_(inputs) {
    left_out = entry.left_out;
    dropped = entry.dropped;
    if (inputs == Inputs::none) dropped = {std::string(kNothingKept)};
  }
  void write(const std::string& action, const std::string& input, JsonWriter& w) {
    if (input.empty() || inputs_ == Inputs::none) return;
    if (inputs_ == Inputs::as_they_are) {
      w.key("input").raw(input);
      return;
    }
    const PolicySchema::Action* known =
        entry_.snapshot
            ? entry_.snapshot->schema().find(entry_.operation.protocol, cedar::EntityUid(vocabulary().action, action))
            : nullptr;
    Pruned pruned;
    if (known) {
      pruned = prune(input, *known->input);
    } else {
      pruned.left_out = true;
    }
    left_out = left_out || pruned.left_out;
    dropped.insert(dropped.end(), pruned.dropped.begin(), pruned.dropped.end());
    if (!pruned.text.empty()) w.key("input").raw(pruned.text);
  }
  bool left_out = false;
  std::vector<std::string> dropped;

 private:
  const JournalEntry& entry_;
  Inputs inputs_;
};

std::string resource_text(const Resource& resource) {
  return cedar::EntityUid(resource.type, resource.id).to_text();
}

void write_tags(const config::LabelSet& tags, JsonWriter& w) {
  w.key("tags").begin_object();
  if (tags.environment) w.member("environment", *tags.environment);
  if (tags.owner) w.member("owner", *tags.owner);
  if (tags.tier) w.member("tier", *tags.tier);
  w.end_object();
}

config::LabelSet parse_tags(JsonValue json) {
  config::LabelSet out;
  if (auto text = json.member("environment").string()) out.environment = *text;
  if (auto text = json.member("owner").string()) out.owner = *text;
  if (auto number = json.member("tier").integer()) out.tier = *number;
  return out;
}

void write_accesses(const Operation& operation, InputWriter& inputs, JsonWriter& w) {
  w.key("accesses").begin_array();
  for (const Access& access : operation.accesses) {
    w.begin_object();
    w.member_if("action", access.action).member("effect", effect_name(access.effect));
    inputs.write(operation.action_of(access), access.input, w);
    w.member("resource", resource_text(access.resource));
    if (access.tags) write_tags(*access.tags, w);
    w.end_object();
  }
  w.end_array();
}

std::string render(const JournalEntry& entry, Inputs how) {
  std::string out;
  JsonWriter w(out);
  InputWriter inputs(entry, how);
  w.begin_object();
  write_accesses(entry.operation, inputs, w);
  w.member("action", entry.operation.action).member("agent", entry.agent).member("code", entry.code);
  w.member("decision", verdict_name(entry.verdict)).strings("delegates", entry.delegates);
  w.member("digest", entry.policy_digest);
  // What was left out is known once the parameters have been looked through, and stands in front of them by its name.
  std::string input;
  JsonWriter in(input);
  in.begin_object();
  inputs.write(entry.operation.action, entry.operation.input, in);
  in.end_object();
  std::ranges::sort(inputs.dropped);
  inputs.dropped.erase(std::ranges::unique(inputs.dropped).begin(), inputs.dropped.end());
  w.strings("dropped", inputs.dropped);
  if (input.size() > 2) w.key("input").raw(std::string_view(input).substr(9, input.size() - 10));
  if (inputs.left_out) w.member("left_out", true);
  w.member("now", format_time(entry.at)).member("owner", entry.owner).strings("policies", entry.policies);
  w.member("protocol", entry.operation.protocol).member_if("root", entry.root);
  if (entry.scope) write_scope(*entry.scope, w);
  if (std::string said = session_text(entry.session); !said.empty()) w.key("session").raw(said);
  w.strings("shadow", entry.shadow).member_if("token", entry.token).member("upstream", entry.operation.upstream);
  w.end_object();
  out += '\n';
  return out;
}

std::unexpected<Error> malformed() {
  return fail(ErrorKind::malformed, "journal.malformed", "a line of the journal is no entry");
}

std::string text_of(JsonValue object, std::string_view key) {
  return std::string(object.member(key).string().value_or(std::string_view()));
}

std::vector<std::string> texts_of(JsonValue object, std::string_view key) {
  std::vector<std::string> out;
  for (JsonValue item = object.member(key).first(); item; item = item.next()) {
    if (auto text = item.string()) out.emplace_back(*text);
  }
  return out;
}

Result<Scope> parse_scope(JsonValue list) {
  std::vector<ScopeBlock> blocks;
  for (JsonValue item = list.first(); item; item = item.next()) {
    ScopeBlock block;
    if (auto time = item.member("expires").integer()) block.expires = *time;
    if (auto time = item.member("not_before").integer()) block.not_before = *time;
    for (JsonValue each = item.member("rules").first(); each; each = each.next()) {
      ScopeRule rule{texts_of(each, "upstreams"),
                     texts_of(each, "actions"),
                     texts_of(each, "resources"),
                     texts_of(each, "environments"),
                     {}};
      for (const std::string& name : texts_of(each, "effects")) {
        auto effect = effect_from_name(name);
        if (!effect) return malformed();
        rule.effects.add(*effect);
      }
      block.rules.push_back(std::move(rule));
    }
    blocks.push_back(std::move(block));
  }
  return Scope(std::move(blocks));
}

Result<Access> parse_access(JsonValue json, const std::string& upstream) {
  auto resource = read_resource(json.member("resource").string().value_or(std::string_view()));
  auto effect = effect_from_name(json.member("effect").string().value_or(std::string_view()));
  if (!resource || !effect) return malformed();
  if (resource->id.starts_with(upstream + "/")) resource->name = resource->id.substr(upstream.size() + 1);
  Access out{std::move(*resource), *effect, text_of(json, "action"), {}};
  if (JsonValue input = json.member("input")) out.input = input.canonical();
  if (JsonValue tags = json.member("tags")) out.tags = parse_tags(tags);
  return out;
}

}  // namespace

KeptNames kept_names(const Snapshot& snapshot) {
  KeptNames out;
  const Declarations& declared = snapshot.schema().parts().declared;
  collect_names(*declared.arguments, "arguments", out);
  collect_names(*declared.query, "query", out);
  collect_names(*declared.parameters, "parameters", out);
  return out;
}

Pruned prune(std::string_view json, const cedar::Type& type) {
  Pruned out;
  if (json.empty()) return out;
  auto document = JsonDocument::parse(json);
  if (!document || !document->root().is_object()) {
    out.left_out = true;
    return out;
  }
  Pruner(out).value(document->root(), type, "");
  return out;
}

std::string render_kept(std::string_view policy_digest, const KeptNames& names) {
  std::string out;
  JsonWriter w(out);
  w.begin_object().key("kept").begin_array();
  for (const std::string& name : names) w.value(name);
  w.end_array().member("set", policy_digest).end_object();
  out += '\n';
  return out;
}

std::string render_entry(const JournalEntry& entry) {
  std::string out = render(entry, Inputs::pruned);
  if (out.size() > kEntryBytes) out = render(entry, Inputs::none);
  if (out.size() > kEntryBytes) out.clear();
  return out;
}

Result<JournalEntry> parse_entry(JsonValue line) {
  JournalEntry out;
  out.operation.protocol = text_of(line, "protocol");
  out.operation.upstream = text_of(line, "upstream");
  out.operation.action = text_of(line, "action");
  out.agent = text_of(line, "agent");
  out.owner = text_of(line, "owner");
  out.token = text_of(line, "token");
  out.root = text_of(line, "root");
  out.code = text_of(line, "code");
  out.policy_digest = text_of(line, "digest");
  out.delegates = texts_of(line, "delegates");
  out.policies = texts_of(line, "policies");
  out.shadow = texts_of(line, "shadow");
  out.dropped = texts_of(line, "dropped");
  out.left_out = line.member("left_out").boolean().value_or(false);
  std::string decision = text_of(line, "decision");
  auto at = parse_time(line.member("now").string().value_or(std::string_view()));
  bool known = decision == "allow" || decision == "hold" || decision == "deny";
  if (!at || !known || out.agent.empty() || out.operation.action.empty()) return malformed();
  out.at = *at;
  out.verdict = decision == "allow" ? Verdict::allow : decision == "hold" ? Verdict::hold : Verdict::deny;
  if (JsonValue input = line.member("input")) out.operation.input = input.canonical();
  if (JsonValue scope = line.member("scope")) {
    auto read = parse_scope(scope);
    if (!read) return fail(read.error());
    out.scope = std::move(*read);
  }
  for (JsonValue each = line.member("accesses").first(); each; each = each.next()) {
    auto access = parse_access(each, out.operation.upstream);
    if (!access) return fail(access.error());
    out.operation.accesses.push_back(std::move(*access));
  }
  if (out.operation.accesses.empty()) return malformed();
  if (JsonValue said = line.member("session")) {
    auto session = parse_session(said, out.operation.accesses.size());
    if (!session) return malformed();
    out.session = std::move(*session);
  }
  return out;
}

std::string question_text(const JournalEntry& entry) {
  std::string out;
  JsonWriter w(out);
  InputWriter inputs(entry, Inputs::as_they_are);
  w.begin_object();
  write_accesses(entry.operation, inputs, w);
  w.member("action", entry.operation.action).member("agent", entry.agent).strings("delegates", entry.delegates);
  inputs.write(entry.operation.action, entry.operation.input, w);
  w.member("now", format_time(entry.at)).member("owner", entry.owner).member("protocol", entry.operation.protocol);
  if (std::string said = session_text(entry.session); !said.empty()) w.key("session").raw(said);
  w.member_if("token", entry.token).member("upstream", entry.operation.upstream).end_object();
  return out;
}

}  // namespace countersign::policies
