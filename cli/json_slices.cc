#include "cli/json_slices.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "core/json.h"

namespace countersign::cli {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

class Slicer {
 public:
  explicit Slicer(std::string_view text) : text_(text) {}

  Result<std::vector<JsonSlice>> run(char open, char close, std::size_t limit) {
    std::vector<JsonSlice> out;
    std::unordered_set<std::string_view> names;
    if (!accept(open)) return malformed();
    if (accept(close)) return at_end() ? Result<std::vector<JsonSlice>>(std::move(out)) : malformed();
    do {
      if (out.size() == limit) {
        return fail(ErrorKind::too_large, "json.too_large",
                    "too many members or elements: at most " + std::to_string(limit) + " are allowed");
      }
      JsonSlice slice;
      if (open == '{') {
        std::string_view key = value();
        if (!key.starts_with('"') || !accept(':')) return malformed();
        auto name = json_string(key);
        if (!name) return fail(name.error());
        slice.name = std::move(*name);
      }
      slice.text = value();
      if (slice.text.empty()) return malformed();
      out.push_back(std::move(slice));
    } while (accept(','));
    if (!accept(close) || !at_end()) return malformed();
    if (open == '{') {
      for (const JsonSlice& each : out) {
        if (!names.insert(each.name).second)
          return fail(ErrorKind::malformed, "json.duplicate_key", "the member `" + each.name + "` is given twice");
      }
    }
    return out;
  }

 private:
  static std::unexpected<Error> malformed_at(std::size_t at) {
    return fail(ErrorKind::malformed, "json.malformed", "not JSON at byte " + std::to_string(at));
  }
  Result<std::vector<JsonSlice>> malformed() const { return malformed_at(at_); }

  void skip_space() { at_ = std::min(text_.find_first_not_of(kSpace, at_), text_.size()); }
  bool at_end() {
    skip_space();
    return at_ == text_.size();
  }
  bool accept(char wanted) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  // Past the closing quote of the string that begins here, or the end of the text.
  void skip_string() {
    ++at_;
    while (true) {
      at_ = std::min(text_.find_first_of("\"\\", at_), text_.size());
      if (at_ == text_.size()) return;
      if (text_[at_] == '"') {
        ++at_;
        return;
      }
      at_ = std::min(at_ + 2, text_.size());
    }
  }

  // One value, whatever it is; empty when none begins here.
  std::string_view value() {
    skip_space();
    std::size_t start = at_;
    std::size_t open = 0;
    do {
      at_ = open == 0 ? at_ : std::min(text_.find_first_of("\"{}[]", at_), text_.size());
      if (at_ == text_.size()) break;
      char c = text_[at_];
      if (c == '"') {
        skip_string();
      } else if (c == '{' || c == '[') {
        ++open;
        ++at_;
      } else if (open > 0) {
        --open;
        ++at_;
      } else {
        at_ = std::min(text_.find_first_of(",:}] \t\r\n", at_), text_.size());
      }
    } while (open > 0);
    return text_.substr(start, at_ - start);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<JsonSlice>> json_members(std::string_view object, std::size_t limit) {
  return Slicer(object).run('{', '}', limit);
}

Result<std::vector<JsonSlice>> json_elements(std::string_view array, std::size_t limit) {
  return Slicer(array).run('[', ']', limit);
}

std::string_view json_find(const std::vector<JsonSlice>& members, std::string_view name) {
  auto found = std::ranges::find(members, name, &JsonSlice::name);
  return found == members.end() ? std::string_view() : found->text;
}

Result<std::string> json_string(std::string_view text) {
  auto value = parse_json(text, {.bytes = text.size(), .depth = 1, .values = 1});
  if (!value) return fail(value.error());
  if (!value->is_string()) return fail(ErrorKind::malformed, "json.malformed", "expected a string");
  return value->get<std::string>();
}

}  // namespace countersign::cli
