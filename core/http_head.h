// The head of an HTTP/1.1 message and a view of its body, without sockets, so that authentication and adapters can read
// requests and fuzzers can make them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace countersign {

struct HeaderField {
  std::string name;   // as received
  std::string value;  // without leading and trailing white space
};

// Case-insensitive (ASCII) comparison of field names and tokens.
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

class HeaderList {
 public:
  void add(std::string_view name, std::string_view value) {
    if (fields_.empty()) fields_.reserve(12);  // one allocation for most messages
    fields_.push_back({std::string(name), std::string(value)});
  }
  void set(std::string_view name, std::string_view value);
  void remove(std::string_view name);
  // The first field of that name, or nullopt.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const;
  [[nodiscard]] const std::vector<HeaderField>& fields() const { return fields_; }

 private:
  std::vector<HeaderField> fields_;
};

struct RequestHead {
  std::string method;
  std::string target;  // the bytes on the wire: what is judged is what is forwarded
  HeaderList headers;

  [[nodiscard]] std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
  [[nodiscard]] std::string_view query() const {
    auto at = target.find('?');
    return at == std::string::npos ? std::string_view() : std::string_view(target).substr(at + 1);
  }
};

struct ResponseHead {
  int status = 0;
  HeaderList headers;
};

// What is known of a request's body without reading it again: enough to describe and to fingerprint it.
struct BodyView {
  std::uint64_t size = 0;
  std::string sha256;          // lower-case hex over the whole body; empty for an empty one
  std::string_view in_memory;  // all of it when it was small enough to stay in memory, else empty
  [[nodiscard]] bool complete() const { return in_memory.size() == size; }
};

// The HTTP status an error kind answers with, and the reason phrase of a status.
[[nodiscard]] int http_status(ErrorKind kind);
[[nodiscard]] std::string_view reason_phrase(int status);

// An RFC 9457 problem document: {"code","detail","status","title", …extra}. `extra` is canonical JSON members without
// braces, or empty: "\"request\":\"req_1\"".
[[nodiscard]] std::string problem_json(int status, const Error& error, std::string_view extra = {});

}  // namespace countersign
