#include "auth/sigv4_chunks.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/bytes.h"

namespace countersign::auth {
namespace {

constexpr std::string_view kSignatureMark = ";chunk-signature=";
constexpr std::string_view kTrailerSignature = "x-amz-trailer-signature";
constexpr std::size_t kSignatureCharacters = 64;

std::unexpected<Error> malformed(std::string message) {
  return fail(ErrorKind::malformed, "sigv4.chunk_malformed", std::move(message));
}

bool has_trailer(PayloadKind kind) {
  return kind == PayloadKind::streaming_signed_trailer || kind == PayloadKind::streaming_unsigned_trailer;
}
bool has_signatures(PayloadKind kind) {
  return kind == PayloadKind::streaming_signed || kind == PayloadKind::streaming_signed_trailer;
}

// The checksum that the trailer brings, or nothing where there is no trailer.
Result<std::optional<ChecksumKind>> announced(const Payload& payload) {
  if (!payload.is_streaming()) return malformed("the payload is not aws-chunked");
  if (!has_trailer(payload.kind)) return std::nullopt;
  std::optional<ChecksumKind> kind;
  if (payload.trailers.size() == 1) kind = checksum_of_header(payload.trailers[0]);
  if (!kind) return fail(ErrorKind::unsupported, "sigv4.unsupported", "a trailer has to be exactly one known checksum");
  return kind;
}

std::optional<Checksum> start(const std::optional<ChecksumKind>& kind) {
  if (!kind) return std::nullopt;
  return Checksum(*kind);
}

std::size_t hex_characters(std::uint64_t value) {
  std::size_t count = 1;
  while (value >>= 4U) ++count;
  return count;
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); });
}

