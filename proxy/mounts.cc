#include "proxy/mounts.h"

#include "proxy/adapters/aws_adapter.h"
#include "proxy/adapters/git_adapter.h"
#include "proxy/adapters/http_adapter.h"
#include "proxy/adapters/mcp_adapter.h"
#include "proxy/adapters/terraform_adapter.h"

namespace countersign::proxy {
namespace {

// What follows a prefix: "/mcp" behind "/files". nullopt unless the prefix ends where a segment does.
std::optional<std::string_view> behind(std::string_view target, std::string_view prefix) {
  if (!target.starts_with(prefix)) return std::nullopt;
  std::string_view rest = target.substr(prefix.size());
  if (rest.empty() || rest.front() == '?') return std::nullopt;  // "/files" itself is nothing; "/files/" is
  return rest.front() == '/' ? std::optional(rest) : std::nullopt;
}

// Which upstream serves which account of AWS; of several the first.
adapters::AwsAccounts accounts_of(const config::Config& config) {
  adapters::AwsAccounts out;
  for (const config::Upstream& upstream : config.upstreams) {
    if (upstream.protocol == "aws" && !upstream.aws.id.empty()) out.emplace(upstream.aws.id, upstream.name);
  }
  return out;
}

}  // namespace

Result<Mounts> Mounts::build(const config::Config& config, const std::filesystem::path& state, const Clock& clock,
                             adapters::GitReviewSources held, const Log& log, Metrics& metrics) {
  Mounts out;
  const adapters::McpOptions mcp_options{.hold_stream = config.limits.hold_stream, .version = COUNTERSIGN_VERSION};
  std::vector<std::string> mcp;
  std::shared_ptr<adapters::GitWorkshop> git;
  for (const config::Upstream& upstream : config.upstreams) {
    Mount mount;
    mount.prefix = "/" + upstream.name;
    mount.upstreams = {upstream.name};
    if (upstream.protocol == "mcp") {
      auto adapter = adapters::McpAdapter::single(upstream, mcp_options);
      if (!adapter) return fail(adapter.error());
      mount.adapter = std::move(*adapter);
      mcp.push_back(upstream.name);
    } else if (upstream.protocol == "git") {
      if (!git) {
        auto opened = adapters::GitWorkshop::open(state / "git", clock);
        if (!opened) return fail(opened.error());
        git = std::move(*opened);
        out.reviews_ = std::make_shared<adapters::GitReviews>(git, std::move(held), clock);
      }
      auto tickets = adapters::LfsTickets::open_with_key(state / "keys" / "lfs.key", upstream.name);
      if (!tickets) return fail(tickets.error());
      adapters::LfsGate lfs{std::move(*tickets), config.agents_tls ? "https" : "http", clock};
      mount.adapter = std::make_unique<adapters::GitAdapter>(upstream, git, out.reviews_, std::move(lfs));
    } else if (upstream.protocol == "aws") {
      const adapters::AwsSurroundings around{&clock, &log, &metrics, accounts_of(config)};
      mount.adapter = std::make_unique<adapters::AwsAdapter>(upstream, around);
    } else if (upstream.protocol == "terraform") {
      auto adapter = adapters::TerraformAdapter::create(upstream, state / "terraform" / (upstream.name + ".locks"));
      if (!adapter) return fail(adapter.error());
      mount.adapter = std::move(*adapter);
    } else {
      auto adapter = adapters::HttpAdapter::create(upstream);
      if (!adapter) return fail(adapter.error());
      mount.adapter = std::move(*adapter);
    }
    out.mounts_.push_back(std::move(mount));
  }
  if (!mcp.empty()) {
    Mount all;
    all.upstreams = std::move(mcp);
    auto adapter = adapters::McpAdapter::aggregate(config.upstreams, mcp_options);
    if (!adapter) return fail(adapter.error());
    all.adapter = std::move(*adapter);
    out.mounts_.push_back(std::move(all));
  }
  return out;
}

std::optional<Route> Mounts::match(std::string_view target) const {
  for (const Mount& mount : mounts_) {
    if (mount.prefix.empty()) {
      if (target == "/mcp" || target.starts_with("/mcp?")) return Route{&mount, target};
    } else if (auto rest = behind(target, mount.prefix)) {
      return Route{&mount, *rest};
    } else if (mount.adapter->takes_signatures() &&
               (target == mount.prefix || target.starts_with(mount.prefix + "?"))) {
      return Route{&mount, target.substr(mount.prefix.size())};  // AWS's tools leave out the last slash of an endpoint
    }
  }
  return std::nullopt;
}

const Mount* Mounts::of_upstream(std::string_view upstream) const {
  for (const Mount& mount : mounts_) {
    if (!mount.prefix.empty() && mount.upstreams.front() == upstream) return &mount;
  }
  return nullptr;
}

}  // namespace countersign::proxy
