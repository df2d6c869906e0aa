#include "proxy/adapters/git/content_coding.h"

#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace countersign::adapters::git {
namespace {

class Inflater {
 public:
  explicit Inflater(std::string_view body) {
    constexpr int kGzipOnly = 15 + 16;
    if (::inflateInit2(&zlib_, kGzipOnly) != Z_OK) std::abort();               // out of memory
    zlib_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));  // zlib's interface; it only reads
    zlib_.avail_in = static_cast<uInt>(body.size());
  }
  ~Inflater() { ::inflateEnd(&zlib_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Appends up to `room` bytes; zlib's code.
  int more(std::string& out, std::size_t room) {
    const std::size_t before = out.size();
    out.resize(before + room);
    zlib_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    zlib_.avail_out = static_cast<uInt>(room);
    int code = ::inflate(&zlib_, Z_NO_FLUSH);
    out.resize(before + room - zlib_.avail_out);
    return code;
  }
  [[nodiscard]] bool used_up() const { return zlib_.avail_in == 0; }

 private:
  z_stream zlib_{};
};

}  // namespace

Result<std::string> gunzip(std::string_view body, std::size_t limit, Beyond beyond) {
  constexpr std::size_t kStep = 16U << 10;
  auto bad = [] { return fail(ErrorKind::malformed, "git.bad_gzip", "the request's body is not sound gzip"); };
  if (body.size() > std::numeric_limits<uInt>::max())
    return fail(ErrorKind::too_large, "git.too_large", "the request is too long");
  Inflater inflater(body);
  std::string out;
  while (true) {
    // One byte over the limit tells a body that ends there from one that goes on.
    const std::size_t room = std::min(kStep, limit + 1 - out.size());
    const int code = inflater.more(out, room);
    if (code != Z_OK && code != Z_STREAM_END) return bad();
    if (out.size() > limit) {
      if (beyond == Beyond::refused) return fail(ErrorKind::too_large, "git.too_large", "the request is too long");
      out.resize(limit);
      return out;
    }
    if (code == Z_STREAM_END) break;
  }
  if (!inflater.used_up()) return bad();
  return out;
}

}  // namespace countersign::adapters::git
