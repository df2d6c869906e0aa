// The parts `policies:` and `journal:` of the configuration; a part of core/config_load.cc, apart from it for its
// length.
//
//   policies: ./policies                      # or { folder: ./policies }
//   policies:
//     git: { repository: "https://git.example.com/policies.git", branch: main, path: policies,
//            allowed_signers: ./allowed_signers, every: 60s, two_people: true }
//   journal: { days: 14, bytes: 1GiB }
#pragma once

#include "core/config_upstream.h"

namespace countersign::config {

// After the state folder is known. Problems are reported.
void read_policies(Reading& reading, yaml::Map& root, const yaml::Node& root_node, Config& config);
void read_journal(Reading& reading, yaml::Map& root, Journal& out);

}  // namespace countersign::config
