#include "proxy/adapters/mcp_answers.h"

#include "core/json.h"
#include "core/json_writer.h"

namespace countersign::adapters {
namespace {

// {"content":[{"text":…,"type":"text"}],"isError":…,"structuredContent":{"countersign":…}}
std::string result(std::string_view text, bool is_error, std::string_view answer) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().key("content").begin_array();
  writer.begin_object().member("text", text).member("type", "text").end_object().end_array();
  writer.member("isError", is_error);
  writer.key("structuredContent").begin_object().key("countersign").raw(answer).end_object().end_object();
  return out;
}

bool has_reference(const Json& schema) {
  if (schema.is_object()) {
    for (std::string_view key : {"$ref", "$dynamicRef", "$recursiveRef", "$id", "$anchor", "$dynamicAnchor"}) {
      if (schema.contains(key)) return true;
    }
  }
  if (!schema.is_structured()) return false;
  for (const Json& inner : schema) {
    if (has_reference(inner)) return true;
  }
  return false;
}

Json envelope_schema() {
  return Json{{"type", "object"},
              {"required", Json::array({"countersign"})},
              {"properties", {{"countersign", {{"type", "object"}, {"required", Json::array({"status"})}}}}}};
}

}  // namespace

std::string tool_pending_result(std::string_view tool, const Pending& pending) {
  std::string answer;
  JsonWriter(answer)
      .begin_object()
      .member("expires", format_time(pending.expires))
      .member("link", pending.link)
      .member("reason", pending.reason)
      .member("request", pending.request)
      .member("retry_after_seconds", pending.retry_after_seconds)
      .member("status", pending.undocumented.empty() ? "pending_approval" : "documentation_needed")
      .strings("undocumented", pending.undocumented)
      .end_object();
  std::string text = "This call of " + std::string(tool) +
                     " is held for approval and has not run. Why: " + pending.reason +
                     ". A person decides about request " + pending.request + " at " + pending.link + " until " +
                     format_time(pending.expires) +
                     ". To get the result, make exactly the same call again later (same tool, same arguments; at the "
                     "earliest in " +
                     std::to_string(pending.retry_after_seconds) +
                     " seconds). A call with other arguments is another request. Do not look for a way around it.";
  return result(text, false, answer);
}

std::string with_note(const std::string& answer, std::string_view note) {
  Result<Json> json = parse_json(answer);
  if (!json || !json->is_object() || !json->contains("result")) return answer;
  Json& result = (*json)["result"];
  if (!result.is_object() || !result.contains("content") || !result["content"].is_array()) return answer;
  Json& content = result["content"];
  content.insert(content.begin(), Json{{"type", "text"}, {"text", note}});
  return json->dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string tool_denied_result(const Denial& denial) {
  std::string answer;
  JsonWriter(answer)
      .begin_object()
      .member("code", denial.error.code)
      .member("reason", denial.error.message)
      .member_if("request", denial.request)
      .member("status", "denied")
      .end_object();
  std::string text = "Denied by Countersign (" + denial.error.code + "): " + denial.error.message + ".";
  return result(text, true, answer);
}

std::string tool_truncated_result() {
  std::string answer;
  JsonWriter(answer)
      .begin_object()
      .member("code", "approval.reply_truncated")
      .member("reason", "the approved call ran, but its answer was too long to be kept")
      .member("status", "done")
      .end_object();
  return result("The approved call ran, but its answer was too long to be kept. Do not repeat the call.", false,
                answer);
}

Result<std::string> listed_tool(std::string_view definition, std::string_view name) {
  Result<Json> tool = parse_json(definition);
  if (!tool || !tool->is_object())
    return fail(ErrorKind::malformed, "mcp.bad_tool", "a tool's definition is malformed");
  (*tool)["name"] = name;
  if (Json* execution = tool->contains("execution") ? &(*tool)["execution"] : nullptr;
      execution && execution->is_object())
    execution->erase("taskSupport");  // the gateway does not relay tasks
  if (tool->contains("outputSchema")) {
    Json original = (*tool)["outputSchema"];
    tool->erase("outputSchema");
    if (original.is_object() && !has_reference(original)) {
      Json widened = {{"type", "object"}};
      if (original.contains("$schema")) {
        widened["$schema"] = original["$schema"];
        original.erase("$schema");
      }
      widened["anyOf"] = Json::array({std::move(original), envelope_schema()});
      (*tool)["outputSchema"] = std::move(widened);
    }
  }
  return canonical_json(*tool);
}

}  // namespace countersign::adapters
