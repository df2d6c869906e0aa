// The part `sign_in:` of the configuration; a part of core/config_load.cc, apart from it for its length.
//
//   sign_in:
//     passwords: true
//     idle: 30m
//     absolute: 12h
//     oidc: { issuer: "https://login.example.com", client_id: countersign, client_secret: { env: OIDC_SECRET } }
#pragma once

#include "core/config_upstream.h"

namespace countersign::config {

// What could be read of it; problems are reported. Without the key everything has its default.
void read_sign_in(Reading& reading, yaml::Map& root, SignIn& out);

}  // namespace countersign::config
