#include "proxy/adapters/relay.h"

#include <charconv>
#include <optional>
#include <utility>

#include "core/sha256.h"
#include "proxy/adapters/outcome.h"

namespace countersign::adapters {
namespace {

// Length of the body that follows, where the head says it.
std::optional<std::uint64_t> announced_length(const ResponseHead& head) {
  if (head.status == 204 || head.status == 304) return 0;
  std::string_view digits = head.headers.get("Content-Length").value_or("");
  std::uint64_t length = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return length;
}

}  // namespace

Task<Result<std::unique_ptr<HttpReply>>> send_upstream(Doors& doors, std::string_view upstream, RequestHead head,
                                                       BodySource* body) {
  HttpDoor* door = doors.http(upstream);
  if (door == nullptr) co_return fail(not_connected());
  co_return co_await door->send(std::move(head), body);
}

Task<Result<std::unique_ptr<HttpReply>>> ask_upstream(Doors& doors, std::string_view upstream, RequestHead head,
                                                      BodySource* body) {
  Result<std::unique_ptr<HttpReply>> reply = co_await send_upstream(doors, upstream, std::move(head), body);
  if (reply && (*reply)->head().status == 401) co_return fail(credential_refused());
  co_return std::move(reply);
}

Task<Result<std::string>> read_all(HttpReply& reply, std::size_t limit, Error too_long) {
  std::string out;
  while (true) {
    Result<ByteView> piece = co_await reply.read();
    if (!piece) co_return fail(piece.error());
    if (piece->empty()) co_return out;
    if (out.size() + piece->size() > limit) co_return fail(std::move(too_long));
    out += as_text(*piece);
  }
}

Task<Forwarded> relay(HttpReply& reply, ReplySink& sink, RelayStart start) {
  const int status = reply.head().status;
  std::optional<std::uint64_t> length = announced_length(reply.head());
  if (length) length = *length - start.replaced + start.first.size();
  Forwarded done{.outcome = outcome_of_status(status), .status = status};
  ResponseHead head{status, std::move(start.fields)};
  Status written = co_await sink.start(std::move(head), length);
  Sha256 digest;
  if (written && !start.first.empty()) {
    ByteView bytes = as_bytes(start.first);
    digest.update(bytes);
    done.body_bytes += bytes.size();
    written = co_await sink.write(bytes);
  }
  while (written) {
    Result<ByteView> piece = co_await reply.read();
    if (!piece) {
      // The answer's status stands, its body does not: the sink is left unfinished, so that the agent sees it too.
      done.outcome = "unknown";
      done.detail = "the upstream's answer broke off: " + piece.error().message;
      co_return done;
    }
    if (piece->empty()) break;
    digest.update(*piece);
    done.body_bytes += piece->size();
    ByteView bytes = *piece;
    written = co_await sink.write(bytes);
  }
  if (written) written = co_await sink.finish();
  if (!written) done.detail = "the agent did not take the answer: " + written.error().message;
  done.body_sha256 = to_hex(digest.finish());
  co_return done;
}

}  // namespace countersign::adapters
