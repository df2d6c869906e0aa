#include "proxy/adapters/terraform_lock.h"

#include <algorithm>
#include <array>
#include <map>

#include "core/http_head.h"
#include "core/json_reader.h"
#include "core/json_writer.h"
#include "proxy/adapters/sentence.h"

namespace countersign::adapters {
namespace {

constexpr std::array<std::string_view, 7> kMembers = {"ID", "Operation", "Info", "Who", "Version", "Created", "Path"};
constexpr std::size_t kMostId = 128;

std::unexpected<Error> bad_lock(std::string why) {
  return fail(ErrorKind::malformed, "terraform.bad_lock", "the lock cannot be read: " + std::move(why));
}

// Whether a reader that takes `id` for `ID` would find one of the members under another spelling.
bool is_another_spelling(std::string_view key) {
  const bool ascii = std::ranges::all_of(key, [](char c) { return c > ' ' && c <= '~'; });
  return !ascii || std::ranges::any_of(kMembers, [&](std::string_view known) {
    return key != known && equal_ignoring_case(key, known);
  });
}

}  // namespace

bool is_lock_id(std::string_view text) {
  return !text.empty() && text.size() <= kMostId && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._:-").contains(c);
  });
}

bool looks_like_a_lock(std::string_view body) {
  if (body.size() > kMaxLockBytes) return false;
  Result<JsonDocument> document = JsonDocument::parse(body);
  if (!document || !document->root().is_object()) return false;
  const JsonValue root = document->root();
  return root.member("ID") && root.member("Operation") && !root.member("serial");
}

Result<TerraformLock> read_terraform_lock(std::string_view body, LockId id) {
  if (body.size() > kMaxLockBytes) return bad_lock("it is too long");
  Result<JsonDocument> document = JsonDocument::parse(body);
  if (!document) return bad_lock(document.error().message);
  const JsonValue root = document->root();
  if (!root.is_object()) return bad_lock("it is no JSON object");
  for (JsonValue member = root.first(); member; member = member.next()) {
    if (is_another_spelling(member.key())) return bad_lock("a member of it could be taken for another one");
    if (std::ranges::find(kMembers, member.key()) == kMembers.end()) continue;
    if (!member.is_string()) return bad_lock(std::string(member.key()) + " is not a text");
    if (member.string()->size() > kMaxLockField) return bad_lock(std::string(member.key()) + " is too long");
  }
  auto text = [&](std::string_view name) { return std::string(root.member(name).string().value_or("")); };
  TerraformLock out{text("ID"), text("Operation"), text("Info"), text("Who"), text("Version")};
  const bool absent = out.id.empty() && id == LockId::optional;
  if (!absent && !is_lock_id(out.id)) return bad_lock("it has no ID of letters, digits and any of . _ : -");
  return out;
}

std::string lock_without_attempt(std::string_view body) {
  Result<JsonDocument> document = JsonDocument::parse(body);
  std::map<std::string_view, std::string> members;  // their names are ASCII: the order is that of canonical JSON
  for (JsonValue each = document ? document->root().first() : JsonValue(); each; each = each.next()) {
    if (each.key() != "ID" && each.key() != "Created") members.emplace(each.key(), each.canonical());
  }
  std::string out = "{";
  for (const auto& [name, value] : members) {
    if (out.size() > 1) out += ',';
    append_json_string(name, out);
    out += ":" + value;
  }
  return out + "}";
}

bool is_plan(std::string_view operation) {
  return operation == "OperationTypePlan";
}

std::string command_of(std::string_view operation) {
  if (is_plan(operation)) return "terraform plan";
  if (operation == "OperationTypeApply") return "terraform apply or destroy";
  if (operation == "OperationTypeRefresh") return "terraform refresh";
  for (std::string_view command : {"rm", "mv", "push", "replace-provider"}) {
    if (operation == "state-" + std::string(command)) return "terraform state " + std::string(command);
  }
  for (std::string_view command : {"import", "taint", "untaint"}) {
    if (operation == command) return "terraform " + std::string(command);
  }
  constexpr std::size_t kMost = 40;
  return "terraform " + said(operation, kMost);
}

std::string lock_answer(const LockAnswer& answer) {
  std::string out;
  JsonWriter(out)
      .begin_object()
      .member("ID", answer.told)
      .member("Info", answer.link)
      .member("Operation", answer.operation)
      .member("Path", "")
      .member("Who", "Countersign")
      .member("code", answer.code)
      .member("detail", answer.detail)
      .member_if("link", answer.link)
      .member_if("request", answer.request)
      .member("status", std::int64_t{423})
      .member("title", "Locked")
      .end_object();
  return out;
}

}  // namespace countersign::adapters
