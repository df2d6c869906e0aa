// Removes what an agent must not bring along for an upstream: credentials of any kind, and header fields with which an
// upstream would take somebody's word for who is calling (DESIGN rule 6). Pure function, any thread.
#pragma once

#include <string_view>

#include "core/http_head.h"

namespace countersign::auth {

// Whether a field of this name carries a credential or an asserted identity. Upper and lower case are the same, and so
// are '_' and '-', since servers that hand fields to programs as variables take them for the same.
[[nodiscard]] bool is_credential_header(std::string_view name);

// Removes every such field. To be called on what is forwarded, before Vault::inject.
void strip_credentials(HeaderList& headers);

}  // namespace countersign::auth
