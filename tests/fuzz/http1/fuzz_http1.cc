// Heads, framing and chunked bodies. The first byte chooses what the rest is read as and in what pieces.
//
// Besides not crashing: what is accepted must be read the same when it is written again, and a body must decode the
// same however it is split.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "proxy/http1/chunked.h"
#include "proxy/http1/head.h"
#include "proxy/http1/writer.h"

namespace {

using namespace countersign;
using namespace countersign::http1;

void require(bool holds) {
  if (!holds) std::abort();
}

void read_request(std::string_view bytes) {
  Limits limits;
  Result<std::size_t> end = find_head_end(bytes, 0);
  if (!end || *end == 0) return;
  // However the bytes trickle in, the head ends in the same place.
  for (std::size_t size = 1; size < *end; ++size) {
    Result<std::size_t> early = find_head_end(bytes.substr(0, size), size - 1);
    require(early && *early == 0);
  }
  Result<ParsedRequest> parsed = parse_request(bytes.substr(0, *end), limits);
  if (!parsed) {
    // The strict check accepts nothing that the other reader refuses or reads differently.
    require(parsed.error().code != "http.ambiguous");
    return;
  }
  require(parsed->head.headers.count("host") == 1);
  require(parsed->head.target == parsed->framing.target);

  std::string again;
  Delimiting delimiting{parsed->framing.body, parsed->framing.length};
  require(append_request_head(again, parsed->head, delimiting, parsed->framing.persistence).has_value());
  Result<ParsedRequest> second =
      parse_request(again, {limits.head_bytes * 2, limits.header_count + 2, limits.target_bytes});
  require(second.has_value());
  require(second->head.method == parsed->head.method && second->head.target == parsed->head.target);
  require(second->framing.body == parsed->framing.body && second->framing.length == parsed->framing.length);
}

void read_response(std::string_view bytes, std::string_view method) {
  Result<std::size_t> end = find_head_end(bytes, 0);
  if (!end || *end == 0) return;
  Result<ParsedResponse> parsed = parse_response(bytes.substr(0, *end), method, Limits{});
  if (!parsed) return;
  strip_hop_by_hop(parsed->head.headers);
  std::string again;
  require(append_response_head(again, parsed->head, {}, Persistence::close).has_value());
}

struct Decoded {
  std::string payload;
  std::size_t used = 0;
  bool done = false;
  bool failed = false;
};

Decoded decode(ByteView wire, std::size_t step, std::size_t room) {
  ChunkDecoder decoder;
  Decoded result;
  Bytes out(room);
  std::size_t fed = 0;
  while (!decoder.done()) {
    auto done = decoder.decode(wire.subspan(result.used, fed - result.used), out);
    if (!done) {
      result.failed = true;
      return result;
    }
    require(done->consumed <= fed - result.used && done->produced <= room);
    result.payload += as_text(ByteView(out).first(done->produced));
    result.used += done->consumed;
    if (done->consumed > 0 || done->produced > 0) continue;
    if (fed == wire.size()) return result;
    fed = std::min(fed + step, wire.size());
  }
  result.done = true;
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  std::uint8_t mode = data[0];
  ByteView rest(data + 1, size - 1);
  switch (mode % 3) {
    case 0:
      read_request(as_text(rest));
      break;
    case 1:
      read_response(as_text(rest), mode % 2 == 0 ? "HEAD" : "GET");
      break;
    default: {
      Decoded whole = decode(rest, rest.size() + 1, 4096);
      Decoded pieces = decode(rest, std::size_t{1} + mode % 7, std::size_t{1} + mode % 11);
      require(whole.done == pieces.done && whole.failed == pieces.failed);
      if (whole.done) require(whole.payload == pieces.payload && whole.used == pieces.used);
    }
  }
  return 0;
}
