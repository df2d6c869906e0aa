// What a held MCP request does, in a sentence (proxy/adapters/sentence.h).
#pragma once

#include <string>
#include <string_view>

#include "approvals/request.h"

namespace countersign::adapters {

// "Call write_file on files (production): path production/config.json, content 1,204 characters." The arguments that
// the tool's author requires come first, in the author's order (Frozen::shown, {"required": [name…]}). Any thread.
[[nodiscard]] std::string mcp_sentence(const approvals::Frozen& frozen, std::string_view environment);

}  // namespace countersign::adapters
