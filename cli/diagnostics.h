// Problems as compilers print them.
#pragma once

#include <string>

#include "core/problem.h"

namespace countersign::cli {

// For each problem `file:line:column: message`, the line it is on, carets under what it is about, and `help: …` when
// there is something to say. Lines are read from the files again; a file that cannot be read leaves the first line
// only. Text of files is made harmless.
[[nodiscard]] std::string render_problems(const Problems& problems);

}  // namespace countersign::cli
