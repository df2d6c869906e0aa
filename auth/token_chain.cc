#include "auth/token_chain.h"

#include <algorithm>

#include "core/bytes.h"

namespace countersign::auth::chain {
namespace {

// How many blocks a chain may have at most, given what its blocks say so far.
class DepthLimit {
 public:
  void block(std::size_t index, const std::optional<std::uint64_t>& max_depth) {
    if (max_depth) blocks_ = std::min(blocks_, index + 1 + static_cast<std::size_t>(*max_depth));
  }
  [[nodiscard]] bool allows(std::size_t blocks) const { return blocks <= blocks_; }

 private:
  std::size_t blocks_ = kMaxBlocks;
};
std::unexpected<Error> too_deep() {
  return refuse("token.too_deep", "the token has been narrowed more often than it allows");
}

std::string base32(ByteView bytes, std::size_t characters) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string out;
  for (std::size_t i = 0; i < characters; ++i) {
    std::size_t bit = i * 5;
    unsigned window = static_cast<unsigned>(bytes[bit / 8]) << 8 | bytes[bit / 8 + 1];
    out += kAlphabet[(window >> (11 - bit % 8)) & 31U];
  }
  return out;
}

}  // namespace

std::unexpected<Error> refuse(std::string_view code, std::string message) {
  return fail(ErrorKind::unauthenticated, code, std::move(message));
}
std::unexpected<Error> malformed() {
  return refuse("token.malformed", "the token is malformed");
}
std::unexpected<Error> too_large(ErrorKind kind) {
  return fail(kind, "token.too_large", "the token is over the limits: 6 KiB of text, 4 KiB of blocks, 16 blocks");
}

Tail root_tail(const Secret& key, ByteView block) {
  return Tail(hmac_sha256(key.expose_bytes(), {as_bytes("cs1/root"), block}));
}
Tail next_tail(const Tail& tail, ByteView block) {
  return Tail(hmac_sha256(tail.value, {as_bytes("cs1/block"), block}));
}
Digest derive(const Tail& tail, std::string_view label) {
  return hmac_sha256(tail.value, {as_bytes(label)});
}
TokenId chain_id(const Tail& tail) {
  Digest full = derive(tail, "cs1/id");
  TokenId id{};
  std::copy_n(full.begin(), id.size(), id.begin());
  return id;
}

void append_block(Bytes& body, ByteView block) {
  body.push_back(static_cast<std::uint8_t>(block.size() >> 8));
  body.push_back(static_cast<std::uint8_t>(block.size()));
  body.insert(body.end(), block.begin(), block.end());
}

Result<std::vector<ByteView>> split(ByteView body) {
  if (body.size() > kMaxBodyBytes) return too_large();
  std::vector<ByteView> blocks;
  blocks.reserve(4);
  while (!body.empty()) {
    if (body.size() < 2) return malformed();
    std::size_t length = std::size_t{body[0]} << 8 | body[1];
    if (length == 0 || length > body.size() - 2) return malformed();
    if (blocks.size() == kMaxBlocks) return too_large();
    blocks.push_back(body.subspan(2, length));
    body = body.subspan(2 + length);
  }
  if (blocks.empty()) return malformed();
  return blocks;
}

Result<Walk> walk(const std::vector<ByteView>& blocks, std::string_view kid, const KeySet& keys) {
  const Secret* key = keys.find(kid);
  if (!key) return refuse("token.unknown_key", "the token was signed with a key this server does not have (any more)");
  Walk out;
  out.ids.reserve(blocks.size());
  out.tail = root_tail(*key, blocks.front());
  out.ids.push_back(chain_id(out.tail));
  for (std::size_t i = 1; i < blocks.size(); ++i) {
    out.tail = next_tail(out.tail, blocks[i]);
    out.ids.push_back(chain_id(out.tail));
  }
  return out;
}

Result<Decoded> decode_rest(Claims claims, const std::vector<ByteView>& blocks) {
  Decoded decoded{std::move(claims), {}};
  DepthLimit depth;
  depth.block(0, decoded.claims.max_depth);
  decoded.caveats.reserve(blocks.size() - 1);
  for (std::size_t i = 1; i < blocks.size(); ++i) {
    Result<Caveats> caveats = decode_caveats(blocks[i]);
    if (!caveats) return fail(caveats.error());
    depth.block(i, caveats->max_depth);
    decoded.caveats.push_back(std::move(*caveats));
  }
  if (!depth.allows(blocks.size())) return too_deep();
  return decoded;
}
Result<Decoded> decode_all(const std::vector<ByteView>& blocks) {
  Result<Claims> claims = decode_claims(blocks.front());
  if (!claims) return fail(claims.error());
  return decode_rest(std::move(*claims), blocks);
}

VerifiedToken assemble(Decoded decoded, std::vector<TokenId> ids) {
  VerifiedToken token;
  token.kid = std::move(decoded.claims.kid);
  token.audience = decoded.claims.audience;
  token.agent = std::move(decoded.claims.agent);
  token.owner = std::move(decoded.claims.owner);
  token.ids = std::move(ids);
  token.issued = decoded.claims.issued;
  token.not_before = decoded.claims.not_before.value_or(0);
  token.expires = decoded.claims.expires;
  std::vector<ScopeBlock> scope;
  scope.reserve(decoded.caveats.size() + 1);
  scope.push_back(scope_block(decoded.claims));
  for (const Caveats& caveats : decoded.caveats) {
    if (!caveats.who.empty()) token.delegates.push_back(caveats.who);
    if (caveats.not_before) token.not_before = std::max(token.not_before, *caveats.not_before);
    if (caveats.expires) token.expires = std::min(token.expires, *caveats.expires);
    scope.push_back(scope_block(caveats));
  }
  token.scope = Scope(std::move(scope));
  return token;
}

AwsCredentials aws_form(ByteView body, const Tail& tail) {
  AwsCredentials out;
  out.key_id = "CSK" + base32(sha256(body), 17);
  out.secret = Secret(to_base64url(derive(tail, "cs1/sigv4")));
  out.session_token = "cs1_" + to_base64url(body);
  return out;
}

}  // namespace countersign::auth::chain
