// Who sends a request: the first station of proxy/pipeline.cc.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/caller.h"
#include "auth/sigv4_request.h"
#include "proxy/adapters/adapter.h"
#include "proxy/http1/exchange.h"
#include "proxy/mounts.h"
#include "proxy/parts.h"

namespace countersign::proxy {

struct Identified {
  Result<auth::Caller> caller;
  std::vector<std::string> presented = {};  // of a refused one: the chain of the token it had, where that is genuine
  std::optional<auth::SigV4Claim> signature = {};  // nullopt: a bearer token
  adapters::SignedFor signed_for = {};
  std::optional<HeaderField> trailer = {};  // the checksum that came behind the body, proven
  std::shared_ptr<void> passing = {};       // a place among those whose bodies pass
};

// By the token in the head, or by an AWS signature made with one. A signature speaks for the body too, so a signed
// request's body is read here, proven in every kind of payload, and decoded: exchange->read_body() gives what the
// signer meant. A long one whose digest stands in the signed head may be left to pass while it arrives
// (Exchange::promise_body), where the adapter does not look into it. Only routes to upstreams of protocol aws take
// signatures, and they take nothing else.
//
// Errors: those of auth/authenticator.h, auth/aws_keys.h and auth/sigv4_chunks.h, of Exchange::read_body;
// aws.signature_required and sigv4.not_here (unauthenticated). `route` may be nullptr.
Task<Identified> identify(Parts* parts, http1::Exchange* exchange, const Route* route, TimeMs now);

}  // namespace countersign::proxy
