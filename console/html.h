// The two small pages the admin listener has where the web console was not built. No script, no outside resource;
// everything that is not ours is escaped. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "console/call.h"

namespace countersign::console {

// GET /: what this listener offers.
[[nodiscard]] Answer index_page();

// GET /requests/{id}: where the link of a pending answer leads. Whoever has the link is not signed in, so the page says
// how to look at the request and how to decide, and nothing about its content, not even whether it exists.
[[nodiscard]] Answer request_page(std::string_view id);

}  // namespace countersign::console
