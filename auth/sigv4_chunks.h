// Bodies in the aws-chunked coding: read as they arrive, each chunk's signature and the trailer checked; and written.
// One object belongs to one request and one thread.
//
//   chunk   = HEX [";chunk-signature=" 64HEX] CRLF  data  CRLF
//   body    = *chunk "0" [";chunk-signature=" 64HEX] CRLF  *( name ":" value CRLF )  CRLF
//
// Source: "Signature calculations for the Authorization header: transferring payload in multiple chunks" and "Signature
// calculations for trailing headers" of the Amazon S3 API reference.
//
// Error codes: sigv4.chunk_malformed (malformed), sigv4.chunk_signature, sigv4.trailer_signature (unauthenticated),
// sigv4.decoded_length, sigv4.trailer_missing, sigv4.checksum, sigv4.incomplete (malformed), sigv4.unsupported
// (a checksum this program does not know). After an error the object only repeats it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "auth/checksum.h"
#include "auth/sigv4.h"
#include "auth/sigv4_request.h"

namespace countersign::auth {

inline constexpr std::size_t kMaxChunkLine = 128;  // size and signature; the longest sensible one has 99 bytes
inline constexpr std::size_t kMaxTrailerLine = 256;
inline constexpr std::size_t kMaxTrailers = 4;
inline constexpr std::uint64_t kMaxChunkBytes = std::uint64_t{5} << 30U;  // of one chunk

class ChunkDecoder {
 public:
  // For a claim that verify_sigv4 has accepted, with the same key; the claim's payload is of a streaming kind
  // (sigv4.malformed otherwise). sigv4.unsupported: a trailer that is no known checksum.
  static Result<ChunkDecoder> make(const SigV4Claim& claim, SigningKey key);

  // Reads the next bytes of the body, cut anywhere, and appends what they decode to. Decoded bytes come out before
  // their chunk is proven: until finish() has succeeded they may be stored, or sent to an upstream that drops an
  // incomplete request, and nothing else.
  [[nodiscard]] Status feed(std::string_view wire, std::string& decoded);
  // To be called at the body's end: everything that was promised has come and was proven.
  [[nodiscard]] Status finish();

  [[nodiscard]] std::uint64_t decoded_bytes() const { return decoded_; }
  // How many of them stand in chunks whose signature was right; all of them where chunks are not signed.
  [[nodiscard]] std::uint64_t proven_bytes() const { return signed_chunks_ ? proven_ : decoded_; }

 private:
  enum class State : std::uint8_t { header, data, data_end, trailer, done };

  ChunkDecoder(const SigV4Claim& claim, SigningKey key);
  Status advance(std::string_view& wire, std::string& decoded);
  Status read_header(std::string_view line);
  Status end_chunk();
  Status read_trailer(std::string_view line);
  Status end_body();
  Status take_line(std::string_view& wire, std::size_t limit, std::optional<std::string>& line);
  Status take_data(std::string_view& wire, std::string& decoded);
  Status take_data_end(std::string_view& wire);

  SigningKey key_;
  std::string prefix_;    // of every string to sign: date and scope
  std::string previous_;  // signature of what came before
  Payload payload_;
  bool signed_chunks_ = false;

  State state_ = State::header;
  std::optional<Error> failure_;
  std::string line_;          // of a line whose end has not come yet
  std::uint64_t left_ = 0;    // bytes of the chunk still to come
  std::size_t end_seen_ = 0;  // of the CRLF behind a chunk's data
  std::string chunk_signature_;
  std::unique_ptr<Sha256> chunk_hash_;
  std::uint64_t decoded_ = 0;
  std::uint64_t proven_ = 0;
  std::vector<std::pair<std::string, std::string>> trailers_;  // as they came
  std::string trailer_signature_;
  std::optional<Checksum> checksum_;  // the one that was announced
  std::string checksum_name_;
  bool blank_allowed_ = false;  // some clients end the last chunk like any other, with an empty line
};

// Writes a body in this coding, for an upstream.
class ChunkEncoder {
 public:
  // `claim`: that of the head that was just signed (its signature is the seed), with its payload filled in.
  static Result<ChunkEncoder> make(const SigV4Claim& claim, SigningKey key);

  // One chunk of 1 byte or more.
  void chunk(std::string_view data, std::string& wire);
  // The last chunk and the trailer, with the checksum of all data when one was announced.
  void finish(std::string& wire);

  // How long the body becomes when `payload.decoded_length` bytes are written in chunks of `chunk_bytes` (the last may
  // be shorter): the Content-Length to send.
  [[nodiscard]] static Result<std::uint64_t> encoded_length(const Payload& payload, std::uint64_t chunk_bytes);

 private:
  ChunkEncoder(const SigV4Claim& claim, SigningKey key);
  void header(std::string_view data, std::string& wire);

  SigningKey key_;
  std::string prefix_;
  std::string previous_;
  Payload payload_;
  bool signed_chunks_ = false;
  std::optional<Checksum> checksum_;
};

}  // namespace countersign::auth
