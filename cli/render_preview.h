// What a held request would do, as its protocol's adapter shows it, written for the person who decides. Every text in
// it counts as untrusted and is made harmless. Pure function, any thread.
#pragma once

#include <string>
#include <string_view>

#include "cli/text.h"
#include "core/json.h"

namespace countersign::cli {

// How much of a long part is printed: its first lines and a note that says how to see the rest, or all of it.
enum class Shown { beginning, full };

// Lines of one part that are printed of its beginning.
inline constexpr std::size_t kShownLines = 200;

// `parts`: preview.parts of GET /api/v1/requests/{id}. JSON is indented; diffs are coloured where the terminal has
// colours. `id` is the request's, harmless already.
[[nodiscard]] std::string render_preview(const Json& parts, std::string_view id, Shown shown, const Terminal& terminal);

}  // namespace countersign::cli
