// A FIDO2 security key plugged into this machine, through libfido2 (CTAP 2.1). It makes keys for a relying party and
// answers its challenges, each time after a touch, and after its PIN or fingerprint.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/webauthn.h"
#include "core/bytes.h"
#include "core/result.h"
#include "core/secret.h"

struct fido_dev;

namespace countersign::cli {

struct FreeFidoDevice {
  void operator()(fido_dev* device) const;  // closes it first
};
using FidoDevice = std::unique_ptr<fido_dev, FreeFidoDevice>;

// Asked only when the key needs its PIN.
using AskPin = std::function<Result<Secret>()>;

// One thread. Errors of everything that talks to the key:
//   key.no_verification  it has neither a PIN nor a fingerprint reader set up: set a PIN first   (invalid)
//   key.pin_wrong, key.pin_blocked                                                             (forbidden)
//   key.refused          nobody touched it in time, or the person declined                     (forbidden)
//   key.unknown          it holds none of the keys that were asked for                         (not_found)
//   key.known            it holds one of the keys that were excluded                           (conflict)
//   key.failed           anything else; the message has libfido2's words                       (unavailable)
class SecurityKey {
 public:
  // The one at `path`, or the only one plugged in. key.none (not_found), key.several (invalid, names their paths).
  static Result<SecurityKey> open(std::string_view path);
  // One that is open already.
  explicit SecurityKey(FidoDevice device) : device_(std::move(device)) {}

  struct Creation {
    std::string relying_party_id;
    std::string relying_party_name;
    Bytes user_id;
    std::string user_name;
    std::vector<std::string> exclude;  // base64url credential ids
    std::string client_data;           // the JSON itself
  };
  // The attestation object, base64url. ES256, kept by the key only as far as it must: it is found by its id.
  Result<std::string> create(const Creation& creation, const AskPin& ask_pin);

  // An answer by one of `allowed` (base64url credential ids; at least one).
  Result<auth::Assertion> answer(std::string_view relying_party_id, std::string_view client_data,
                                 const std::vector<std::string>& allowed, const AskPin& ask_pin);

 private:
  // The PIN, or nothing when the key verifies by itself.
  Result<Secret> verification(const AskPin& ask_pin) const;

  FidoDevice device_;
};

}  // namespace countersign::cli
