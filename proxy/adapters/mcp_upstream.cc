#include "proxy/adapters/mcp_upstream.h"

#include <algorithm>

#include "core/json_writer.h"

namespace countersign::adapters {
namespace {

Result<std::optional<Effect>> parse_effect(const std::optional<std::string>& name) {
  if (!name) return std::optional<Effect>();
  std::optional<Effect> effect = effect_from_name(*name);
  if (!effect) return fail(ErrorKind::invalid, "config.bad_effect", "`" + *name + "` is not an effect");
  return effect;
}

// "path production/x": the last part of the pointer and what it names, for the sentence approvers read.
std::string phrase(std::string_view pointer, std::string_view name) {
  std::string_view label = pointer.substr(pointer.rfind('/') == std::string_view::npos ? 0 : pointer.rfind('/') + 1);
  return std::string(label) + " " + std::string(name.empty() ? "." : name);
}

constexpr std::size_t kPhrases = 4;

// The next character of a key, in lower case. Beyond ASCII two characters are the same letter as an ASCII one when case
// is ignored (Unicode CaseFolding.txt): U+017F, long s, and U+212A, the Kelvin sign.
char next_letter(std::string_view& text) {
  for (auto [spelling, letter] : {std::pair{std::string_view("\xC5\xBF"), 's'}, {"\xE2\x84\xAA", 'k'}}) {
    if (!text.starts_with(spelling)) continue;
    text.remove_prefix(spelling.size());
    return letter;
  }
  char c = text.front();
  text.remove_prefix(1);
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool same_but_for_case(std::string_view a, std::string_view b) {
  if (a == b) return false;
  while (!a.empty() && !b.empty()) {
    if (next_letter(a) != next_letter(b)) return false;
  }
  return a.empty() && b.empty();
}

// A reference token of RFC 6901 without its escapes.
std::string unescaped(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~' || i + 1 == token.size()) {
      out += token[i];
    } else {
      out += token[++i] == '1' ? '/' : '~';
    }
  }
  return out;
}

// Whether an object on the pointer's way has a member that differs from the pointer's only by case. Servers that decode
// into the fields of a type often take it for the same, and of two the last.
bool has_look_alike(JsonValue value, std::string_view pointer) {
  while (value && pointer.starts_with('/')) {
    std::string_view step = pointer.substr(0, std::min(pointer.find('/', 1), pointer.size()));
    std::string wanted = unescaped(step.substr(1));
    for (JsonValue member = value.is_object() ? value.first() : JsonValue(); member; member = member.next()) {
      if (same_but_for_case(member.key(), wanted)) return true;
    }
    value = value.at(step);
    pointer.remove_prefix(step.size());
  }
  return false;
}

}  // namespace

Result<McpUpstream> McpUpstream::create(const config::Upstream& upstream) {
  std::vector<Rule> rules;
  for (const config::ToolRule& configured : upstream.tools) {
    Result<std::optional<Effect>> effect = parse_effect(configured.effect);
    if (!effect) return fail(effect.error());
    Rule rule{configured.tool, *effect, {}, configured.resource_type};
    for (const config::ToolResource& resource : configured.resources) {
      Result<std::optional<Effect>> own = parse_effect(resource.effect);
      if (!own) return fail(own.error());
      rule.pointers.push_back({resource.pointer, *own});
    }
    rules.push_back(std::move(rule));
  }
  return McpUpstream(upstream, std::move(rules));
}

McpUpstream::McpUpstream(config::Upstream upstream, std::vector<Rule> rules)
    : upstream_(std::move(upstream)), rules_(std::move(rules)), namer_(upstream_) {}

const McpUpstream::Rule* McpUpstream::rule_of(std::string_view tool) const {
  const Rule* any = nullptr;
  for (const Rule& rule : rules_) {
    if (rule.tool == tool) return &rule;
    if (rule.tool == "*") any = &rule;
  }
  return any;
}

Effect McpUpstream::effect_of(const McpTool& tool, const Rule* rule) const {
  if (rule && rule->effect) return *rule->effect;
  if (!tool.annotated) return Effect::destroy;
  if (tool.read_only) return Effect::read;
  return tool.destructive ? Effect::destroy : Effect::write;
}

Operation McpUpstream::base(std::string_view action) const {
  Operation operation;
  operation.protocol = "mcp";
  operation.upstream = upstream_.name;
  operation.action = action;
  return operation;
}

Resource McpUpstream::resource(std::string_view type, std::string_view name) const {
  return {std::string(type), upstream_.name + "/" + std::string(name), std::string(name)};
}

