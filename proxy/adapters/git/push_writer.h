// The gateway's own pushes: requests to git-receive-pack, read back by read_push(). (gitprotocol-pack "Reference Update
// Request and Packfile Transfer") Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/adapters/git/push_request.h"

namespace countersign::adapters::git {

// A whole request. At least one command; `pack` is empty when every command removes, and a pack otherwise. Push options
// and shallow lines are never said, whatever the capabilities hold.
[[nodiscard]] std::string write_push(const std::vector<RefCommand>& commands, const PushCapabilities& capabilities,
                                     std::string_view pack);

// A pack of no objects: what a ref that is put on something the upstream has already needs.
[[nodiscard]] std::string_view empty_pack(ObjectFormat format);

}  // namespace countersign::adapters::git
