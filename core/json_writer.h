// Writes canonical JSON (RFC 8785) straight into a string, for records made on the request path.
//
// The caller names the members of each object in ascending byte order; a debug build stops when it does not. Numbers
// are 64-bit integers only. Strings that are not UTF-8 are written with U+FFFD in place of each bad byte, so that a
// hostile header can never make a record unwritable.
//
//   JsonWriter w(out);
//   w.begin_object().member("a", 1).member("b", "text").end_object();
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace countersign {

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  // `name` is written as it is: one of ours, of plain ASCII without quotes.
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(std::int64_t number);
  JsonWriter& value(bool flag);
  JsonWriter& raw(std::string_view canonical);  // a value that is canonical JSON already

  template <class T>
  JsonWriter& member(std::string_view name, const T& v) {
    key(name);
    return value(v);
  }
  // Written only when not empty: absent and empty mean the same in our records.
  JsonWriter& member_if(std::string_view name, std::string_view text) {
    return text.empty() ? *this : member(name, text);
  }
  JsonWriter& strings(std::string_view name, const std::vector<std::string>& values);

 private:
  void separate();
  std::string& out_;
  bool first_ = true;
#ifndef NDEBUG
  std::vector<std::string> last_keys_;
#endif
};

}  // namespace countersign
