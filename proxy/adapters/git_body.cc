#include "proxy/adapters/git_body.h"

#include <optional>
#include <utility>

namespace countersign::adapters {

void FileSource::rewind() {
  file_.clear();
  file_.seekg(0);
}

Result<ByteView> FileSource::next() {
  buffer_.resize(64U << 10);
  file_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  buffer_.resize(static_cast<std::size_t>(file_.gcount()));
  return as_bytes(buffer_);
}

Result<git::PushRequest> read_front(BodySource* body) {
  const std::uint64_t size = body == nullptr ? 0 : body->size();
  std::string front;
  if (body != nullptr) body->rewind();
  while (true) {
    Result<std::optional<git::PushRequest>> push = git::read_push(front, size);
    if (!push) return fail(push.error());
    if (*push) return std::move(**push);
    Result<ByteView> piece = body->next();  // read_push never asks for more than there is
    if (!piece) return fail(piece.error());
    if (piece->empty()) return fail(ErrorKind::malformed, "git.truncated", "the push ends within its commands");
    front += as_text(*piece);
  }
}

}  // namespace countersign::adapters
