// Keys of a narrower token for the caller of a signed request.
#pragma once

#include "auth/caller.h"
#include "auth/sigv4_request.h"
#include "proxy/adapters/narrower.h"
#include "proxy/parts.h"

namespace countersign::proxy {

class SessionNarrower final : public adapters::Narrower {
 public:
  // `claim` is proven, `caller` is who it proved to be; both and `parts` outlive the narrower.
  SessionNarrower(const Parts& parts, const auth::SigV4Claim& claim, const auth::Caller& caller)
      : parts_(parts), claim_(claim), caller_(caller) {}

  [[nodiscard]] TimeMs now() const override { return parts_.clock.now(); }
  // Only for a request that is signed in its head, its body with it, and for the first one with its signature:
  // whoever reads a request on its way must not get keys by sending it once more. Errors: sigv4.link,
  // aws.session_unsigned_body (forbidden), sigv4.replayed; those of Authenticator::check_stored and narrow.
  [[nodiscard]] Result<adapters::NarrowedKeys> narrow(auth::Caveats caveats) override;

 private:
  const Parts& parts_;
  const auth::SigV4Claim& claim_;
  const auth::Caller& caller_;
};

}  // namespace countersign::proxy
