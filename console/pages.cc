// The pages of the console: one document, whose scripts ask the API for everything. It holds no data, so anybody may
// have it. Where the console was not built, two plain pages say how to do without.
#include <zlib.h>

#include "console/api.h"
#include "console/assets.h"
#include "console/html.h"

namespace countersign::console {
namespace {

constexpr std::string_view kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'";
constexpr std::size_t kMostInflated = 32U << 20;

// gzip, among what the client takes (RFC 9110, section 12.5.3); "gzip;q=0" is a refusal.
bool takes_gzip(const RequestHead& head) {
  std::string_view accepted = head.headers.get("accept-encoding").value_or("");
  while (!accepted.empty()) {
    std::size_t end = std::min(accepted.find(','), accepted.size());
    std::string_view coding = accepted.substr(0, end);
    accepted.remove_prefix(std::min(end + 1, accepted.size()));
    while (coding.starts_with(' ')) coding.remove_prefix(1);
    std::string_view name = coding.substr(0, coding.find_first_of("; "));
    if (equal_ignoring_case(name, "gzip")) return !coding.ends_with("q=0") && !coding.ends_with("q=0.0");
  }
  return false;
}

std::string inflated(std::string_view gzip) {
  z_stream stream{};
  if (::inflateInit2(&stream, 15 + 16) != Z_OK) return "";
  std::string copy(gzip);
  stream.next_in = reinterpret_cast<Bytef*>(copy.data());
  stream.avail_in = static_cast<uInt>(copy.size());
  std::string out;
  int result = Z_OK;
  while (result == Z_OK && out.size() < kMostInflated) {
    const std::size_t have = out.size();
    constexpr std::size_t kStep = 256U << 10;
    out.resize(have + kStep);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + have);
    stream.avail_out = kStep;
    result = ::inflate(&stream, Z_NO_FLUSH);
    out.resize(have + kStep - stream.avail_out);
  }
  ::inflateEnd(&stream);
  return out;
}

// What keeps other sites from framing, opening or reading the console, and a mistake in it from running script.
void add_page_headers(Answer& answer) {
  answer.headers.set("content-security-policy", kPagePolicy);
  answer.headers.set("permissions-policy",
                     "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
                     "microphone=(), midi=(), payment=(), usb=(), publickey-credentials-get=(self), "
                     "publickey-credentials-create=(self)");
  answer.headers.set("cross-origin-opener-policy", "same-origin");
  answer.headers.set("cross-origin-resource-policy", "same-origin");
  answer.headers.set("referrer-policy", "same-origin");
}

Answer asset_answer(const Call& call, const Asset& asset, std::string_view caching) {
  Answer answer = text_answer("", std::string(asset.media_type));
  add_page_headers(answer);
  answer.headers.set("cache-control", caching);
  answer.headers.set("etag", asset.etag);
  answer.headers.set("vary", "accept-encoding");
  if (call.head.headers.get("if-none-match").value_or("") == asset.etag) {
    answer.status = 304;
  } else if (takes_gzip(call.head)) {
    answer.headers.set("content-encoding", "gzip");
    answer.body = asset.gzip;
  } else {
    answer.body = inflated(asset.gzip);
  }
  return answer;
}

}  // namespace

Result<Answer> AdminApi::page(const Call& call) {
  if (const Asset* index = find_asset("/index.html")) return asset_answer(call, *index, "no-cache");
  if (call.head.path() == "/") return index_page();
  return fail(ErrorKind::not_found, "admin.no_console",
              "this program was built without the console: use the command line, or the API");
}

Result<Answer> AdminApi::request_link(const Call& call) {
  if (find_asset("/index.html") != nullptr) return page(call);
  return request_page(call.arguments[0]);
}

Result<Answer> AdminApi::asset(const Call& call) {
  const Asset* asset = find_asset(call.head.path());
  if (asset == nullptr) return fail(ErrorKind::not_found, "admin.unknown_path", "there is nothing at this address");
  // Names below assets/ carry a digest of what they name.
  const bool named_by_content = asset->path.starts_with("/assets/");
  return asset_answer(call, *asset, named_by_content ? "public, max-age=31536000, immutable" : "no-cache");
}

}  // namespace countersign::console
