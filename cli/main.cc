// countersign: the one binary. What a subcommand does is in cli/commands/; `serve` wires the whole program.
#include <csignal>
#include <cstdio>
#include <exception>
#include <variant>

#include "cli/options.h"
#include "cli/report.h"

int main(int argc, char** argv) {
  using namespace countersign::cli;
  // A reader that goes away (`| head`) is an error of write(), not a reason to die without a word.
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  try {
    Invocation invocation = parse_command_line(argc, argv);
    if (int* code = std::get_if<int>(&invocation)) return *code;
    return std::get<std::function<int()>>(invocation)();
  } catch (const std::exception& unexpected) {
    std::fprintf(stderr, "countersign: unexpected failure: %s\n", unexpected.what());
    return kUnreachable;
  }
}
