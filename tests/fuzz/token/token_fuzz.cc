// Everything that reads bytes of a token: the wire form, the blocks, the CBOR below them.
//
// The first byte chooses what the rest is: a token's text, a first block, a caveat block, plain CBOR, or a caveat block
// that is added to a genuine token with its right proof, so that what comes after the proof is reached as well.
#include <cstdlib>
#include <string>

#include "auth/cbor.h"
#include "auth/token.h"
#include "core/sha256.h"

namespace {

using namespace countersign;
using namespace countersign::auth;

constexpr TimeMs kNow = 1'795'000'600'000;

const KeySet& keys() {
  static const KeySet set = [] {
    KeySet made;
    Bytes key(32);
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
    made.keys.emplace("2026a", Secret{ByteView(key)});
    made.newest = "2026a";
    return made;
  }();
  return set;
}

Claims claims() {
  Claims out;
  out.id.fill(1);
  out.agent = "builder";
  out.owner = "alice";
  out.issued = kNow - 1000;
  out.expires = kNow + 1'000'000;
  out.scope = {ScopeRule{.upstreams = {"files"}}};
  return out;
}

void require(bool good) {
  if (!good) std::abort();
}

void as_text_form(std::string_view text) {
  Result<UnverifiedToken> seen = inspect(text);
  Result<VerifiedToken> token = verify(text, keys(), Audience::agents, kNow);
  require(!token || seen);  // what verifies can be looked at
  (void)trace(text, keys());
  (void)seal(text);
  (void)aws_credentials(text);
  (void)narrow(text, Caveats{.who = "x"});
}

void as_added_block(ByteView block) {
  static const std::string parent(issue(keys(), claims())->expose());
  if (block.empty() || block.size() > 3000) return;
  std::size_t dot = parent.find('.');
  Bytes body = *from_base64url(std::string_view(parent).substr(5, dot - 5));
  Bytes tail = *from_base64url(std::string_view(parent).substr(dot + 1));
  body.push_back(static_cast<std::uint8_t>(block.size() >> 8));
  body.push_back(static_cast<std::uint8_t>(block.size()));
  body.insert(body.end(), block.begin(), block.end());
  Digest next = hmac_sha256(tail, {countersign::as_bytes("cs1/block"), block});
  Result<Secret> bearer = seal("csd1_" + to_base64url(body) + "." + to_base64url(next));
  require(bearer.has_value());
  Result<VerifiedToken> token = verify(bearer->expose(), keys(), Audience::agents, kNow);
  if (!token) return;
  // Whatever the block says, the parent's restrictions are still there.
  require(token->scope.blocks().size() == 2 && token->scope.blocks()[0].rules[0].upstreams[0] == "files");
  require(token->owner == "alice" && token->agent == "builder" && token->expires <= claims().expires);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  ByteView rest(data + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      as_text_form(as_text(rest));
      break;
    case 1:
      // What was read can be written, and read again.
      if (Result<Claims> read = decode_claims(rest)) require(decode_claims(encode_block(*read)).has_value());
      break;
    case 2:
      if (Result<Caveats> read = decode_caveats(rest)) require(decode_caveats(encode_block(*read)).has_value());
      break;
    case 3: {
      CborReader in(rest);
      in.skip();
      in.finish();
      break;
    }
    default:
      as_added_block(rest);
      break;
  }
  return 0;
}
