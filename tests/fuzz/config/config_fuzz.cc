// Any bytes as countersign.yaml: problems or a configuration, never a crash, and never both without a reason.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/config_load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace countersign;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  config::Loaded loaded = config::read("fuzz.yaml", text, {.files = config::Check::no, .secrets = config::Check::no});
  if (loaded.ok() && loaded.config.upstreams.empty()) std::abort();
  for (const config::Upstream& upstream : loaded.config.upstreams) {
    if (!loaded.ok()) break;
    bool one_way = upstream.command.empty() != upstream.url.empty();
    if (!config::is_upstream_name(upstream.name) || !one_way) std::abort();
    if (!upstream.url.empty() && config::upstream_url_problem(upstream.url)) std::abort();
  }
  return 0;
}
