// The AWS form of cs1 tokens at the server: from a session token to the secret its holder signs with (docs/token.md,
// "AWS form"). The holder's side is aws_credentials() in auth/token.h.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "auth/aws_credentials.h"
#include "auth/sigv4.h"
#include "auth/token.h"
#include "core/result.h"

namespace countersign::auth {

// The credentials of the token in `session_token` (cs1_…), computed from the root keys. NOTHING the token says has been
// proven: anybody can write one. A request that was signed with the secret proves it. Codes as auth/token.h;
// token.delegable_on_data_plane for csd1_…, token.malformed for any other form.
[[nodiscard]] Result<AwsCredentials> aws_session(std::string_view session_token, const KeySet& keys);

// What the token says, for a session token whose secret has signed: only to be called then. Audience, times and
// revocation are still to be checked.
[[nodiscard]] Result<VerifiedToken> open_session(std::string_view session_token, const KeySet& keys);

// A child of a token in its AWS form.
struct ChildSession {
  AwsCredentials credentials;
  VerifiedToken token;  // what the child says, its blocks and its parent's together
};

// The token in `session_token` with one block more, for a holder of it who has proven themselves: only to be called
// then. Holders of the AWS form cannot narrow it themselves, since that takes the tail; what they are given here is
// less than what they have, as every block is. A missing caveats.id is filled with random bytes. Errors: those of
// aws_session, token.invalid_claims (invalid), token.too_large (invalid: no room for another block), token.too_deep.
[[nodiscard]] Result<ChildSession> narrow_session(std::string_view session_token, Caveats caveats, const KeySet& keys);

// Who signed a request, and with what: the key goes on to the chunks of its body.
struct SigV4Signer {
  std::shared_ptr<const VerifiedToken> token;
  SigningKey key;
};

// Signers that have proven themselves, by session token and scope (day, region, service), for one set of root keys; the
// one that was not used for longest goes first. Any thread may call any method. Holds no opinion on expiry and
// revocation: whoever uses an entry checks both again.
class SignerCache {
 public:
  static constexpr std::size_t kDefaultEntries = 1024;
  explicit SignerCache(std::size_t entries = kDefaultEntries) : limit_(entries) {}

  // nullptr: not there, or there for another set of root keys.
  [[nodiscard]] std::shared_ptr<const SigV4Signer> find(const SigV4Claim& claim,
                                                        const std::shared_ptr<const KeySet>& keys);
  void keep(const SigV4Claim& claim, const std::shared_ptr<const KeySet>& keys,
            std::shared_ptr<const SigV4Signer> signer);
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    std::string name;
    std::shared_ptr<const SigV4Signer> signer;
  };
  void use_keys(const std::shared_ptr<const KeySet>& keys);

  const std::size_t limit_;
  mutable std::mutex lock_;
  std::shared_ptr<const KeySet> keys_;  // of all entries
  std::list<Entry> entries_;            // the last used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> index_;
};

// Verifies a request signed with a cs1 token: session token, access key id, signature. Codes of auth/token.h and
// auth/sigv4.h, and sigv4.no_session_token, sigv4.unknown_key (unauthenticated): the access key id is not that of the
// session token. `cache` may be nullptr. The signer is proven; audience, times of the token and revocation are not
// checked.
[[nodiscard]] Result<std::shared_ptr<const SigV4Signer>> verify_signer(const RequestHead& head, const SigV4Claim& claim,
                                                                       const std::shared_ptr<const KeySet>& keys,
                                                                       TimeMs now, const SigV4Limits& limits,
                                                                       std::string_view body_sha256,
                                                                       SignerCache* cache);

}  // namespace countersign::auth
