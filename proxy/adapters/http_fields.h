// Which header fields of an HTTP request and its answer pass the proxy, and which of them belong to what is asked.
// Pure functions, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/clock.h"
#include "core/http_head.h"

namespace countersign::adapters {

// Refuses fields by which a request asks to be taken for another one: X-HTTP-Method-Override, X-HTTP-Method,
// X-Method-Override, X-Original-Method (http.method_override), X-Original-URL, X-Rewrite-URL (http.path_override); and
// values that are not UTF-8 (http.bad_header), since they could not be stored as they are.
Status check_request_fields(const HeaderList& headers);

// What is forwarded: without hop-by-hop fields (RFC 9110 section 7.6.1, those listed in Connection included), Host and
// Content-Length (the door writes them), credentials (an agent's own never reach an upstream), Forwarded and its kin
// (an agent does not say where a request comes from), and what is addressed to us: the
// `wait` of Prefer, and every field whose name begins with Countersign- (proxy/adapters/documentation.h).
[[nodiscard]] HeaderList fields_to_forward(const HeaderList& headers);

// What two requests that ask for the same have in common: all fields, their names in small letters, but Date,
// User-Agent, Accept-Encoding, Accept-Language, Priority, the identifiers of tracing, and those in `attempt` (what a
// protocol's clients make anew each time).
[[nodiscard]] HeaderList fields_that_count(const HeaderList& headers, std::span<const std::string_view> attempt = {});

// What of an upstream's answer reaches the agent: without hop-by-hop fields, and without what speaks about the
// upstream's origin or asks the agent for credentials it must not have (Set-Cookie, WWW-Authenticate,
// Strict-Transport-Security, Alt-Svc and others).
[[nodiscard]] HeaderList fields_to_answer(const HeaderList& headers);

// Seconds of `Prefer: wait=N` (RFC 7240 section 4.3) in milliseconds, at most `at_most`; 0 when there is none.
[[nodiscard]] TimeMs preferred_wait(const HeaderList& headers, TimeMs at_most);

}  // namespace countersign::adapters