bool same(std::string_view a, std::string_view b) {
  return equal_constant_time(as_bytes(a), as_bytes(b));
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

ChunkSignatures::ChunkSignatures(const SigV4Claim& claim, SigningKey key)
    : key_(std::move(key)),
      when_and_where_("\n" + amz_date(claim.signed_at) + "\n" + claim.scope() + "\n"),
      previous_(claim.signature) {}

std::string ChunkSignatures::next_chunk(const Digest& data) {
  static const std::string empty = to_hex(sha256(std::string_view()));
  previous_ = key_.sign("AWS4-HMAC-SHA256-PAYLOAD" + when_and_where_ + previous_ + "\n" + empty + "\n" + to_hex(data));
  return previous_;
}

std::string ChunkSignatures::trailer(std::string_view canonical) const {
  return key_.sign("AWS4-HMAC-SHA256-TRAILER" + when_and_where_ + previous_ + "\n" + to_hex(sha256(canonical)));
}

// --- decoding ----------------------------------------------------------------------------------------------------

ChunkDecoder::ChunkDecoder(const SigV4Claim& claim, SigningKey key, std::optional<Checksum> checksum)
    : signatures_(claim, std::move(key)),
      signed_(has_signatures(claim.payload.kind)),
      trailer_(has_trailer(claim.payload.kind)),
      promised_(claim.payload.decoded_length),
      checksum_(std::move(checksum)) {
  if (trailer_) checksum_name_ = claim.payload.trailers[0];
}

Result<ChunkDecoder> ChunkDecoder::make(const SigV4Claim& claim, SigningKey key) {
  Result<std::optional<ChecksumKind>> kind = announced(claim.payload);
  if (!kind) return fail(kind.error());
  return ChunkDecoder(claim, std::move(key), start(*kind));
}

Status ChunkDecoder::feed(std::string_view wire, std::string& decoded) {
  while (!failure_ && !wire.empty()) {
    if (Status step = advance(wire, decoded); !step) failure_ = step.error();
  }
  if (failure_) return fail(*failure_);
  return {};
}

Status ChunkDecoder::finish() {
  if (failure_) return fail(*failure_);
  const bool at_trailers_end = state_ == State::trailer && line_.empty() && !checksum_value_.empty();
  Status ended;
  if (at_trailers_end) {
    ended = end_body();
  } else if (state_ != State::done) {
    ended = fail(ErrorKind::malformed, "sigv4.incomplete", "the body ends before its last chunk");
  }
  if (!ended) failure_ = ended.error();
  return ended;
}

std::optional<HeaderField> ChunkDecoder::trailer() const {
  if (state_ != State::done || failure_ || !trailer_) return std::nullopt;
  return HeaderField{checksum_name_, checksum_value_};
}

Status ChunkDecoder::advance(std::string_view& wire, std::string& decoded) {
  switch (state_) {
    case State::data:
      return take_data(wire, decoded);
    case State::done:
      return malformed("bytes follow the end of the body");
    case State::chunk_line:
    case State::data_end:
    case State::last_end:
    case State::trailer:
      break;
  }
  Result<bool> whole = take_line(wire, state_ == State::trailer ? kMaxTrailerLine : kMaxChunkLine);
  if (!whole) return fail(whole.error());
  if (!*whole) return {};
  Status read;
  if (state_ == State::chunk_line) {
    read = read_chunk_line();
  } else if (state_ == State::trailer) {
    read = read_trailer_line();
  } else if (!line_.empty()) {
    read = malformed("a chunk is longer than it says");
  } else if (state_ == State::data_end) {
    state_ = State::chunk_line;
  } else {
    read = end_body();
  }
  line_.clear();
  return read;
}

Result<bool> ChunkDecoder::take_line(std::string_view& wire, std::size_t limit) {
  std::size_t end = wire.find('\n');
  std::string_view piece = wire.substr(0, end);
  if (line_.size() + piece.size() > limit) return malformed("a line is too long");
  line_ += piece;
  if (end == std::string_view::npos) {
    wire = {};
    return false;
  }
  wire.remove_prefix(end + 1);
  if (!line_.ends_with('\r')) return malformed("a line does not end with CR and LF");
  line_.pop_back();
  return true;
}

Status ChunkDecoder::read_chunk_line() {
  std::string_view line = line_;
  std::string_view digits = line.substr(0, line.find(';'));
  std::string_view rest = line.substr(digits.size());
  if (digits.empty() || digits.size() > 16 || !is_hex(digits)) return malformed("a chunk has no size");
  std::uint64_t size = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
  if (size > kMaxChunkBytes) return malformed("a chunk is over the limit");
  if (signed_) {
    if (!rest.starts_with(kSignatureMark) || rest.size() != kSignatureMark.size() + kSignatureCharacters)
      return malformed("a chunk has no signature");
    signature_ = rest.substr(kSignatureMark.size());
  } else if (!rest.empty()) {
    return malformed("an unsigned chunk has an extension");
  }
  if (size > promised_ - decoded_)
    return fail(ErrorKind::malformed, "sigv4.decoded_length", "the body is longer than x-amz-decoded-content-length");
  left_ = size;
  state_ = State::data;
  if (size != 0) return {};
  if (Status proven = end_chunk(); !proven) return proven;
  state_ = trailer_ ? State::trailer : State::last_end;
  return {};
}

Status ChunkDecoder::take_data(std::string_view& wire, std::string& decoded) {
  std::string_view data = wire.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, wire.size())));
  wire.remove_prefix(data.size());
  if (signed_) chunk_hash_.update(data);
  if (checksum_) checksum_->update(data);
  decoded += data;
  decoded_ += data.size();
  left_ -= data.size();
  return left_ == 0 ? end_chunk() : Status();
}

Status ChunkDecoder::end_chunk() {
  state_ = State::data_end;
  if (!signed_) return {};
  if (!same(signatures_.next_chunk(chunk_hash_.finish()), signature_))
    return fail(ErrorKind::unauthenticated, "sigv4.chunk_signature", "the signature of a chunk does not match");
  proven_ = decoded_;
  return {};
}

