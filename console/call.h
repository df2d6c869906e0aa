// One request to the admin API and its answer, without sockets: the API is a function from Call to Answer, so that
// tests and both listeners (TCP and admin.sock) go through the same code.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/http_head.h"
#include "core/json.h"
#include "core/result.h"

namespace countersign::auth {
struct Session;
}

namespace countersign::console {

class EventStream;

// Which listener a request came through. On the socket, file permission 0600 has authenticated the machine's
// administrator already.
enum class Channel : std::uint8_t { tcp, unix_socket };

// Who is asking. `person` is the only one that may vote.
struct Principal {
  enum class Kind : std::uint8_t { nobody, local_administrator, person };
  // What said who it is: the socket's file permission, a personal token, or the cookie of a session.
  enum class How : std::uint8_t { nothing, socket, token, session };
  Kind kind = Kind::nobody;
  How how = How::nothing;
  std::string name;                              // of the person; "local administrator"; empty for nobody
  std::vector<std::string> chain;                // hex token ids of the person's token, root first
  TimeMs signed_in = 0;                          // when the person last authenticated; of a token: when it was issued
  TimeMs expires = 0;                            // of the token or the session, at the latest
  std::shared_ptr<const auth::Session> session;  // with How::session

  [[nodiscard]] bool is_person() const { return kind == Kind::person; }
};

// An answer too long to be one string: read piece by piece, on the pool (it may block on the disk).
class Pieces {
 public:
  virtual ~Pieces() = default;
  // The next bytes; empty at the end. After an error nothing follows, and the client sees a broken body.
  [[nodiscard]] virtual Result<std::string> next() = 0;
};

struct Call {
  RequestHead head;
  std::string body;
  Channel channel = Channel::tcp;
  std::string peer;  // "127.0.0.1:51234", or "unix uid 1000" on the socket

  // Filled by the API before a handler sees the call.
  Principal principal;
  std::vector<std::string> arguments;  // path segments that stand for `{…}` in the route, unescaped
  std::map<std::string, std::string, std::less<>> query;
};

struct Answer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  HeaderList headers;  // besides content-type and those every answer has

  // In place of `body`, at most one of them: what is sent while it is made.
  std::shared_ptr<Pieces> pieces;
  std::shared_ptr<EventStream> events;
};

[[nodiscard]] Answer json_answer(const Json& value, int status = 200);
[[nodiscard]] Answer text_answer(std::string text, std::string content_type = "text/plain; charset=utf-8");
// The problem document of an error (RFC 9457), with WWW-Authenticate where it is a 401, and Retry-After where the
// others who are signing in are soon through.
[[nodiscard]] Answer problem_answer(const Error& error);

// Percent-decoding of one path segment or query value (`+` is a blank in a query only). Malformed ("admin.bad_target")
// on bad escapes and on bytes that are a control character or not UTF-8 afterwards.
enum class Plus : std::uint8_t { itself, blank };
[[nodiscard]] Result<std::string> unescape(std::string_view text, Plus plus);
// "a=1&b=2"; at most 32 parameters, none twice ("admin.bad_query").
[[nodiscard]] Result<std::map<std::string, std::string, std::less<>>> parse_query(std::string_view query);
// A parameter as a number between `least` and `most`, or `fallback` when it is absent; "admin.bad_query" otherwise.
[[nodiscard]] Result<std::uint64_t> number_in(const Call& call, std::string_view name, std::uint64_t fallback,
                                              std::uint64_t least, std::uint64_t most);
// "admin.bad_query" when a parameter is not among `known`: a filter with a typing error must not match everything.
[[nodiscard]] Status only_parameters(const Call& call, std::initializer_list<std::string_view> known);
// A parameter, or empty when it is absent.
[[nodiscard]] std::string text_in(const Call& call, std::string_view name);
// A parameter as a time ("admin.bad_query"), or nullopt when it is absent.
[[nodiscard]] Result<std::optional<TimeMs>> time_in(const Call& call, std::string_view name);
// The body as a JSON object with no other members than `known`; "admin.bad_body". Routes that take long bodies say how
// long and how many values.
inline constexpr JsonLimits kBodyLimits{.bytes = 64U << 10, .depth = 16, .values = 10'000};
[[nodiscard]] Result<Json> object_body(const Call& call, std::initializer_list<std::string_view> known,
                                       const JsonLimits& limits = kBodyLimits);

}  // namespace countersign::console
