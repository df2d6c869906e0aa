// Keys that may do less than the caller's own: for adapters of protocols in which a caller asks for such keys.
#pragma once

#include <string>

#include "auth/aws_credentials.h"
#include "auth/block.h"
#include "core/clock.h"
#include "core/result.h"

namespace countersign::adapters {

struct NarrowedKeys {
  auth::AwsCredentials credentials;
  std::string token;   // chain id of the new token, hexadecimal: what records show and revocation names
  std::string parent;  // and of the caller's own
  TimeMs expires = 0;  // the earliest along the chain
};

// Of one authenticated request; lives as long as its conversation.
class Narrower {
 public:
  virtual ~Narrower() = default;
  [[nodiscard]] virtual TimeMs now() const = 0;
  // Once a request. Errors: what the request was authenticated with allows no keys (a link, a body nobody signed), was
  // sent before, or is over or revoked by now; the token has no room for another block.
  [[nodiscard]] virtual Result<NarrowedKeys> narrow(auth::Caveats caveats) = 0;
};

}  // namespace countersign::adapters
