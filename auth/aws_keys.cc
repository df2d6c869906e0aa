#include "auth/aws_keys.h"

#include "auth/token_chain.h"
#include "core/bytes.h"

namespace countersign::auth {
namespace {

using namespace chain;

constexpr std::string_view kSessionPrefix = "cs1_";
constexpr std::string_view kDelegablePrefix = "csd1_";

// A session token taken apart, its chain computed. Nothing but `kid` has been relied on.
struct Session {
  Bytes body;
  std::vector<ByteView> blocks;  // views into body
  Claims claims;
  Walk walk;
};

Result<Session> read_session(std::string_view text, const KeySet& keys) {
  if (text.starts_with(kDelegablePrefix)) {
    return refuse(
        "token.delegable_on_data_plane",
        "a delegable token (csd1_) was sent as the session token: seal it with --aws and use what that prints");
  }
  if (text.size() > kMaxWireBytes) return too_large();
  if (!text.starts_with(kSessionPrefix)) return malformed();
  Result<Bytes> body = from_base64url(text.substr(kSessionPrefix.size()));
  if (!body) return malformed();
  Session session;
  session.body = std::move(*body);
  Result<std::vector<ByteView>> blocks = split(session.body);
  if (!blocks) return fail(blocks.error());
  session.blocks = std::move(*blocks);
  Result<Claims> claims = decode_claims(session.blocks.front());
  if (!claims) return fail(claims.error());
  session.claims = std::move(*claims);
  Result<Walk> walked = walk(session.blocks, session.claims.kid, keys);
  if (!walked) return fail(walked.error());
  session.walk = std::move(*walked);
  return session;
}

Result<VerifiedToken> open(Session session) {
  Result<Decoded> decoded = decode_rest(std::move(session.claims), session.blocks);
  if (!decoded) return fail(decoded.error());
  return assemble(std::move(*decoded), std::move(session.walk.ids));
}

std::string cache_name(const SigV4Claim& claim) {
  return claim.access_key + "/" + claim.scope() + "/" + claim.session_token;
}

}  // namespace

Result<AwsCredentials> aws_session(std::string_view session_token, const KeySet& keys) {
  Result<Session> session = read_session(session_token, keys);
  if (!session) return fail(session.error());
  return aws_form(session->body, session->walk.tail);
}

Result<VerifiedToken> open_session(std::string_view session_token, const KeySet& keys) {
  Result<Session> session = read_session(session_token, keys);
  if (!session) return fail(session.error());
  return open(std::move(*session));
}

Result<ChildSession> narrow_session(std::string_view session_token, Caveats caveats, const KeySet& keys) {
  Result<Session> parent = read_session(session_token, keys);
  if (!parent) return fail(parent.error());
  if (!caveats.id) caveats.id = random_token_id();
  const Bytes block = encode_block(caveats);
  if (parent->body.size() + 2 + block.size() > kMaxBodyBytes || parent->blocks.size() == kMaxBlocks)
    return too_large(ErrorKind::invalid);
  if (Result<Caveats> read_back = decode_caveats(block); !read_back)
    return fail(ErrorKind::invalid, "token.invalid_claims", read_back.error().message);
  Session child;
  child.body = parent->body;
  append_block(child.body, block);
  Result<std::vector<ByteView>> blocks = split(child.body);
  if (!blocks) return fail(blocks.error());
  child.blocks = std::move(*blocks);
  child.claims = std::move(parent->claims);
  child.walk.ids = std::move(parent->walk.ids);
  child.walk.tail = next_tail(parent->walk.tail, block);
  child.walk.ids.push_back(chain_id(child.walk.tail));
  ChildSession out{aws_form(child.body, child.walk.tail), {}};
  Result<VerifiedToken> token = open(std::move(child));
  if (!token) return fail(token.error());
  out.token = std::move(*token);
  return out;
}

void SignerCache::use_keys(const std::shared_ptr<const KeySet>& keys) {
  if (keys_ == keys) return;
  index_.clear();
  entries_.clear();
  keys_ = keys;
}

std::shared_ptr<const SigV4Signer> SignerCache::find(const SigV4Claim& claim,
                                                     const std::shared_ptr<const KeySet>& keys) {
  const std::string name = cache_name(claim);
  std::lock_guard guard(lock_);
  use_keys(keys);
  auto found = index_.find(name);
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->signer;
}

void SignerCache::keep(const SigV4Claim& claim, const std::shared_ptr<const KeySet>& keys,
                       std::shared_ptr<const SigV4Signer> signer) {
  std::string name = cache_name(claim);
  std::lock_guard guard(lock_);
  use_keys(keys);
  if (limit_ == 0 || index_.contains(name)) return;
  if (entries_.size() == limit_) {
    index_.erase(entries_.back().name);
    entries_.pop_back();
  }
  entries_.push_front({std::move(name), std::move(signer)});
  index_.emplace(entries_.front().name, entries_.begin());
}

std::size_t SignerCache::size() const {
  std::lock_guard guard(lock_);
  return entries_.size();
}

Result<std::shared_ptr<const SigV4Signer>> verify_signer(const RequestHead& head, const SigV4Claim& claim,
                                                         const std::shared_ptr<const KeySet>& keys, TimeMs now,
                                                         const SigV4Limits& limits, std::string_view body_sha256,
                                                         SignerCache* cache) {
  if (claim.session_token.empty())
    return refuse("sigv4.no_session_token",
                  "the request has no session token: set all three values of the credentials");
  if (std::shared_ptr<const SigV4Signer> known = cache ? cache->find(claim, keys) : nullptr) {
    if (Status verified = verify_sigv4(head, claim, known->key, now, limits, body_sha256); !verified)
      return fail(verified.error());
    return known;
  }
  Result<Session> session = read_session(claim.session_token, *keys);
  if (!session) return fail(session.error());
  const AwsCredentials credentials = aws_form(session->body, session->walk.tail);
  if (credentials.key_id != claim.access_key)
    return refuse("sigv4.unknown_key", "the access key id does not belong to the session token");
  auto signer = std::make_shared<SigV4Signer>();
  signer->key = SigningKey(credentials.secret, claim.date, claim.region, claim.service);
  if (Status verified = verify_sigv4(head, claim, signer->key, now, limits, body_sha256); !verified)
    return fail(verified.error());
  Result<VerifiedToken> token = open(std::move(*session));
  if (!token) return fail(token.error());
  signer->token = std::make_shared<const VerifiedToken>(std::move(*token));
  if (cache) cache->keep(claim, keys, signer);
  return signer;
}

}  // namespace countersign::auth
