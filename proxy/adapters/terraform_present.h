// The two states that a write is judged by: the one it brings, and the one that is there.
#pragma once

#include <string>
#include <string_view>

#include "core/http_head.h"
#include "proxy/adapters/adapter.h"
#include "proxy/adapters/terraform_state.h"

namespace countersign::adapters {

// The body of a write, all of it checked against Content-MD5. May wait for the disk. Errors: terraform.content_md5, and
// those of the body.
Result<FoundState> read_written_state(BodySource* body, const HeaderList& headers);

// Asks the upstream with the gateway's credential. One that is longer than kMaxStateBytes, or compressed, is unreadable
// and has no digest. `upstream` outlives the coroutine. Errors: terraform.state_unknown (the server answers with
// neither a state nor that there is none), and those of the door.
Task<Result<FoundState>> find_present_state(Doors& doors, std::string_view upstream, std::string path);

// What a present state is recognised by later: its digest; "absent"; or nothing, where it was too long to have one.
[[nodiscard]] std::string recognised_by(const FoundState& present);
[[nodiscard]] bool is_recognised(const FoundState& present, std::string_view as);

}  // namespace countersign::adapters
