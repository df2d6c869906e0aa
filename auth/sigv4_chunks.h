// Bodies in the aws-chunked coding: read as they arrive, each chunk's signature and the trailer checked; and written.
// One object belongs to one request and one thread.
//
//   chunk   = HEX [";chunk-signature=" 64HEX] CRLF  data  CRLF
//   body    = *chunk "0" [";chunk-signature=" 64HEX] CRLF  [trailer]  CRLF
//   trailer = checksum-name ":" value CRLF  ["x-amz-trailer-signature:" 64HEX CRLF]
//
// Before a trailer an empty line may stand (some clients end the last chunk like every other one), and behind it the
// empty line may be missing: AWS's own examples can be read both ways.
// Source: "Signature calculations for the Authorization header: transferring payload in multiple chunks" and "Signature
// calculations for trailing headers" of the Amazon S3 API reference.
//
// Error codes: sigv4.chunk_malformed (malformed), sigv4.chunk_signature, sigv4.trailer_signature (unauthenticated),
// sigv4.decoded_length, sigv4.checksum, sigv4.incomplete (malformed), sigv4.unsupported (a trailer that is not exactly
// one known checksum). After an error an object only repeats it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auth/checksum.h"
#include "auth/sigv4.h"
#include "auth/sigv4_request.h"

namespace countersign::auth {

inline constexpr std::size_t kMaxChunkLine = 128;  // size and signature have 97 bytes at most
inline constexpr std::size_t kMaxTrailerLine = 256;
inline constexpr std::uint64_t kMaxChunkBytes = std::uint64_t{5} << 30U;  // of one chunk

// The signatures of a body, each over the one before; nothing where chunks are unsigned.
class ChunkSignatures {
 public:
  ChunkSignatures(const SigV4Claim& claim, SigningKey key);
  [[nodiscard]] std::string next_chunk(const Digest& data);
  // `canonical`: "name:value\n".
  [[nodiscard]] std::string trailer(std::string_view canonical) const;

 private:
  SigningKey key_;
  std::string when_and_where_;  // "\n<date>\n<scope>\n"
  std::string previous_;        // the signature of what came before
};

class ChunkDecoder {
 public:
  // For a claim that verify_sigv4 has accepted, with the same key; its payload is of a streaming kind
  // (sigv4.chunk_malformed otherwise).
  static Result<ChunkDecoder> make(const SigV4Claim& claim, SigningKey key);

  // Reads the next bytes of the body, cut anywhere, and appends what they decode to. Decoded bytes come out before
  // their chunk is proven: until finish() has succeeded they may be stored, or sent to an upstream that drops an
  // incomplete request, and nothing else.
  [[nodiscard]] Status feed(std::string_view wire, std::string& decoded);
  // To be called at the body's end: everything that was promised has come and was proven.
  [[nodiscard]] Status finish();

  // The field that stood behind the body, where one did: "x-amz-checksum-crc32" and its value. Only once finish() has
  // succeeded.
  [[nodiscard]] std::optional<HeaderField> trailer() const;

  [[nodiscard]] std::uint64_t decoded_bytes() const { return decoded_; }
  // How many of them stand in chunks whose signature was right; all of them where chunks are not signed.
  [[nodiscard]] std::uint64_t proven_bytes() const { return signed_ ? proven_ : decoded_; }

 private:
  enum class State : std::uint8_t { chunk_line, data, data_end, last_end, trailer, done };

  ChunkDecoder(const SigV4Claim& claim, SigningKey key, std::optional<Checksum> checksum);
  Status advance(std::string_view& wire, std::string& decoded);
  // The next whole line without its CRLF, in line_; false: it has not come yet.
  Result<bool> take_line(std::string_view& wire, std::size_t limit);
  Status read_chunk_line();
  Status take_data(std::string_view& wire, std::string& decoded);
  Status end_chunk();
  Status read_trailer_line();
  Status end_body();

  ChunkSignatures signatures_;
  const bool signed_;   // chunks and trailer
  const bool trailer_;  // one is to come
  const std::uint64_t promised_;
  std::string checksum_name_;
  std::optional<Checksum> checksum_;

  State state_ = State::chunk_line;
  std::optional<Error> failure_;
  std::string line_;        // as much of a line as has come
  std::string signature_;   // of the chunk being read
  std::uint64_t left_ = 0;  // bytes of it still to come
  Sha256 chunk_hash_;
  std::uint64_t decoded_ = 0;
  std::uint64_t proven_ = 0;
  std::string checksum_value_;  // as the trailer has it
  std::string trailer_signature_;
  bool blank_seen_ = false;  // the empty line before a trailer
};

// Writes a body in this coding, for an upstream.
class ChunkEncoder {
 public:
  // `claim`: what sign_sigv4 returned for the head; its signature is the seed. Codes as ChunkDecoder::make.
  static Result<ChunkEncoder> make(const SigV4Claim& claim, SigningKey key);

  // One chunk; nothing for no data.
  void chunk(std::string_view data, std::string& wire);
  // The last chunk and the trailer, with the checksum of all data when one was announced.
  void finish(std::string& wire);

  // What the Content-Length becomes when payload.decoded_length bytes are written in chunks of `chunk_bytes` (at least
  // 1; the last may be shorter). Codes as ChunkDecoder::make.
  [[nodiscard]] static Result<std::uint64_t> encoded_length(const Payload& payload, std::uint64_t chunk_bytes);

 private:
  ChunkEncoder(const SigV4Claim& claim, SigningKey key, std::optional<Checksum> checksum);
  void write_chunk_line(std::string_view data, std::string& wire);

  ChunkSignatures signatures_;
  const bool signed_;
  std::string checksum_name_;
  std::optional<Checksum> checksum_;
};

}  // namespace countersign::auth
