// The command line. CLI11 stays behind this door.
#pragma once

#include <functional>
#include <variant>

namespace countersign::cli {

// What to run, or the exit code when parsing already said everything (help, version, a usage error).
using Invocation = std::variant<std::function<int()>, int>;

[[nodiscard]] Invocation parse_command_line(int argc, const char* const* argv);

}  // namespace countersign::cli
