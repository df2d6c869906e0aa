// Asking the person at the terminal.
#pragma once

#include <string_view>

#include "core/result.h"
#include "core/secret.h"

namespace countersign::cli {

// One line that is not echoed, after `question` on the terminal. When standard input is no terminal, the next line of
// it, so that scripts can answer. At most 1,000 bytes. cli.no_answer (invalid) when there is none.
Result<Secret> ask_secret(std::string_view question);

// A line for the person, on standard error.
void tell(std::string_view line);

}  // namespace countersign::cli
