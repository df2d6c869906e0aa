#include "proxy/upstream/mcp/stdio_session.h"

#include "proxy/upstream/mcp/stdio_core.h"

namespace countersign::mcp {

std::unique_ptr<StdioSession> StdioSession::create(net::Worker& home, const config::Upstream& upstream,
                                                   SessionOptions options, const Log& log) {
  ChildCommand command{upstream.command, upstream.environment, upstream.directory, upstream.run_as};
  auto core = std::make_shared<StdioCore>(home, upstream.name, std::move(command), std::move(options), log);
  return std::unique_ptr<StdioSession>(new StdioSession(std::move(core)));
}

StdioSession::StdioSession(std::shared_ptr<StdioCore> core) : Session(core), core_(std::move(core)) {}

StdioSession::~StdioSession() {
  core_->kill();
  core_->home().post([core = core_] { core->stop({}); });
}

void StdioSession::start() {
  core_->home().post([core = core_] { core->ensure_running(); });
}

void StdioSession::stop(std::function<void()> done) {
  core_->home().post([core = core_, done = std::move(done)]() mutable { core->stop(std::move(done)); });
}

}  // namespace countersign::mcp
