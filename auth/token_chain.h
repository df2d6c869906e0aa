// The construction of cs1 tokens (docs/token.md, sections 1 and 4), for auth/token.cc and auth/aws_keys.cc: what they
// share once a text has been taken apart. Pure functions, any thread. Not for anybody else: nothing here is a proof.
#pragma once

#include <openssl/crypto.h>

#include <string_view>
#include <vector>

#include "auth/aws_credentials.h"
#include "auth/token.h"
#include "core/sha256.h"

namespace countersign::auth::chain {

std::unexpected<Error> refuse(std::string_view code, std::string message);
std::unexpected<Error> malformed();
std::unexpected<Error> too_large(ErrorKind kind = ErrorKind::unauthenticated);

// T_i of the chain: a capability by itself, so it does not stay behind in memory.
struct Tail {
  Digest value{};
  Tail() = default;
  explicit Tail(const Digest& digest) : value(digest) {}
  Tail(const Tail&) = default;
  Tail& operator=(const Tail&) = default;
  ~Tail() { OPENSSL_cleanse(value.data(), value.size()); }
};

[[nodiscard]] Tail root_tail(const Secret& key, ByteView block);
[[nodiscard]] Tail next_tail(const Tail& tail, ByteView block);
[[nodiscard]] Digest derive(const Tail& tail, std::string_view label);
[[nodiscard]] TokenId chain_id(const Tail& tail);

// Puts a block behind a body.
void append_block(Bytes& body, ByteView block);

// The blocks of a body, as views into it.
[[nodiscard]] Result<std::vector<ByteView>> split(ByteView body);

struct Walk {
  Tail tail;                 // T_n
  std::vector<TokenId> ids;  // of every block
};
// The chain computed from the root key; token.unknown_key.
[[nodiscard]] Result<Walk> walk(const std::vector<ByteView>& blocks, std::string_view kid, const KeySet& keys);

struct Decoded {
  Claims claims;
  std::vector<Caveats> caveats;
};
// Every block but the first, and the depth they allow among themselves.
[[nodiscard]] Result<Decoded> decode_rest(Claims claims, const std::vector<ByteView>& blocks);
[[nodiscard]] Result<Decoded> decode_all(const std::vector<ByteView>& blocks);

// What the blocks say together. Verified is what the caller has verified.
[[nodiscard]] VerifiedToken assemble(Decoded decoded, std::vector<TokenId> ids);

// The AWS form of the token with this body and tail (docs/token.md, section 2).
[[nodiscard]] AwsCredentials aws_form(ByteView body, const Tail& tail);

}  // namespace countersign::auth::chain
