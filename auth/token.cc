#include "auth/token.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "core/sha256.h"

namespace countersign::auth {
namespace {

constexpr std::string_view kDelegablePrefix = "csd1_";
constexpr std::string_view kBearerPrefix = "csb1_";

std::unexpected<Error> refuse(std::string_view code, std::string message) {
  return fail(ErrorKind::unauthenticated, code, std::move(message));
}
std::unexpected<Error> malformed() {
  return refuse("token.malformed", "the token is malformed");
}
std::unexpected<Error> too_large(ErrorKind kind = ErrorKind::unauthenticated) {
  return fail(kind, "token.too_large", "the token is over the limits: 6 KiB of text, 4 KiB of blocks, 16 blocks");
}

// T_i of the chain: a capability by itself, so it does not stay behind in memory.
struct Tail {
  Digest value{};
  Tail() = default;
  explicit Tail(const Digest& digest) : value(digest) {}
  Tail(const Tail&) = default;
  Tail& operator=(const Tail&) = default;
  ~Tail() { OPENSSL_cleanse(value.data(), value.size()); }
};

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

// A token taken apart, with no claim checked.
struct Parts {
  TokenForm form = TokenForm::bearer;
  Bytes body;
  std::vector<ByteView> blocks;  // views into body, without their lengths
  Tail proof;                    // T_n of a delegable token; the bearer proof of a sealed one
};

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

Result<Parts> take_apart(std::string_view text) {
  if (text.size() > kMaxWireBytes) return too_large();
  Parts parts;
  if (text.starts_with(kDelegablePrefix)) {
    parts.form = TokenForm::delegable;
  } else if (!text.starts_with(kBearerPrefix)) {
    return malformed();
  }
  text.remove_prefix(kBearerPrefix.size());
  std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return malformed();
  Result<Bytes> body = from_base64url(text.substr(0, dot));
  Result<Bytes> proof = from_base64url(text.substr(dot + 1));  // a second dot is no base64url
  if (!body || !proof || proof->size() != parts.proof.value.size()) return malformed();
  std::ranges::copy(*proof, parts.proof.value.begin());
  OPENSSL_cleanse(proof->data(), proof->size());
  parts.body = std::move(*body);
  Result<std::vector<ByteView>> blocks = split(parts.body);
  if (!blocks) return fail(blocks.error());
  parts.blocks = std::move(*blocks);
  return parts;
}

Secret put_together(std::string_view prefix, ByteView body, ByteView proof) {
  std::string text(prefix);
  text += to_base64url(body);
  text += '.';
  text += to_base64url(proof);
  return Secret(std::move(text));
}

void append_block(Bytes& body, ByteView block) {
  body.push_back(static_cast<std::uint8_t>(block.size() >> 8));
  body.push_back(static_cast<std::uint8_t>(block.size()));
  body.insert(body.end(), block.begin(), block.end());
}

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

struct Decoded {
  Claims claims;
  std::vector<Caveats> caveats;
};
// Every block but the first, and the depth they allow among themselves.
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

// Recomputes the chain from the root key and compares its proof. On success `ids` is the chain.
Result<std::vector<TokenId>> walk(const Parts& parts, std::string_view kid, const KeySet& keys) {
  const Secret* key = keys.find(kid);
  if (!key) return refuse("token.unknown_key", "the token was signed with a key this server does not have (any more)");
  std::vector<TokenId> ids;
  ids.reserve(parts.blocks.size());
  Tail tail = root_tail(*key, parts.blocks.front());
  ids.push_back(chain_id(tail));
  for (std::size_t i = 1; i < parts.blocks.size(); ++i) {
    tail = next_tail(tail, parts.blocks[i]);
    ids.push_back(chain_id(tail));
  }
  Tail expected = parts.form == TokenForm::bearer ? Tail(derive(tail, "cs1/bearer")) : tail;
  if (!equal_constant_time(expected.value, parts.proof.value)) {
    return refuse("token.bad_proof", "the token's proof is wrong");
  }
  return ids;
}

// The delegable token in `text`, for the functions that work offline.
Result<Parts> take_apart_delegable(std::string_view text) {
  if (text.starts_with(kBearerPrefix)) {
    return fail(ErrorKind::invalid, "token.sealed", "a sealed token cannot be narrowed or sealed again");
  }
  return take_apart(text);
}

// What a token maker got wrong is the maker's mistake, not a failed authentication.
std::unexpected<Error> invalid_claims(const Error& error) {
  return fail(ErrorKind::invalid, "token.invalid_claims", error.message);
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

Result<Secret> issue(const KeySet& keys, Claims claims) {
  const Secret* key = keys.find(keys.newest);
  if (!key) return fail(ErrorKind::unavailable, "keys.none", "there is no root key to sign with");
  claims.kid = keys.newest;
  if (claims.id == TokenId{}) claims.id = random_token_id();
  Bytes block = encode_block(claims);
  if (block.size() + 2 > kMaxBodyBytes) return too_large(ErrorKind::invalid);
  if (Result<Claims> read_back = decode_claims(block); !read_back) return invalid_claims(read_back.error());
  Bytes body;
  append_block(body, block);
  return put_together(kDelegablePrefix, body, root_tail(*key, block).value);
}

Result<Secret> narrow(std::string_view delegable, Caveats caveats) {
  Result<Parts> parent = take_apart_delegable(delegable);
  if (!parent) return fail(parent.error());
  if (!caveats.id) caveats.id = random_token_id();
  Bytes block = encode_block(caveats);
  if (parent->body.size() + 2 + block.size() > kMaxBodyBytes || parent->blocks.size() == kMaxBlocks)
    return too_large(ErrorKind::invalid);
  if (Result<Caveats> read_back = decode_caveats(block); !read_back) return invalid_claims(read_back.error());

  Bytes body = parent->body;
  append_block(body, block);
  Result<std::vector<ByteView>> blocks = split(body);
  if (!blocks) return fail(blocks.error());
  if (Result<Decoded> usable = decode_all(*blocks); !usable) return fail(usable.error());
  return put_together(kDelegablePrefix, body, next_tail(parent->proof, block).value);
}

Result<Secret> seal(std::string_view delegable) {
  Result<Parts> parts = take_apart_delegable(delegable);
  if (!parts) return fail(parts.error());
  return put_together(kBearerPrefix, parts->body, derive(parts->proof, "cs1/bearer"));
}

Result<AwsCredentials> aws_credentials(std::string_view delegable) {
  Result<Parts> parts = take_apart_delegable(delegable);
  if (!parts) return fail(parts.error());
  AwsCredentials out;
  out.key_id = "CSK" + base32(sha256(parts->body), 17);
  out.secret = Secret(to_base64url(derive(parts->proof, "cs1/sigv4")));
  out.session_token = "cs1_" + to_base64url(parts->body);
  return out;
}

Result<UnverifiedToken> inspect(std::string_view text) {
  Result<Parts> parts = take_apart(text);
  if (!parts) return fail(parts.error());
  Result<Decoded> decoded = decode_all(parts->blocks);
  if (!decoded) return fail(decoded.error());
  UnverifiedToken token{parts->form, std::move(decoded->claims), std::move(decoded->caveats), std::nullopt};
  if (parts->form == TokenForm::delegable) token.leaf = chain_id(parts->proof);
  return token;
}

Result<VerifiedToken> check_proof(std::string_view text, const KeySet& keys) {
  if (text.starts_with(kDelegablePrefix)) {
    return refuse("token.delegable_on_data_plane",
                  "a delegable token (csd1_) was sent with a request: seal it and send the result (csb1_)");
  }
  Result<Parts> parts = take_apart(text);
  if (!parts) return fail(parts.error());
  Result<Claims> claims = decode_claims(parts->blocks.front());
  if (!claims) return fail(claims.error());
  Result<std::vector<TokenId>> ids = walk(*parts, claims->kid, keys);
  if (!ids) return fail(ids.error());
  Result<Decoded> decoded = decode_rest(std::move(*claims), parts->blocks);
  if (!decoded) return fail(decoded.error());

  VerifiedToken token;
  token.kid = std::move(decoded->claims.kid);
  token.audience = decoded->claims.audience;
  token.agent = std::move(decoded->claims.agent);
  token.owner = std::move(decoded->claims.owner);
  token.ids = std::move(*ids);
  token.issued = decoded->claims.issued;
  token.not_before = decoded->claims.not_before.value_or(0);
  token.expires = decoded->claims.expires;
  std::vector<ScopeBlock> scope;
  scope.reserve(parts->blocks.size());
  scope.push_back(scope_block(decoded->claims));
  for (const Caveats& caveats : decoded->caveats) {
    if (!caveats.who.empty()) token.delegates.push_back(caveats.who);
    if (caveats.not_before) token.not_before = std::max(token.not_before, *caveats.not_before);
    if (caveats.expires) token.expires = std::min(token.expires, *caveats.expires);
    scope.push_back(scope_block(caveats));
  }
  token.scope = Scope(std::move(scope));
  return token;
}

Status check_validity(const VerifiedToken& token, Audience audience, TimeMs now) {
  if (token.audience != audience) {
    return refuse("token.audience", "the token is for the " + std::string(audience_name(token.audience)) +
                                        " listener, not for the " + std::string(audience_name(audience)) + " one");
  }
  if (now >= token.expires) return refuse("token.expired", "the token expired at " + format_time(token.expires));
  if (now < token.not_before) {
    return refuse("token.not_yet_valid", "the token is valid from " + format_time(token.not_before));
  }
  return {};
}

Result<VerifiedToken> verify(std::string_view text, const KeySet& keys, Audience audience, TimeMs now) {
  Result<VerifiedToken> token = check_proof(text, keys);
  if (!token) return token;
  if (Status valid = check_validity(*token, audience, now); !valid) return fail(valid.error());
  return token;
}

Result<std::vector<TokenId>> trace(std::string_view text, const KeySet& keys) {
  Result<Parts> parts = take_apart(text);
  if (!parts) return fail(parts.error());
  Result<Claims> claims = decode_claims(parts->blocks.front());
  if (!claims) return fail(claims.error());
  return walk(*parts, claims->kid, keys);
}

}  // namespace countersign::auth
