// The two small pages the admin listener has until the web console comes. No script, no outside resource; everything
// that is not ours is escaped. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "console/call.h"

namespace countersign::console {

// The five characters that HTML gives a meaning, as references; other control characters become U+FFFD.
[[nodiscard]] std::string escape_html(std::string_view text);

// GET /: what this listener offers.
[[nodiscard]] Answer index_page();

// GET /requests/{id}: where the link of a pending answer leads. Whoever has the link is not signed in, so the page says
// how to look at the request and how to decide, and nothing about its content, not even whether it exists.
[[nodiscard]] Answer request_page(std::string_view id);

}  // namespace countersign::console
