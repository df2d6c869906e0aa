// requests, request show, approve, deny: what approvers do.
#include "cli/client.h"
#include "cli/commands/commands.h"
#include "cli/render.h"
#include "cli/report.h"

namespace countersign::cli {
namespace {
constexpr std::uint64_t kPage = 500;  // requests asked for at once
}  // namespace

int run_requests(const RequestsOptions& options) {
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  Json list = Json::array();
  std::string before;
  while (list.size() < options.limit) {
    std::uint64_t page = std::min(kPage, options.limit - list.size());
    std::string path = "/api/v1/requests?limit=" + std::to_string(page) + before;
    if (!options.state.empty() && options.state != "all") path += "&state=" + escape(options.state);
    auto answer = client->get(path);
    if (!answer) return report(*client, answer.error());
    const Json* requests = find_member(*answer, "requests");
    if (requests == nullptr || !requests->is_array() || requests->empty()) break;
    for (const Json& request : *requests) list.push_back(request);
    std::string next = string_or(*answer, "before", "");
    if (next.empty()) break;
    before = "&before=" + escape(next);
  }
  if (options.output == Output::json) return finish(render_json_list(list));
  return finish(render_requests(list, SystemClock().now(), Terminal::standard_output()));
}

int run_request_show(const RequestShowOptions& options) {
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto request = client->get("/api/v1/requests/" + escape(options.id));
  if (!request) return report(*client, request.error());
  if (options.output == Output::json) return finish(render_json(*request));
  const Shown shown = options.full ? Shown::full : Shown::beginning;
  return finish(render_request(*request, SystemClock().now(), Terminal::standard_output(), shown));
}

int run_vote(const VoteOptions& options) {
  if (options.reason.find_first_not_of(" \t\r\n") == std::string::npos)
    return report_usage("the reason is empty", "--reason says why, for the record and for the agent");
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  std::string verb = options.vote == Vote::approve ? "/approve" : "/deny";
  auto answer = client->post("/api/v1/requests/" + escape(options.id) + verb, Json{{"reason", options.reason}});
  if (!answer) return report(*client, answer.error());
  if (options.output == Output::json) return finish(render_json(*answer));
  return finish(render_vote(*answer, Terminal::standard_output()));
}

}  // namespace countersign::cli
