#include "proxy/identify.h"

#include <algorithm>

#include "auth/sigv4_chunks.h"

namespace countersign::proxy {
namespace {

// The body, all of it; in chunks (`decoder` is not nullptr) what they carry, each of them proven as it comes.
Task<Result<http1::Spool*>> receive(http1::Exchange* exchange, std::uint64_t most, auth::ChunkDecoder* decoder) {
  if (decoder == nullptr) co_return co_await exchange->read_body(most);
  auto decode = [decoder](ByteView came, std::string& decoded) { return decoder->feed(as_text(came), decoded); };
  auto body = co_await exchange->read_decoded(most, std::move(decode));
  if (!body) co_return fail(body.error());
  if (Status whole = decoder->finish(); !whole) co_return fail(whole.error());
  co_return body;
}

// As many as may keep a connection to an upstream while they wait for their clients; the others are received first.
constexpr std::size_t kMostPassing = 16;

// A place among them; nullptr: all are taken.
std::shared_ptr<void> place_to_pass(Parts& parts) {
  if (parts.passing.fetch_add(1) >= kMostPassing) {
    parts.passing.fetch_sub(1);
    return nullptr;
  }
  return {&parts, [&parts](void*) { parts.passing.fetch_sub(1); }};
}

// Leaves the body to pass while it arrives, if it may. Its head has been proven.
std::shared_ptr<void> let_pass(Parts& parts, http1::Exchange& exchange, const adapters::Adapter& adapter,
                               const auth::SigV4Claim& claim, const auth::Caller& caller) {
  if (!adapter.passes_bodies() || claim.payload.kind != auth::PayloadKind::sha256) return nullptr;
  Result<Bytes> promised = from_hex(claim.payload.hex);
  Digest digest{};
  if (!promised || promised->size() != digest.size()) return nullptr;
  std::ranges::copy(*promised, digest.begin());
  std::shared_ptr<void> place = place_to_pass(parts);
  if (!place) return nullptr;
  // A body may take half an hour, in which its sender can have been stopped.
  auto proof = [&parts, digest, agent = caller.agent, chain = caller.chain, delegates = caller.delegates,
                expires = caller.expires](const Digest& came) -> Status {
    if (came != digest) {
      return fail(ErrorKind::unauthenticated, "sigv4.payload_mismatch",
                  "the body is not the one whose digest was signed");
    }
    if (parts.clock.now() >= expires)
      return fail(ErrorKind::forbidden, "token.expired", "the token expired before all of the request was here");
    return parts.authenticator.check_stored(agent, chain, delegates);
  };
  const config::Limits& limits = parts.config.limits;
  if (!exchange.promise_body(digest, limits.memory_bytes, adapter.body_limit(limits), std::move(proof))) return nullptr;
  return place;
}

// What a signed request's body says of itself, each as soon as it is known.
struct Proven {
  std::string sha256;  // of what came
  std::optional<HeaderField> trailer;
  std::shared_ptr<void> passing;
};

// The caller of a signed request whose body has been read, and `exchange` with the body that was meant.
Task<Result<auth::Caller>> identify_signed(Parts* parts, http1::Exchange* exchange, const Route* route,
                                           const auth::SigV4Claim* claim, TimeMs now, Proven* proven) {
  const RequestHead& head = exchange->head();
  std::optional<auth::ChunkDecoder> decoder;
  // Where the head says enough, a stranger's body is not even read.
  if (claim->payload.kind != auth::PayloadKind::body) {
    auto known = parts->authenticator.identify_sigv4(head, *claim, now);
    if (!known) co_return fail(known.error());
    proven->passing = let_pass(*parts, *exchange, *route->mount->adapter, *claim, known->caller);
    if (proven->passing) {
      proven->sha256 = claim->payload.hex;
      co_return std::move(known->caller);
    }
    if (claim->payload.is_streaming()) {
      auto made = auth::ChunkDecoder::make(*claim, known->key);
      if (!made) co_return fail(made.error());
      decoder.emplace(std::move(*made));
    }
  }
  const std::uint64_t most = route->mount->adapter->body_limit(parts->config.limits);
  auth::ChunkDecoder* chunks = decoder ? &*decoder : nullptr;
  auto body = co_await receive(exchange, most, chunks);
  if (!body) co_return fail(body.error());
  proven->sha256 = to_hex((*body)->digest());
  auto signer = parts->authenticator.identify_sigv4(head, *claim, now, proven->sha256);
  if (!signer) co_return fail(signer.error());
  if (decoder) proven->trailer = decoder->trailer();
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
  Identified out{.caller = std::move(caller),
                 .signed_for = {claim->service, claim->region},
                 .trailer = std::move(proven.trailer),
                 .passing = std::move(proven.passing)};
  if (!out.caller) out.presented = parts->authenticator.presented_chain(head, *claim, proven.sha256);
  out.signature = std::move(*claim);
  co_return out;
}

}  // namespace countersign::proxy
