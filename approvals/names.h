// Names of people as approvals compare them: without regard to ASCII case and without a "user:", "team:" or "agent:" in
// front, so that no spelling gets anybody around a rule about who they are. Pure functions, any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "approvals/request.h"

namespace countersign::approvals {

// Who acts through admin.sock without a token, as records and the register of tokens name them: whoever has the
// machine, and so nobody in particular.
inline constexpr std::string_view kLocalAdministrator = "local administrator";

[[nodiscard]] std::string bare_name(std::string_view name);
// False when either is empty: nobody is not somebody.
[[nodiscard]] bool same_name(std::string_view a, std::string_view b);
[[nodiscard]] bool contains_name(std::span<const std::string> names, std::string_view name);

// Whether the name is one of those that ask: the agent, its owner, the issuer of its token, a delegate, a token id.
[[nodiscard]] bool asks_by_name(const Requester& requester, std::string_view name);

}  // namespace countersign::approvals
