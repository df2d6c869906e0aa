#include "approvals/statement.h"

#include <algorithm>

#include "core/json.h"

namespace countersign::approvals {
namespace {

constexpr std::string_view kType = "countersign/vote/v1";
constexpr std::size_t kMostNameBytes = 200;
constexpr std::size_t kMostIdBytes = 100;
constexpr std::size_t kMostStages = 100;
constexpr std::size_t kMostStageBytes = 500;
constexpr std::size_t kNonceBytes = 32;

bool is_digest(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_digest_or_none(std::string_view text) {
  return text.empty() || is_digest(text);
}

Json to_json(const StatedRequest& request) {
  return {{"id", request.id},
          {"fingerprint", request.fingerprint},
          {"preview_sha256", request.preview_sha256},
          {"documentation_sha256", request.documentation_sha256},
          {"grant_sha256", request.grant_sha256},
          {"stages", request.stages},
          {"expires", format_time(request.expires)}};
}

Json to_json(const Statement& statement) {
  Json requests = Json::array();
  for (const StatedRequest& request : statement.requests) requests.push_back(to_json(request));
  return {{"type", kType},
          {"by", statement.by},
          {"for", statement.for_whom},
          {"decision", statement.decision == Choice::approve ? "approve" : "deny"},
          {"reason_sha256", statement.reason_sha256},
          {"nonce", statement.nonce},
          {"expires", format_time(statement.expires)},
          {"requests", std::move(requests)}};
}

std::unexpected<Error> malformed(std::string why) {
  return fail(ErrorKind::malformed, "statement.malformed", std::move(why));
}

// What a member of another type or none leaves empty does not survive the comparison with the canonical text.
StatedRequest read_request(const Json& json) {
  StatedRequest request;
  request.id = string_or(json, "id", "");
  request.fingerprint = string_or(json, "fingerprint", "");
  request.preview_sha256 = string_or(json, "preview_sha256", "");
  request.documentation_sha256 = string_or(json, "documentation_sha256", "");
  request.grant_sha256 = string_or(json, "grant_sha256", "");
  request.expires = parse_time(string_or(json, "expires", "")).value_or(0);
  const Json* stages = find_member(json, "stages");
  if (stages == nullptr || !stages->is_array() || stages->size() > kMostStages) return request;
  for (const Json& stage : *stages) {
    if (stage.is_string()) request.stages.push_back(stage.get<std::string>());
  }
  return request;
}

Statement read(const Json& json) {
  Statement statement;
  statement.by = string_or(json, "by", "");
  statement.for_whom = string_or(json, "for", "");
  statement.decision = string_or(json, "decision", "") == "approve" ? Choice::approve : Choice::deny;
  statement.reason_sha256 = string_or(json, "reason_sha256", "");
  statement.nonce = string_or(json, "nonce", "");
  statement.expires = parse_time(string_or(json, "expires", "")).value_or(0);
  const Json* requests = find_member(json, "requests");
  if (requests == nullptr || !requests->is_array() || requests->size() > kMostStatedRequests) return statement;
  for (const Json& request : *requests) statement.requests.push_back(read_request(request));
  return statement;
}

bool is_stage(std::string_view text) {
  const std::size_t slash = text.find('/');
  return text.size() <= kMostStageBytes && slash != std::string_view::npos && slash > 0 && slash + 1 < text.size();
}

Status check_request(const StatedRequest& request) {
  if (request.id.empty() || request.id.size() > kMostIdBytes) return malformed("a request has no id");
  if (!is_digest(request.fingerprint) || !is_digest(request.preview_sha256) ||
      !is_digest_or_none(request.documentation_sha256) || !is_digest_or_none(request.grant_sha256)) {
    return malformed("a digest is not 64 lower-case hex characters");
  }
  if (request.stages.empty() || !std::ranges::all_of(request.stages, is_stage)) {
    return malformed("stages are written rule/stage, at least one");
  }
  return {};
}

Status check(const Statement& statement) {
  if (statement.by.empty() || statement.by.size() > kMostNameBytes || statement.for_whom.size() > kMostNameBytes) {
    return malformed("it does not say whose statement it is");
  }
  if (!is_digest(statement.reason_sha256)) return malformed("a digest is not 64 lower-case hex characters");
  Result<Bytes> nonce = from_base64url(statement.nonce);
  if (!nonce || nonce->size() != kNonceBytes) return malformed("the nonce is not 32 bytes in base64url");
  if (statement.requests.empty()) return malformed("it is about no request, or about more than 100");
  std::vector<std::string_view> ids;
  for (const StatedRequest& request : statement.requests) {
    if (Status checked = check_request(request); !checked) return checked;
    ids.push_back(request.id);
  }
  std::ranges::sort(ids);
  if (std::ranges::adjacent_find(ids) != ids.end()) return malformed("a request is there twice");
  return {};
}

}  // namespace

std::string text(const Statement& statement) {
  return canonical_json(to_json(statement)).value_or("");
}

Result<Statement> parse_statement(std::string_view statement_text) {
  if (statement_text.size() > kMostStatementBytes) {
    return fail(ErrorKind::too_large, "statement.too_large", "a statement has at most 1 MiB");
  }
  Result<Json> json = parse_json(statement_text, {.bytes = kMostStatementBytes, .depth = 4, .values = 20'000});
  if (!json) return malformed("it is not JSON: " + json.error().message);
  Statement statement = read(*json);
  if (Status checked = check(statement); !checked) return fail(checked.error());
  if (text(statement) != statement_text) {
    return malformed("it is not in its canonical form, or has a member too many or too few");
  }
  return statement;
}

}  // namespace countersign::approvals