Status ChunkDecoder::read_trailer_line() {
  if (line_.empty()) {
    if (!checksum_value_.empty()) return end_body();
    if (blank_seen_) return malformed("the trailer is missing");
    blank_seen_ = true;
    return {};
  }
  std::size_t colon = line_.find(':');
  if (colon == std::string::npos) return malformed("a line of the trailer has no colon");
  std::string name = line_.substr(0, colon);
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  std::string_view value = trim(std::string_view(line_).substr(colon + 1));
  if (value.empty()) return malformed("a line of the trailer has no value");
  if (name == checksum_name_ && checksum_value_.empty()) {
    checksum_value_ = value;
  } else if (name == kTrailerSignature && signed_ && !checksum_value_.empty() && trailer_signature_.empty()) {
    trailer_signature_ = value;
  } else {
    return malformed("the trailer has a line that was not announced, or stands there twice");
  }
  return {};
}

Status ChunkDecoder::end_body() {
  state_ = State::done;
  if (decoded_ != promised_)
    return fail(ErrorKind::malformed, "sigv4.decoded_length", "the body is shorter than x-amz-decoded-content-length");
  if (!trailer_) return {};
  if (signed_ && !same(signatures_.trailer(checksum_name_ + ":" + checksum_value_ + "\n"), trailer_signature_))
    return fail(ErrorKind::unauthenticated, "sigv4.trailer_signature", "the signature of the trailer does not match");
  if (checksum_->finish() != checksum_value_)
    return fail(ErrorKind::malformed, "sigv4.checksum", "the body does not have the checksum of its trailer");
  return {};
}

// --- encoding ----------------------------------------------------------------------------------------------------

ChunkEncoder::ChunkEncoder(const SigV4Claim& claim, SigningKey key, std::optional<Checksum> checksum)
    : signatures_(claim, std::move(key)), signed_(has_signatures(claim.payload.kind)), checksum_(std::move(checksum)) {
  if (checksum_) checksum_name_ = claim.payload.trailers[0];
}

Result<ChunkEncoder> ChunkEncoder::make(const SigV4Claim& claim, SigningKey key) {
  Result<std::optional<ChecksumKind>> kind = announced(claim.payload);
  if (!kind) return fail(kind.error());
  return ChunkEncoder(claim, std::move(key), start(*kind));
}

void ChunkEncoder::write_chunk_line(std::string_view data, std::string& wire) {
  std::array<char, 16> digits{};
  char* end = std::to_chars(digits.data(), digits.data() + digits.size(), data.size(), 16).ptr;
  wire.append(digits.data(), end);
  if (signed_) wire.append(kSignatureMark).append(signatures_.next_chunk(sha256(data)));
  wire += "\r\n";
}

void ChunkEncoder::chunk(std::string_view data, std::string& wire) {
  if (data.empty()) return;
  if (checksum_) checksum_->update(data);
  write_chunk_line(data, wire);
  wire.append(data).append("\r\n");
}

void ChunkEncoder::finish(std::string& wire) {
  write_chunk_line({}, wire);
  if (checksum_) {
    std::string trailer = checksum_name_ + ":" + checksum_->finish();
    wire.append(trailer).append("\r\n");
    if (signed_) wire.append(kTrailerSignature).append(":").append(signatures_.trailer(trailer + "\n")).append("\r\n");
  }
  wire += "\r\n";
}

Result<std::uint64_t> ChunkEncoder::encoded_length(const Payload& payload, std::uint64_t chunk_bytes) {
  Result<std::optional<ChecksumKind>> kind = announced(payload);
  if (!kind) return fail(kind.error());
  if (chunk_bytes == 0) return malformed("chunks have at least one byte");
  const bool is_signed = has_signatures(payload.kind);
  auto line = [&](std::uint64_t size) {
    return hex_characters(size) + (is_signed ? kSignatureMark.size() + kSignatureCharacters : 0) + 2;
  };
  std::uint64_t whole = payload.decoded_length / chunk_bytes;
  std::uint64_t rest = payload.decoded_length % chunk_bytes;
  std::uint64_t length = payload.decoded_length + whole * (line(chunk_bytes) + 2) + line(0) + 2;
  if (rest != 0) length += line(rest) + 2;
  if (*kind) length += payload.trailers[0].size() + 1 + checksum_characters(**kind) + 2;
  if (*kind && is_signed) length += kTrailerSignature.size() + 1 + kSignatureCharacters + 2;
  return length;
}

}  // namespace countersign::auth
