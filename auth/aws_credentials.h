// What an AWS client signs with: the three values every AWS tool can be given.
#pragma once

#include <string>

#include "core/secret.h"

namespace countersign::auth {

struct AwsCredentials {
  std::string key_id;         // access key id; names the secret, is none
  Secret secret;              // secret access key: signs, and never travels
  std::string session_token;  // empty: long-lived keys without one
};

}  // namespace countersign::auth
