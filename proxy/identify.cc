#include "proxy/identify.h"

#include <array>

#include "auth/sigv4_chunks.h"

namespace countersign::proxy {
namespace {

// What the chunks of `wire` carry, each of them proven.
Result<http1::Spool> decode(const http1::Spool& wire, auth::ChunkDecoder& decoder, const http1::SpoolOptions& options) {
  http1::Spool decoded(options);
  std::array<std::uint8_t, 64 * 1024> buffer;
  std::string text;
  for (std::uint64_t offset = 0;;) {
    auto count = wire.read(offset, buffer);
    if (!count) return fail(count.error());
    if (*count == 0) break;
    offset += *count;
    text.clear();
    if (Status proven = decoder.feed(as_text(ByteView(buffer.data(), *count)), text); !proven)
      return fail(proven.error());
    if (Status kept = decoded.append(as_bytes(text)); !kept) return fail(kept.error());
  }
  if (Status whole = decoder.finish(); !whole) return fail(whole.error());
  decoded.finish();
  return decoded;
}

// What a signed request's body says of itself, each as soon as it is known.
struct Proven {
  std::string sha256;  // of what came
  std::optional<HeaderField> trailer;
};

// The caller of a signed request whose body has been read, and `exchange` with the body that was meant.
Task<Result<auth::Caller>> identify_signed(Parts* parts, http1::Exchange* exchange, const Route* route,
                                           const auth::SigV4Claim* claim, TimeMs now, Proven* proven) {
  const RequestHead& head = exchange->head();
  // Where the head says enough, a stranger's body is not even read.
  if (claim->payload.kind != auth::PayloadKind::body) {
    auto known = parts->authenticator.identify_sigv4(head, *claim, now);
    if (!known) co_return fail(known.error());
  }
  const std::uint64_t most = route->mount->adapter->body_limit(parts->config.limits);
  auto body = co_await exchange->read_body(most);
  if (!body) co_return fail(body.error());
  proven->sha256 = to_hex((*body)->digest());
  auto signer = parts->authenticator.identify_sigv4(head, *claim, now, proven->sha256);
  if (!signer) co_return fail(signer.error());
  if (claim->payload.is_streaming()) {
    auto decoder = auth::ChunkDecoder::make(*claim, signer->key);
    if (!decoder) co_return fail(decoder.error());
    auto decoded = decode(**body, *decoder, parts->spool);
    if (!decoded) co_return fail(decoded.error());
    exchange->replace_body(std::move(*decoded));
    proven->trailer = decoder->trailer();
  }
  co_return std::move(signer->caller);
}

}  // namespace

Task<Identified> identify(Parts* parts, http1::Exchange* exchange, const Route* route, TimeMs now) {
  const RequestHead& head = exchange->head();
  const bool signature_wanted = route && route->mount->adapter->takes_signatures();
  if (!auth::carries_sigv4(head)) {
    Identified out{.caller = parts->authenticator.identify(head, auth::Audience::agents, now)};
    if (!out.caller) {
      out.presented = parts->authenticator.presented_chain(head);
    } else if (signature_wanted) {
      out.presented = out.caller->chain;
      out.caller = fail(ErrorKind::unauthenticated, "aws.signature_required",
                        "requests to this upstream are signed: `countersign token seal --aws` gives the keys for it");
    }
    co_return out;
  }
  if (!signature_wanted)
    co_return Identified{.caller = fail(ErrorKind::unauthenticated, "sigv4.not_here",
                                        "only upstreams of protocol aws take AWS signatures")};
  auto claim = auth::parse_sigv4(head);
  if (!claim) co_return Identified{.caller = fail(claim.error())};
  const auth::SigV4Claim* claimed = &*claim;
  Proven proven;
  auto caller = co_await identify_signed(parts, exchange, route, claimed, now, &proven);
  Identified out{
      .caller = std::move(caller), .signed_for = {claim->service, claim->region}, .trailer = std::move(proven.trailer)};
  if (!out.caller) out.presented = parts->authenticator.presented_chain(head, *claim, proven.sha256);
  out.signature = std::move(*claim);
  co_return out;
}

}  // namespace countersign::proxy
