// Result<T>: a value or an expected failure.
//
// Every function that crosses a folder and can fail returns one of these; exceptions never cross folders. The error
// carries a stable, machine-readable `code` ("token.expired") that reaches the agent in problem documents and JSON-RPC
// answers, and a `message` for people. Neither may ever contain a secret or bytes of a credential.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace countersign {

// What sort of failure it is; fixes the HTTP status (core/http_head.h) and the CLI's exit code.
enum class ErrorKind {
  invalid,          // the caller asked for something that makes no sense          400, exit 2
  malformed,        // bytes that do not parse or break a protocol rule            400, exit 2
  unauthenticated,  // no credential, or one that cannot be checked                401, exit 1
  forbidden,        // known caller, refused                                       403, exit 1
  not_found,        //                                                             404, exit 1
  conflict,         // the state has moved on                                      409, exit 1
  too_large,        // over a documented limit                                     413, exit 1
  timed_out,        //                                                             408 / 504, exit 3
  unavailable,      // we, or something we need, cannot answer now                 503, exit 3
  unsupported,      // understood, and not done here                               501, exit 1
  internal,         // a bug or a broken disk                                      500, exit 3
};

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string code;     // stable, dotted, lower case: "audit.unavailable"
  std::string message;  // one sentence for a person, lower case, no full stop, no secret
};

template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};

using Status = Result<void>;

// `return fail(ErrorKind::not_found, "request.unknown", "no request has this id");`
[[nodiscard]] inline std::unexpected<Error> fail(ErrorKind kind, std::string_view code, std::string message) {
  return std::unexpected<Error>(Error{kind, std::string(code), std::move(message)});
}

// Hands an error on: `if (!x) return fail(x.error());`
[[nodiscard]] inline std::unexpected<Error> fail(Error error) {
  return std::unexpected<Error>(std::move(error));
}

}  // namespace countersign
