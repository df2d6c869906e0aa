// What an HTTP request does, from its method and path: the operator's rules first, then an OpenAPI document, then safe
// defaults. Immutable after construction; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/result.h"
#include "scopes/effect.h"

namespace countersign::adapters {

struct HttpOperation {
  std::string action;  // "http:refundOrder", "http:PUT"
  Effect effect = Effect::destroy;
  // What people call it: the name behind "http:" where it is not the method's, and what an OpenAPI document says of it.
  std::string name;
  std::string summary;
};

// What a method does where nobody has said more. GET, HEAD, OPTIONS, PROPFIND, REPORT and SEARCH read; DELETE and MOVE
// destroy; PUT, POST, PATCH, COPY, LOCK, UNLOCK, MKCOL and PROPPATCH write; any other is opaque: execute.
[[nodiscard]] Effect effect_of_method(std::string_view method);

enum class LetterCase { exact, ignored };  // of ASCII letters

// One rule: a method, and a path of segments. `{name}` stands for one segment, also within literal text
// ("report-{id}.pdf"); a final `**` for any rest, empty included. Paths are compared decoded (name_of_uri_path).
class HttpPattern {
 public:
  // Error: config.bad_path.
  static Result<HttpPattern> parse(std::string_view method, std::string_view path);
  // `segments` of a name as name_of_uri_path gives it; in lower case already where letter case is ignored.
  [[nodiscard]] bool matches(std::string_view method, const std::vector<std::string_view>& segments,
                             LetterCase letters = LetterCase::exact) const;
  // Whether the method is spelt out, not `*`.
  [[nodiscard]] bool names_method(std::string_view method) const { return method_ == method; }
  // For the order of OpenAPI paths: literal sorts before templated, segment by segment.
  [[nodiscard]] std::vector<std::size_t> rank() const;

 private:
  std::string method_;                 // "*": any
  std::vector<std::string> segments_;  // '\0' stands for the variable part
  std::vector<std::string> lowered_;   // the same in lower case
  bool rest_ = false;
};

class HttpOperations {
 public:
  // Reads upstream.operations and upstream.openapi. Errors: config.bad_path, config.bad_effect, openapi.*.
  static Result<HttpOperations> load(const config::Upstream& upstream);

  // Never fails: what no rule names has its method's default. The first rule that matches names the action. The effect
  // is at least that of every rule that would match if the case of ASCII letters were ignored, since many servers route
  // so, and for HEAD without a HEAD rule at least that of GET, which servers run for it (RFC 9110 section 9.3.2). A
  // trailing '/' makes no difference: neither names nor patterns keep it.
  [[nodiscard]] HttpOperation find(std::string_view method, std::string_view name) const;

  [[nodiscard]] std::size_t size() const { return rules_.size(); }

 private:
  struct Rule {
    HttpPattern pattern;
    std::string action;            // empty: http:<METHOD>
    std::string summary;           // may be empty
    std::optional<Effect> effect;  // nullopt: the method's
  };
  // `lowered` is `exact` in lower case.
  [[nodiscard]] HttpOperation find(std::string_view method, const std::vector<std::string_view>& exact,
                                   const std::vector<std::string_view>& lowered) const;

  std::vector<Rule> rules_;  // the first that matches counts
};

}  // namespace countersign::adapters