Result<std::vector<Access>> McpUpstream::named_by(const Rule& rule, const Pointer& pointer, Effect effect,
                                                  JsonValue arguments) const {
  auto unnamed = [&] {
    return fail(
        ErrorKind::malformed, "mcp.resource_missing",
        "the argument " + pointer.pointer + " must be a string, or a list of strings, that says what is touched");
  };
  std::vector<Access> accesses;
  if (has_look_alike(arguments, pointer.pointer))
    return fail(ErrorKind::malformed, "mcp.ambiguous_resource",
                "the arguments have another spelling of " + pointer.pointer + ", which says what is touched");
  JsonValue value = arguments.at(pointer.pointer);
  if (!value) return accesses;
  bool list = value.is_array();
  if (list && value.size() == 0) return unnamed();
  if (list && value.size() > kMaxAccesses)
    return fail(ErrorKind::malformed, "mcp.too_many_resources", "the call names too many resources at once");
  for (JsonValue item = list ? value.first() : value; item; item = list ? item.next() : JsonValue()) {
    if (!item.is_string()) return unnamed();
    Result<std::string> name = namer_.argument(*item.string());
    if (!name) {
      Error error = name.error();
      error.message += " (argument " + pointer.pointer + ")";
      return fail(std::move(error));
    }
    accesses.push_back({resource(rule.type, *name), pointer.effect.value_or(effect)});
  }
  return accesses;
}

Result<Operation> McpUpstream::call_tool(const McpTool& tool, JsonValue arguments) const {
  const Rule* rule = rule_of(tool.name);
  Effect effect = effect_of(tool, rule);
  Operation operation = base("mcp:call_tool");
  std::string phrases;
  std::size_t count = 0;
  if (rule) {
    bool exact = rule->tool == tool.name;
    for (const Pointer& pointer : rule->pointers) {
      Result<std::vector<Access>> named = named_by(*rule, pointer, effect, arguments);
      if (!named) return fail(named.error());
      if (named->empty() && exact && is_change(pointer.effect.value_or(effect)))
        return fail(ErrorKind::malformed, "mcp.resource_missing",
                    "the argument " + pointer.pointer + ", which says what is touched, is missing");
      for (Access& access : *named) {
        if (++count <= kPhrases) phrases += (count > 1 ? ", " : "") + phrase(pointer.pointer, access.resource.name);
        operation.accesses.push_back(std::move(access));
      }
    }
    bool whole = exact && !rule->pointers.empty() && operation.accesses.empty();
    if (whole) operation.accesses.push_back({resource(rule->type, ""), effect});
  }
  if (operation.accesses.size() > kMaxAccesses)
    return fail(ErrorKind::malformed, "mcp.too_many_resources", "the call names too many resources at once");
  if (operation.accesses.empty()) operation.accesses.push_back({resource("Tool", tool.name), effect});
  operation.summary = "call " + tool.name + " on " + upstream_.name;
  if (count > kPhrases) phrases += " and " + std::to_string(count - kPhrases) + " more";
  if (count > 0) operation.summary += " (" + phrases + ")";
  JsonWriter(operation.input)
      .begin_object()
      .key("arguments")
      .raw(arguments ? arguments.canonical() : "{}")
      .member("tool", tool.name)
      .end_object();
  return operation;
}

Operation McpUpstream::list_tool(const McpTool& tool) const {
  const Rule* rule = rule_of(tool.name);
  Effect effect = effect_of(tool, rule);
  Operation operation = base("mcp:call_tool");
  operation.summary = "call " + tool.name + " on " + upstream_.name;
  // What the arguments will name is not known yet: any resource of that type (policies::could_allow).
  for (std::size_t i = 0; rule && i < rule->pointers.size(); ++i) {
    Access access{resource(rule->type, ""), rule->pointers[i].effect.value_or(effect)};
    bool known = std::ranges::any_of(operation.accesses, [&](const Access& a) { return a.effect == access.effect; });
    if (!known) operation.accesses.push_back(std::move(access));
  }
  if (operation.accesses.empty()) operation.accesses.push_back({resource("Tool", tool.name), effect});
  JsonWriter(operation.input).begin_object().member("tool", tool.name).end_object();
  return operation;
}

Result<Operation> McpUpstream::read_resource(std::string_view uri) const {
  Result<std::string> name = namer_.uri(uri);
  if (!name) return fail(name.error());
  Operation operation = base("mcp:read_resource");
  operation.summary = "read the resource " + *name + " on " + upstream_.name;
  operation.accesses.push_back({resource("McpResource", *name), Effect::read});
  JsonWriter(operation.input).begin_object().member("uri", uri).end_object();
  return operation;
}

Result<Operation> McpUpstream::use_prompt(std::string_view action, std::string_view prompt) const {
  bool plain = !prompt.empty() && prompt.size() <= 256 && is_composed_unicode(prompt) &&
               std::ranges::none_of(prompt, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (!plain) return fail(ErrorKind::malformed, "mcp.ambiguous_resource", "the prompt's name is not plain text");
  Operation operation = base(action);
  operation.summary = "use the prompt " + std::string(prompt) + " on " + upstream_.name;
  operation.accesses.push_back({resource("McpPrompt", prompt), Effect::read});
  JsonWriter(operation.input).begin_object().member("prompt", prompt).end_object();
  return operation;
}

Operation McpUpstream::read_all(std::string_view action, std::string_view type) const {
  Operation operation = base(action);
  operation.summary = std::string(action.substr(action.find(':') + 1)) + " on " + upstream_.name;
  std::ranges::replace(operation.summary, '_', ' ');
  operation.accesses.push_back({resource(type, ""), Effect::read});
  return operation;
}

}  // namespace countersign::adapters
