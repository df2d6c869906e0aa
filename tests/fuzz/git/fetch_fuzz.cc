// What upstreams answer to the gateway's own client: whatever the bytes, reading ends within its limits, and says the
// same however they arrive in pieces. The first byte chooses the reader and the size of the pieces.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/adapters/git/fetch.h"
#include "proxy/adapters/git/refs.h"

using namespace countersign;
using namespace countersign::adapters::git;

namespace {

constexpr RefLimits kLimits{.bytes = 1U << 16, .refs = 100};

void check(bool holds) {
  if (!holds) std::abort();
}

void check_refs(const std::vector<ListedRef>& refs, ObjectFormat format) {
  check(refs.size() <= kLimits.refs);
  for (const ListedRef& ref : refs) {
    check(ref.name == "HEAD" || is_ref_name(ref.name));
    check(ref.id.empty() ? ref.name == "HEAD" : is_object_id(ref.id, format) && !is_null_id(ref.id));
    check(ref.peeled.empty() || is_object_id(ref.peeled, format));
    check(ref.target.empty() || is_ref_name(ref.target));
  }
}

// A line for each thing that was read, or the error's code.
std::string told(const std::vector<ListedRef>& refs) {
  std::string out;
  for (const ListedRef& ref : refs) out += ref.id + " " + ref.name + " " + ref.peeled + " " + ref.target + "\n";
  return out;
}

std::string read(AdvertisementReader reader, std::string_view body, std::size_t piece) {
  for (; !body.empty(); body.remove_prefix(std::min(piece, body.size()))) {
    Status fed = reader.feed(std::string(body.substr(0, piece)));
    if (!fed) return fed.error().code;
  }
  Result<Advertisement> whole = reader.finish();
  if (!whole) return whole.error().code;
  check_refs(whole->refs, whole->format);
  std::string out = std::to_string(whole->version) + "\n" + told(whole->refs);
  for (const std::string& each : whole->capabilities) {
    check(whole->has(each.substr(0, each.find('='))));
    out += each + "\n";
  }
  return out;
}

std::string read(RefsReader reader, ObjectFormat format, std::string_view body, std::size_t piece) {
  for (; !body.empty(); body.remove_prefix(std::min(piece, body.size()))) {
    Status fed = reader.feed(std::string(body.substr(0, piece)));
    if (!fed) return fed.error().code;
  }
  Result<std::vector<ListedRef>> whole = reader.finish();
  if (!whole) return whole.error().code;
  check_refs(*whole, format);
  return told(*whole);
}

std::string read_pack(std::string_view body, std::size_t piece) {
  FetchReader reader;
  std::string pack;
  const std::size_t size = body.size();
  for (; !body.empty(); body.remove_prefix(std::min(piece, body.size()))) {
    Status fed = reader.feed(std::string(body.substr(0, piece)), pack);
    check(pack.size() <= size && reader.progress().size() <= 4096);
    if (!fed) return fed.error().code + fed.error().message;
  }
  Status finished = reader.finish();
  return finished ? pack + reader.progress() : finished.error().code;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = 1U + (data[0] >> 3U);
  const ObjectFormat format = (data[0] & 4U) == 0 ? ObjectFormat::sha1 : ObjectFormat::sha256;
  switch (data[0] & 3U) {
    case 0:
    case 1: {
      const Service service = (data[0] & 1U) == 0 ? Service::upload_pack : Service::receive_pack;
      // A limit is met sooner or later, by the size of the pieces: bodies over it are another question.
      if (body.size() > kLimits.bytes) return 0;
      const AdvertisementReader reader(service, kLimits);
      check(read(reader, body, body.size() + 1) == read(reader, body, piece));
      break;
    }
    case 2: {
      if (body.size() > kLimits.bytes) return 0;
      const RefsReader reader(format, kLimits);
      check(read(reader, format, body, body.size() + 1) == read(reader, format, body, piece));
      break;
    }
    default:
      check(read_pack(body, body.size() + 1) == read_pack(body, piece));
  }
  return 0;
}
