// countersign serve: runs the gateway until SIGTERM or SIGINT; SIGHUP reloads policies and secrets.
#include <csignal>
#include <cstdio>

#include "cli/commands/commands.h"
#include "cli/gateway.h"
#include "cli/own_process.h"
#include "cli/report.h"
#include "core/config_load.h"

namespace countersign::cli {

int run_serve(const ServeOptions& options) {
  shield_process();
  config::Loaded loaded = config::load(options.config);
  if (!loaded.problems.empty()) std::fputs(format_problems(loaded.problems).c_str(), stderr);
  if (!loaded.ok()) return kUsage;

  // Blocked before any thread exists, so that only the loop below receives them.
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const Log log;
  auto gateway = Gateway::start(std::move(loaded.config), log);
  if (!gateway) return report(gateway.error());
  log.info("countersign serves", {{"agents", std::to_string((*gateway)->agents_port())},
                                  {"admin", std::to_string((*gateway)->admin_port())}});
  while (true) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal != SIGHUP) break;
    (*gateway)->reload("SIGHUP");
  }
  log.info("draining");
  gateway->reset();
  log.info("ended");
  return kDone;
}

}  // namespace countersign::cli
