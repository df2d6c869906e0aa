// plan submit, show, withdraw: what an agent announces its changes with (docs/terraform.md).
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

#include "approvals/terraform_plan.h"
#include "auth/token.h"
#include "auth/vault.h"
#include "cli/client.h"
#include "cli/commands/commands.h"
#include "cli/git_credential.h"
#include "cli/render.h"
#include "cli/render_plan.h"
#include "cli/report.h"
#include "cli/token_options.h"
#include "core/http_client.h"

namespace countersign::cli {
namespace {

constexpr std::string_view kPlace = "/.countersign/plans";
constexpr TimeMs kPatience = 120'000;  // a large plan takes its time

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Where plans go, and with which token.
struct Door {
  std::string address;
  Secret bearer;
};

Result<Door> open_door(const PlanOptions& options) {
  const std::string address = options.gateway.empty() ? variable("COUNTERSIGN_AGENTS_URL") : options.gateway;
  if (address.empty())
    return fail(ErrorKind::invalid, "cli.no_gateway",
                "where is the gateway? give --gateway http://127.0.0.1:8700, or set COUNTERSIGN_AGENTS_URL");
  auto place = read_gateway(address);
  if (!place) return fail(place.error());
  Result<Secret> token = Secret();
  if (!options.token_file.empty()) {
    token = auth::read_secret({config::SecretSource::Kind::file, options.token_file});
    if (!token) return fail(ErrorKind::invalid, token.error().code, token.error().message);
  } else {
    auto own = read_token("");
    if (!own) return fail(own.error());
    token = Secret(std::move(*own));
  }
  Door door{place->protocol + "://" + place->host, {}};
  if (token->expose().starts_with("csd1_")) token = auth::seal(token->expose());
  if (!token) return fail(token.error());
  door.bearer = std::move(*token);
  return door;
}

Result<Json> ask(const Door& door, std::string_view method, const std::string& path, std::string body) {
  HttpAsk wish{.method = std::string(method), .url = door.address + path, .total_time = kPatience};
  wish.most_bytes = 16U << 20;
  wish.headers.add("Authorization", "Bearer " + std::string(door.bearer.expose()));
  if (!body.empty()) wish.headers.add("Content-Type", "application/json");
  wish.body = std::move(body);
  auto answer = fetch(wish);
  if (!answer) return fail(ErrorKind::unavailable, "server.unreachable", answer.error().message);
  return read_answer(answer->status, answer->body);
}

// All of a file, or of standard input for "-".
Result<std::string> read_plan_file(const std::string& name) {
  std::ifstream file;
  if (name != "-") {
    file.open(name, std::ios::binary);
    if (!file) return fail(ErrorKind::invalid, "cli.file", "cannot read " + name);
  }
  std::istream& in = name == "-" ? std::cin : file;
  std::string text;
  text.reserve(64U << 10);
  for (std::istreambuf_iterator<char> at(in), end; at != end && text.size() <= approvals::kMostPlanBytes; ++at)
    text += *at;
  return text;
}

int show(const PlanOptions& options, const Json& plan, PlanShown shown) {
  if (options.output == Output::json) return finish(render_json(plan));
  return finish(render_plan(plan, SystemClock().now(), Terminal::standard_output(), shown));
}

}  // namespace

int run_plan_submit(const PlanOptions& options) {
  auto door = open_door(options);
  if (!door) return report(door.error());
  auto text = read_plan_file(options.plan);
  if (!text) return report(text.error());
  // What the gateway would refuse is said here already; a plan holds secrets, and goes nowhere when it is none.
  if (auto read = approvals::parse_terraform_plan(*text); !read)
    return report(read.error(), "terraform plan -out p.bin && terraform show -json p.bin > plan.json");
  std::string path = std::string(kPlace) + "?upstream=" + escape(options.upstream);
  if (!options.ttl.empty()) path += "&ttl=" + escape(options.ttl);
  auto plan = ask(*door, "POST", path, std::move(*text));
  if (!plan) return report(plan.error());
  return show(options, *plan, PlanShown::summary);
}

int run_plan_show(const PlanOptions& options) {
  const std::string id = escape(options.plan);
  const bool as_agent = !options.gateway.empty() || !options.token_file.empty() ||
                        (options.server.server.empty() && !variable("COUNTERSIGN_AGENTS_URL").empty());
  if (!as_agent) {
    auto client = Client::open(options.server);
    if (!client) return report(client.error());
    auto plan = client->get("/api/v1/plans/" + id);
    if (!plan) return report(*client, plan.error());
    return show(options, *plan, PlanShown::changes);
  }
  auto door = open_door(options);
  if (!door) return report(door.error());
  auto plan = ask(*door, "GET", std::string(kPlace) + "/" + id, "");
  if (!plan) return report(plan.error());
  return show(options, *plan, PlanShown::changes);
}

int run_plan_withdraw(const PlanOptions& options) {
  auto door = open_door(options);
  if (!door) return report(door.error());
  auto plan = ask(*door, "DELETE", std::string(kPlace) + "/" + escape(options.plan), "");
  if (!plan) return report(plan.error());
  return show(options, *plan, PlanShown::summary);
}

}  // namespace countersign::cli
