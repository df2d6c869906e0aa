#include "proxy/adapters/http_adapter.h"

#include <algorithm>

#include "core/json.h"
#include "core/sha256.h"
#include "proxy/adapters/http_conversation.h"
#include "proxy/adapters/http_fields.h"
#include "proxy/adapters/http_request.h"
#include "proxy/adapters/http_sentence.h"
#include "proxy/adapters/preview.h"

namespace countersign::adapters {

Result<std::unique_ptr<HttpAdapter>> HttpAdapter::create(const config::Upstream& upstream) {
  Result<HttpOperations> operations = HttpOperations::load(upstream);
  if (!operations) return fail(operations.error());
  return std::unique_ptr<HttpAdapter>(new HttpAdapter(upstream, std::move(*operations)));
}

HttpAdapter::HttpAdapter(config::Upstream upstream, HttpOperations operations)
    : upstream_(std::move(upstream)), operations_(std::move(operations)) {
  std::string_view url = upstream_.url;
  std::size_t authority = url.find("://");
  std::size_t path =
      authority == std::string_view::npos ? url.size() : std::min(url.find('/', authority + 3), url.size());
  origin_ = url.substr(0, path);
  base_path_ = url.substr(path);
  while (base_path_.ends_with('/')) base_path_.pop_back();
}

Task<Status> HttpAdapter::prepare(Doors& doors) {
  static_cast<void>(doors);
  co_return Status();
}

Result<std::unique_ptr<Conversation>> HttpAdapter::describe(const Inbound& inbound, Doors& doors) const {
  static_cast<void>(doors);
  Result<HttpRequest> request = read_http_request(upstream_, operations_, base_path_, inbound);
  if (!request) return fail(request.error());
  Patience patience{.at_most = preferred_wait(inbound.head->headers, kMaxPreferredWait)};
  return std::make_unique<HttpConversation>(std::move(*request), inbound.body, patience,
                                            HttpLinks{origin_, base_path_});
}

Result<std::unique_ptr<Conversation>> HttpAdapter::thaw(const approvals::Frozen& frozen, std::string_view body,
                                                        Doors& doors) const {
  static_cast<void>(body);
  static_cast<void>(doors);
  Result<HttpRequest> request = thaw_http_request(upstream_, operations_, base_path_, frozen.head);
  if (!request) return fail(request.error());
  BodyView view{.size = frozen.body_size, .sha256 = frozen.body_sha256};
  return std::make_unique<HttpConversation>(std::move(*request), view, Patience{}, HttpLinks{origin_, base_path_});
}

Result<Edited> HttpAdapter::edit(const approvals::Frozen& frozen, std::string_view body, std::string_view change,
                                 Doors& doors) const {
  static_cast<void>(body);
  static_cast<void>(doors);
  Result<Json> wish = parse_json(change);
  const Json* text = wish && wish->is_object() && wish->size() == 1 ? find_member(*wish, "body") : nullptr;
  if (!text || !text->is_string())
    return fail(ErrorKind::invalid, "edit.malformed", "an HTTP request is edited with {\"body\": TEXT}");
  Result<HttpRequest> request = thaw_http_request(upstream_, operations_, base_path_, frozen.head);
  if (!request) return fail(request.error());
  if (request->form != FormBody::none || request->head.headers.get("Content-Encoding"))
    return fail(ErrorKind::unsupported, "approval.not_editable",
                "the body of a form or of an encoded request is not edited: deny it");
  std::string edited = text->get<std::string>();
  const std::string digest = to_hex(sha256(as_bytes(edited)));
  const BodyView view{.size = edited.size(), .sha256 = digest};
  request->has_body = !edited.empty();
  auto conversation =
      std::make_unique<HttpConversation>(std::move(*request), view, Patience{}, HttpLinks{origin_, base_path_});
  return Edited{std::move(conversation), std::move(edited)};
}

std::string HttpAdapter::sentence(const approvals::Frozen& frozen, std::string_view body,
                                  std::string_view environment) const {
  Result<HttpRequest> request = thaw_http_request(upstream_, operations_, base_path_, frozen.head);
  return request ? http_sentence(*request, frozen, body, environment) : std::string();
}

Preview HttpAdapter::preview(const approvals::Frozen& frozen, std::string_view body) const {
  Preview out;
  Result<HttpRequest> request = thaw_http_request(upstream_, operations_, base_path_, frozen.head);
  if (!request) {
    out.sentence = "The stored request cannot be read any more: " + request.error().message + ".";
    return out;
  }
  const RequestHead& head = request->head;
  out.sentence = http_sentence(*request, frozen, body, {});
  std::string lines = head.method + " " + head.target + "\n";
  for (const HeaderField& field : head.headers.fields()) lines += field.name + ": " + field.value + "\n";
  out.parts.push_back({"Request", "text/plain", printable(lines, kMaxPreviewBytes)});
  if (frozen.body_size > 0) {
    out.parts.push_back(
        preview_body("Body", body, frozen.body_size, frozen.body_sha256,
                     head.headers.get("Content-Encoding").has_value() ? Coding::encoded : Coding::plain));
  }
  return out;
}

Task<Status> HttpAdapter::refuse(ReplySink& sink, Denial denial, const Inbound& inbound) const {
  static_cast<void>(inbound);
  std::string extra;
  if (!denial.request.empty()) extra = "\"request\":\"" + denial.request + "\"";
  co_return co_await send_problem(sink, denial.status, std::move(denial.error), std::move(extra));
}

}  // namespace countersign::adapters
