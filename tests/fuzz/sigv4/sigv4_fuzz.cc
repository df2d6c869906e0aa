// AWS signatures: what a head claims, and aws-chunked bodies. The first byte chooses.
//
// Besides not crashing: what is claimed can be judged, what was signed here verifies and nothing else does, and a body
// decodes the same however it is cut.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "auth/aws_keys.h"
#include "auth/sigv4_chunks.h"
#include "auth/sigv4_sign.h"

namespace {

using namespace countersign;
using namespace countersign::auth;

constexpr TimeMs kNow = 1'369'353'600'000;  // 20130524T000000Z

void require(bool good) {
  if (!good) std::abort();
}

const Secret& secret() {
  static const Secret value("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
  return value;
}

std::string_view take_line(std::string_view& text) {
  std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

// "METHOD target" and a field a line.
RequestHead read_head(std::string_view text) {
  RequestHead head;
  std::string_view first = take_line(text);
  std::size_t space = std::min(first.find(' '), first.size());
  head.method = first.substr(0, space);
  head.target = first.substr(std::min(space + 1, first.size()));
  while (!text.empty()) {
    std::string_view line = take_line(text);
    std::size_t colon = std::min(line.find(':'), line.size());
    head.headers.add(line.substr(0, colon), line.substr(std::min(colon + 1, line.size())));
  }
  return head;
}

void claim_of(std::string_view text) {
  RequestHead head = read_head(text);
  Result<SigV4Claim> claim = parse_sigv4(head);
  if (claim) {
    require(carries_sigv4(head));
    require(claim->is_signed("host") && head.headers.count("host") == 1);
    require(claim->signature.size() == 64 && claim->date == amz_date(claim->signed_at).substr(0, 8));
    require(claim->payload.kind != PayloadKind::sha256 || claim->payload.hex.size() == 64);
    const SigV4Limits any_time{.skew = kMaxTime, .longest_presign = kMaxTime};
    // Nobody can have made this: the key is only here.
    const std::string body(64, '0');
    require(!verify_sigv4(head, *claim, secret(), claim->signed_at, any_time, body));
    (void)aws_session(claim->session_token, KeySet{});
  }
  // Signed anew, the same request is one that verifies, and it carries nothing of what it came with.
  RequestHead ours = head;
  ours.headers.set("Host", "service.example");
  Result<SigV4Claim> made =
      sign_sigv4(ours, {"AKIDEXAMPLE", secret().duplicate(), ""}, "us-east-1", "s3", kUnsignedPayload, kNow);
  if (!made) return;
  require(made->form == SigV4Form::header && made->session_token.empty() && made->access_key == "AKIDEXAMPLE");
  require(verify_sigv4(ours, *made, secret(), kNow, SigV4Limits{}).has_value());
  ours.method += "X";
  require(!verify_sigv4(ours, *made, secret(), kNow, SigV4Limits{}));
}

struct Outcome {
  std::string code = "ok";
  std::string data;
};
Outcome decode(const SigV4Claim& claim, const SigningKey& key, std::string_view wire, std::size_t piece) {
  Outcome out;
  Result<ChunkDecoder> decoder = ChunkDecoder::make(claim, key);
  require(decoder.has_value());
  Status read;
  while (read && !wire.empty()) {
    std::string_view part = wire.substr(0, piece);
    wire.remove_prefix(part.size());
    read = decoder->feed(part, out.data);
  }
  if (read) read = decoder->finish();
  if (!read) out.code = read.error().code;
  require(out.data.size() == decoder->decoded_bytes() && out.data.size() <= claim.payload.decoded_length);
  require(!read || (decoder->proven_bytes() == out.data.size() && out.data.size() == claim.payload.decoded_length));
  return out;
}

void body_of(PayloadKind kind, std::string_view text) {
  if (text.empty()) return;
  SigV4Claim claim;
  claim.date = "20130524";
  claim.region = "us-east-1";
  claim.service = "s3";
  claim.signed_at = kNow;
  claim.signature = std::string(64, '0');
  claim.payload.kind = kind;
  claim.payload.decoded_length = static_cast<std::uint8_t>(text[0]);
  if (kind != PayloadKind::streaming_signed) claim.payload.trailers = {"x-amz-checksum-crc32"};
  const SigningKey key(secret(), claim.date, claim.region, claim.service);
  std::string_view wire = text.substr(1);
  Outcome whole = decode(claim, key, wire, std::string_view::npos);
  Outcome cut = decode(claim, key, wire, 1);
  require(whole.code == cut.code && whole.data == cut.data);
  // A signed body that verifies was made with the key; this input was not.
  require(kind == PayloadKind::streaming_unsigned_trailer || whole.code != "ok");

  // And any data makes a body that decodes to it.
  claim.payload.decoded_length = wire.size();
  ChunkEncoder encoder = *ChunkEncoder::make(claim, key);
  std::string made;
  const std::size_t chunk = static_cast<std::uint8_t>(text[0]) + std::size_t{1};
  for (std::string_view rest = wire; !rest.empty();) {
    std::string_view part = rest.substr(0, chunk);
    encoder.chunk(part, made);
    rest.remove_prefix(part.size());
  }
  encoder.finish(made);
  require(made.size() == *ChunkEncoder::encoded_length(claim.payload, chunk));
  Outcome back = decode(claim, key, made, 7);
  require(back.code == "ok" && back.data == wire);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view rest = as_text(ByteView(data + 1, size - 1));
  switch (data[0] % 4) {
    case 0:
      claim_of(rest);
      break;
    case 1:
      body_of(PayloadKind::streaming_signed, rest);
      break;
    case 2:
      body_of(PayloadKind::streaming_signed_trailer, rest);
      break;
    default:
      body_of(PayloadKind::streaming_unsigned_trailer, rest);
      break;
  }
  return 0;
}
