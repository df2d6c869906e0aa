// Server-sent events, read piece by piece (https://html.spec.whatwg.org/multipage/server-sent-events.html). One thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace countersign::mcp {

class SseReader {
 public:
  explicit SseReader(std::size_t limit) : limit_(limit) {}
  // Calls `on_data` with the data of each event that ends in this piece; event names, ids and comments are passed over.
  // Error: upstream.bad_response when an event is longer than the limit.
  Status feed(std::string_view piece, const std::function<void(std::string_view)>& on_data);

 private:
  void end_line(const std::function<void(std::string_view)>& on_data);
  std::size_t limit_;
  std::string line_;
  std::string data_;
  bool has_data_ = false;
  bool after_return_ = false;  // a line feed that follows belongs to the line before
  bool first_line_ = true;
};

}  // namespace countersign::mcp
