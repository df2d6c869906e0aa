// What clients ask of git-upload-pack, as it is and compressed: reading ends, stays within its limits, and what is
// written again for git reads as the same request.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/adapters/git/content_coding.h"
#include "proxy/adapters/git/upload_request.h"

using namespace countersign::adapters::git;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void read(std::string_view body) {
  auto request = read_upload_request(body);
  if (!request) return;
  for (const std::string& id : request->wants) check(is_object_id(id, request->format));
  if (request->command != UploadCommand::fetch) return check(request->wants.empty() && request->want_refs.empty());
  check(request->prefixes.empty());
  const std::string plain = plain_fetch(body);
  check(plain.size() <= body.size());
  auto again = read_upload_request(plain);
  check(again.has_value());
  check(again->wants == request->wants && again->want_refs == request->want_refs);
  check(again->haves == request->haves && again->format == request->format);
  check(plain_fetch(plain) == plain);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  read(body);
  constexpr std::size_t kLimit = 1U << 20;
  auto text = gunzip(body, kLimit);
  if (text) {
    check(text->size() <= kLimit);
    read(*text);
  }
  auto front = gunzip(body, 64, Beyond::cut);
  if (text) check(front && *front == text->substr(0, 64));
  return 0;
}
