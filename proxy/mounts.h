// Mounts: which adapter answers which path of the agents listener. Built at start, then read by all workers.
//
//   /NAME/…   the upstream NAME       (an MCP upstream's endpoint is /NAME/mcp)
//   /mcp      all MCP upstreams, their tools prefixed with NAME__
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/log.h"
#include "core/metrics.h"
#include "proxy/adapters/adapter.h"
#include "proxy/adapters/git_reviews.h"

namespace countersign::proxy {

struct Mount {
  std::string prefix;                  // "/files"; "" for the aggregate, which is matched exactly
  std::vector<std::string> upstreams;  // what it can reach
  std::unique_ptr<adapters::Adapter> adapter;
};

struct Route {
  const Mount* mount = nullptr;
  std::string_view
      rest;  // the target behind the prefix, with its query; begins with '/', or is empty or a query for aws
};

class Mounts {
 public:
  // Errors: those of the adapters (an OpenAPI document that does not load).
  // `state`: the state directory, where adapters keep what they need. `clock` outlives the mounts. `held`: where held
  // pushes are, asked once requests are served. `log` and `metrics` outlive the mounts too.
  [[nodiscard]] static Result<Mounts> build(const config::Config& config, const std::filesystem::path& state,
                                            const Clock& clock, adapters::GitReviewSources held, const Log& log,
                                            Metrics& metrics);

  [[nodiscard]] std::optional<Route> match(std::string_view target) const;
  // The adapter that speaks with this upstream, to run or show a stored request.
  [[nodiscard]] const Mount* of_upstream(std::string_view upstream) const;
  // nullptr: there is no git upstream.
  [[nodiscard]] adapters::GitReviews* reviews() const { return reviews_.get(); }

 private:
  std::vector<Mount> mounts_;
  std::shared_ptr<adapters::GitReviews> reviews_;
};

}  // namespace countersign::proxy
