#include "proxy/adapters/terraform_request.h"

#include <openssl/evp.h>

#include <array>
#include <optional>

#include "core/bytes.h"
#include "core/json_reader.h"
#include "core/json_writer.h"
#include "proxy/adapters/http_fields.h"
#include "proxy/adapters/reply.h"
#include "proxy/adapters/resource_name.h"

namespace countersign::adapters {
namespace {

std::unexpected<Error> refused(std::string_view code, std::string message) {
  return fail(ErrorKind::malformed, code, std::move(message));
}

std::optional<TerraformVerb> verb_of(std::string_view method) {
  if (method == "GET") return TerraformVerb::read_state;
  if (method == "POST" || method == "PUT") return TerraformVerb::write_state;
  if (method == "DELETE") return TerraformVerb::delete_state;
  if (method == "LOCK") return TerraformVerb::lock;
  if (method == "UNLOCK") return TerraformVerb::unlock;
  return std::nullopt;
}

Result<std::string> state_of(const RequestHead& head) {
  Result<std::string> name = name_of_uri_path(head.path(), RawUnicode::refused, "terraform.ambiguous_path");
  if (!name) return name;
  if (name->empty()) return refused("terraform.no_state", "the path names no state");
  // It names the same thing for us, and another one for some servers.
  if (head.path().ends_with('/')) return refused("terraform.ambiguous_path", "a state's path has no final slash");
  return name;
}

// The lock's ID in the query of a write; nothing else stands in any query.
Result<std::string> lock_in_query(const TerraformRequest& request) {
  const RequestHead& head = request.head;
  if (head.target.find('?') == std::string::npos) return std::string();
  constexpr std::string_view kName = "ID=";
  const bool writes = request.verb == TerraformVerb::write_state;
  if (!writes || !head.query().starts_with(kName) || !is_lock_id(head.query().substr(kName.size())))
    return refused("terraform.bad_query", "only a write has a query, and in it nothing but the lock: ?ID=…");
  return std::string(head.query().substr(kName.size()));
}

// Of LOCK and UNLOCK.
Status read_lock(const BodyView& body, TerraformRequest& request) {
  const bool unlock = request.verb == TerraformVerb::unlock;
  if (!body.complete() || body.size > kMaxLockBytes)
    return fail(ErrorKind::too_large, "terraform.bad_lock", "the lock cannot be read: it is too long");
  request.body = body.in_memory;
  if (Status intact = check_content_md5(request.head.headers, request.body); !intact) return intact;
  if (unlock && request.body.empty()) return {};
  Result<TerraformLock> lock = read_terraform_lock(request.body, unlock ? LockId::optional : LockId::needed);
  if (!lock) return fail(lock.error());
  request.lock = std::move(*lock);
  return {};
}

Status read_body(const BodyView& body, TerraformRequest& request) {
  const bool encoded = request.head.headers.get("Content-Encoding").has_value();
  switch (request.verb) {
    case TerraformVerb::read_state:
    case TerraformVerb::delete_state:
      if (body.size > 0 && looks_like_a_lock(body.in_memory))
        return refused("terraform.lock_method", "locks are released with UNLOCK here: leave unlock_method out");
      if (body.size > 0) return refused("terraform.bad_body", "only writes and locks have a body");
      return {};
    case TerraformVerb::write_state:
      if (body.size == 0) return refused("terraform.bad_body", "a write has the state as its body");
      if (encoded) return refused("terraform.bad_body", "a compressed state is not read");
      if (looks_like_a_lock(body.in_memory))
        return refused("terraform.lock_method", "locks are taken with LOCK here: leave lock_method out");
      return {};
    case TerraformVerb::lock:
    case TerraformVerb::unlock:
      if (encoded) return refused("terraform.bad_body", "a compressed lock is not read");
      return read_lock(body, request);
  }
  return refused("terraform.bad_body", "the body cannot be read");
}

Status complete(const BodyView& body, TerraformRequest& request) {
  const std::optional<TerraformVerb> verb = verb_of(request.head.method);
  if (!verb) {
    return fail(ErrorKind::unsupported, "terraform.method_not_supported",
                "states are read with GET, written with POST or PUT, deleted with DELETE, and locked with LOCK and "
                "UNLOCK");
  }
  request.verb = *verb;
  Result<std::string> state = state_of(request.head);
  if (!state) return fail(state.error());
  request.state = std::move(*state);
  Result<std::string> lock = lock_in_query(request);
  if (!lock) return fail(lock.error());
  if (Status read = read_body(body, request); !read) return read;
  if (!lock->empty()) request.lock.id = std::move(*lock);
  return {};
}

}  // namespace

Status check_content_md5(const HeaderList& headers, std::string_view body) {
  const std::size_t times = headers.count("Content-MD5");
  if (times == 0) return {};
  std::array<std::uint8_t, 16> digest{};
  unsigned int size = 0;
  if (::EVP_Digest(body.data(), body.size(), digest.data(), &size, ::EVP_md5(), nullptr) != 1 || size != digest.size())
    return fail(ErrorKind::unavailable, "terraform.content_md5",
                "MD5 is not available here: Content-MD5 cannot be checked");
  if (times == 1 && headers.get("Content-MD5") == to_base64(digest)) return {};
  return refused("terraform.content_md5", "the body is not the one that Content-MD5 is of");
}

Result<TerraformRequest> read_terraform_request(const Inbound& inbound) {
  const RequestHead& head = *inbound.head;
  if (Status fields = check_request_fields(head.headers); !fields) return fail(fields.error());
  TerraformRequest request;
  request.head = {head.method, std::string(inbound.rest), fields_to_forward(head.headers)};
  request.lineage = inbound.lineage;
  if (Status known = complete(inbound.body, request); !known) return fail(known.error());
  return request;
}

std::string freeze_terraform_request(const TerraformRequest& request) {
  std::string out;
  JsonWriter(out)
      .begin_object()
      .key("headers")
      .raw(encode_headers(request.head.headers))
      .member("lineage", request.lineage)
      .member("method", request.head.method)
      .member("target", request.head.target)
      .end_object();
  return out;
}

Result<TerraformRequest> thaw_terraform_request(const approvals::Frozen& frozen, std::string_view body) {
  auto damaged = [] { return fail(ErrorKind::internal, "request.malformed", "the stored request cannot be read"); };
  Result<JsonDocument> document = JsonDocument::parse(frozen.head);
  if (!document) return damaged();
  const JsonValue root = document->root();
  std::optional<std::string_view> lineage = root.member("lineage").string();
  std::optional<std::string_view> method = root.member("method").string();
  std::optional<std::string_view> target = root.member("target").string();
  Result<HeaderList> headers = decode_headers(root.member("headers").canonical());
  if (!lineage || !method || !target || !headers) return damaged();
  TerraformRequest request;
  request.head = {std::string(*method), std::string(*target), std::move(*headers)};
  request.lineage = *lineage;
  const BodyView view{.size = frozen.body_size, .sha256 = frozen.body_sha256, .in_memory = body};
  if (Status known = complete(view, request); !known) return fail(known.error());
  return request;
}

std::string terraform_identity(const TerraformRequest& request) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().member("lineage", request.lineage);
  if (request.verb == TerraformVerb::lock) writer.key("lock").raw(lock_without_attempt(request.body));
  writer.member("method", request.head.method).member("target", request.head.target).end_object();
  return out;
}

}  // namespace countersign::adapters
