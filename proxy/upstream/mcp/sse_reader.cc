#include "proxy/upstream/mcp/sse_reader.h"

namespace countersign::mcp {

Status SseReader::feed(std::string_view piece, const std::function<void(std::string_view)>& on_data) {
  for (char c : piece) {
    bool second_half = after_return_ && c == '\n';
    after_return_ = c == '\r';
    if (second_half) continue;
    if (c == '\n' || c == '\r') {
      end_line(on_data);
      continue;
    }
    line_ += c;
    if (line_.size() + data_.size() > limit_)
      return fail(ErrorKind::unavailable, "upstream.bad_response", "the upstream sent an event that is too long");
  }
  return {};
}

void SseReader::end_line(const std::function<void(std::string_view)>& on_data) {
  std::string_view line = line_;
  if (first_line_ && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  first_line_ = false;
  if (line.empty()) {
    if (has_data_) on_data(data_);
    data_.clear();
    has_data_ = false;
  } else if (line == "data" || line.starts_with("data:")) {
    line.remove_prefix(line == "data" ? 4 : 5);
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (has_data_) data_ += '\n';
    data_ += line;
    has_data_ = true;
  }
  line_.clear();
}

}  // namespace countersign::mcp
