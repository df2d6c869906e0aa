// Any bytes as the body of a POST to an MCP endpoint: they are refused, or give an operation that survives being
// frozen and thawed. The first byte chooses the endpoint.
#include <cstdlib>
#include <string>

#include "core/sha256.h"
#include "proxy/adapters/mcp_adapter.h"

namespace {

using namespace countersign;
using namespace countersign::adapters;

class OneDoor final : public McpDoor, public Doors {
 public:
  OneDoor() {
    McpCatalogue catalogue{"{}", "", R"({"tools":{}})", {}};
    for (const char* name : {"write_file", "find", "t"}) {
      std::string definition = R"({"name":")" + std::string(name) + "\"}";
      catalogue.tools.push_back({name, definition, to_hex(sha256(definition)), false, true, false});
    }
    listed_ = std::make_shared<const McpCatalogue>(std::move(catalogue));
  }
  Task<Result<std::shared_ptr<const McpCatalogue>>> catalogue() override { co_return listed_; }
  [[nodiscard]] std::shared_ptr<const McpCatalogue> last_catalogue() const override { return listed_; }
  Task<Result<std::string>> call(std::string, std::string, std::function<void(std::string)>) override {
    co_return fail(ErrorKind::unavailable, "upstream.connect_failed", "none");
  }
  HttpDoor* http(std::string_view) override { return nullptr; }
  McpDoor* mcp(std::string_view) override { return this; }
  Task<Status> run_blocking(std::move_only_function<Status()> work) override { co_return work(); }

 private:
  std::shared_ptr<const McpCatalogue> listed_;
};

config::Upstream upstream() {
  config::Upstream out;
  out.name = "files";
  out.protocol = "mcp";
  out.command = {"server"};
  out.directory = "/srv/data";
  out.tools = {{"write_file", "write", {{"/path", std::nullopt}, {"/to", "destroy"}}, "File"},
               {"*", std::nullopt, {{"/path", std::nullopt}}, "File"}};
  return out;
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static OneDoor doors;
  static const auto single = McpAdapter::single(upstream(), {}).value();
  static const auto aggregate = McpAdapter::aggregate({upstream()}, {}).value();
  if (size == 0) return 0;
  const McpAdapter& adapter = data[0] % 2 == 0 ? *single : *aggregate;
  std::string body(reinterpret_cast<const char*>(data + 1), size - 1);
  RequestHead head{"POST", "/files/mcp", {}};
  head.headers.add("Content-Type", "application/json");
  head.headers.add("Accept", "*/*");
  Inbound inbound{&head, "/mcp", {body.size(), to_hex(sha256(body)), body}, "team"};
  auto described = adapter.describe(inbound, doors);
  if (!described) return 0;
  const Operation& operation = (*described)->operation();
  if (operation.reach == Reach::gateway) return 0;
  require(!operation.accesses.empty() && operation.upstream == "files");
  for (const Access& access : operation.accesses) {
    require(access.resource.id.starts_with("files/"));
    require(access.resource.type != "File" || ("/" + access.resource.name + "/").find("/../") == std::string::npos);
  }
  approvals::Frozen frozen = (*described)->freeze();
  require(!frozen.identity.empty());
  auto thawed = adapter.thaw(frozen, body, doors);
  require(thawed.has_value());
  require((*thawed)->freeze().identity == frozen.identity && (*thawed)->operation().input == operation.input);
  static_cast<void>(adapter.preview(frozen, body));
  return 0;
}
