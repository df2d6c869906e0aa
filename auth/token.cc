#include "auth/token.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "auth/token_chain.h"

namespace countersign::auth {
namespace {

using namespace chain;

constexpr std::string_view kDelegablePrefix = "csd1_";
constexpr std::string_view kBearerPrefix = "csb1_";

// A token taken apart, with no claim checked.
struct Parts {
  TokenForm form = TokenForm::bearer;
  Bytes body;
  std::vector<ByteView> blocks;  // views into body, without their lengths
  Tail proof;                    // T_n of a delegable token; the bearer proof of a sealed one
};

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

// Recomputes the chain from the root key and compares its proof. On success: the chain ids.
Result<std::vector<TokenId>> check_chain(const Parts& parts, std::string_view kid, const KeySet& keys) {
  Result<Walk> walked = walk(parts.blocks, kid, keys);
  if (!walked) return fail(walked.error());
  Tail expected = parts.form == TokenForm::bearer ? Tail(derive(walked->tail, "cs1/bearer")) : walked->tail;
  if (!equal_constant_time(expected.value, parts.proof.value)) {
    return refuse("token.bad_proof", "the token's proof is wrong");
  }
  return std::move(walked->ids);
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
  return aws_form(parts->body, parts->proof);
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
  Result<std::vector<TokenId>> ids = check_chain(*parts, claims->kid, keys);
  if (!ids) return fail(ids.error());
  Result<Decoded> decoded = decode_rest(std::move(*claims), parts->blocks);
  if (!decoded) return fail(decoded.error());

  return assemble(std::move(*decoded), std::move(*ids));
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
  return check_chain(*parts, claims->kid, keys);
}

}  // namespace countersign::auth
