#include "audit/checkpoint_scanner.h"

namespace countersign::audit {
namespace {

constexpr std::size_t kMaxNote = 64U << 10;

}  // namespace

Result<std::optional<CheckpointScanner::Item>> CheckpointScanner::next() {
  std::string note;
  bool after_signature = false;
  std::uint64_t begin = at_;
  while (true) {
    auto line = lines_.next();
    if (!line) return fail(line.error());
    if (!*line) break;
    at_ = (*line)->offset + (*line)->text.size() + ((*line)->terminated ? 1 : 0);
    if ((*line)->terminated && (*line)->text.empty() && after_signature) {
      return std::optional<Item>(Item{begin, at_, false, open_checkpoint(note, key_)});
    }
    after_signature = (*line)->terminated && (*line)->text.starts_with("\u2014 ");
    if (note.size() < kMaxNote) note.append((*line)->text).append((*line)->terminated ? "\n" : "");
  }
  if (at_ == begin) return std::optional<Item>();
  return std::optional<Item>(
      Item{begin, at_, true, fail(ErrorKind::malformed, "audit.note_malformed", "the file ends inside a checkpoint")});
}

}  // namespace countersign::audit
