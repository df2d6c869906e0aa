#include "proxy/adapters/mcp_sentence.h"

#include <vector>

#include "core/json.h"
#include "proxy/adapters/sentence.h"

namespace countersign::adapters {
namespace {

constexpr std::size_t kMostNamed = 60;

std::vector<std::string> required_of(const approvals::Frozen& frozen) {
  std::vector<std::string> out;
  Result<Json> shown = parse_json(frozen.shown);
  const Json* required = shown && shown->is_object() ? find_member(*shown, "required") : nullptr;
  if (required == nullptr || !required->is_array()) return out;
  for (const Json& name : *required) {
    if (name.is_string()) out.push_back(name.get<std::string>());
  }
  return out;
}

struct Verb {
  std::string_view method;
  std::string_view words;
  std::string_view about;  // the member of params that is named next; empty: none
};
constexpr Verb kVerbs[] = {{"tools/call", "Call", "name"},
                           {"resources/read", "Read the resource", "uri"},
                           {"prompts/get", "Get the prompt", "name"},
                           {"completion/complete", "Ask for completions", ""},
                           {"resources/list", "List the resources", ""},
                           {"resources/templates/list", "List the templates of resources", ""},
                           {"prompts/list", "List the prompts", ""}};

}  // namespace

std::string mcp_sentence(const approvals::Frozen& frozen, std::string_view environment) {
  Result<Json> head = parse_json(frozen.head);
  if (!head || !head->is_object()) return "The stored request cannot be read any more.";
  const std::string method = string_or(*head, "method", "");
  const Json* params = find_member(*head, "params");
  std::string out = "Ask for " + said(method, kMostNamed);
  for (const Verb& verb : kVerbs) {
    if (verb.method != method) continue;
    out = verb.words;
    if (params != nullptr && !verb.about.empty()) out += " " + said(string_or(*params, verb.about, ""), kMostNamed);
  }
  out += place(frozen.upstream, environment);
  const Json* arguments = params != nullptr ? find_member(*params, "arguments") : nullptr;
  if (arguments != nullptr && arguments->is_object())
    say(out, ": ", said_members(*arguments, required_of(frozen), " "), kMaxSentence - 1);
  return out + ".";
}

}  // namespace countersign::adapters
