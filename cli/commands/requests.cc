// requests, request show, approve, deny: what approvers do.
#include <algorithm>

#include "cli/client.h"
#include "cli/commands/commands.h"
#include "cli/prompt.h"
#include "cli/render.h"
#include "cli/render_bursts.h"
#include "cli/report.h"
#include "cli/security_key.h"
#include "cli/signed_vote.h"

namespace countersign::cli {
namespace {
constexpr std::uint64_t kPage = 500;  // requests asked for at once
}  // namespace

int run_requests(const RequestsOptions& options) {
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  Json list = Json::array();
  Json bursts = Json::object();
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
    if (const Json* more = find_member(*answer, "bursts"); more != nullptr && more->is_object()) bursts.update(*more);
    std::string next = string_or(*answer, "before", "");
    if (next.empty()) break;
    before = "&before=" + escape(next);
  }
  if (options.output == Output::json) return finish(render_json_list(list));
  return finish(render_requests(grouped_by_burst(list, bursts), SystemClock().now(), Terminal::standard_output()));
}

int run_request_show(const RequestShowOptions& options) {
  if (is_burst(options.id)) return run_burst_show(options);
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto request = client->get("/api/v1/requests/" + escape(options.id));
  if (!request) return report(*client, request.error());
  if (options.output == Output::json) return finish(render_json(*request));
  const Shown shown = options.full ? Shown::full : Shown::beginning;
  return finish(render_request(*request, SystemClock().now(), Terminal::standard_output(), shown));
}

namespace {

// Shows the request, has a security key sign the vote on it, and gives what to send.
Result<Json> sign(const Client& client, const VoteOptions& options) {
  auto request = client.get("/api/v1/requests/" + escape(options.id));
  if (!request) return fail(request.error());
  const ShownVote shown{.request = &*request,
                        .choice = options.vote == Vote::approve ? approvals::Choice::approve : approvals::Choice::deny,
                        .reason = options.reason,
                        .for_whom = options.for_whom};
  SystemClock clock;
  // On standard error with --output json, whose standard output is the answer alone.
  std::string text = render_request(*request, clock.now(), Terminal::standard_output(), Shown::full);
  if (options.output == Output::json) {
    tell(text);
  } else if (!print(text)) {
    return fail(ErrorKind::internal, "cli.output", "the request could not be shown, so nothing was signed");
  }
  const TimeMs shown_at = clock.now();
  const char* verb = options.vote == Vote::approve ? "approve" : "deny";
  auto challenge = client.post(
      "/api/v1/votes/challenge",
      Json{{"requests", {options.id}}, {"decision", verb}, {"reason", options.reason}, {"for", options.for_whom}});
  if (!challenge) return fail(challenge.error());
  auto question = question_of(shown, *challenge);
  if (!question) return fail(question.error());
  auto key = SecurityKey::open(options.device);
  if (!key) return fail(key.error());
  tell(std::string("touch the key to ") + verb + " " + one_line(options.id));
  auto signature = signed_by(*key, *question, [] { return ask_secret("PIN of the security key:"); });
  if (!signature) return fail(signature.error());
  return Json{{"reason", options.reason},
              {"for", options.for_whom},
              {"preview_sha256", shown_preview_digest(*request)},
              {"viewed_ms", std::max<TimeMs>(0, clock.now() - shown_at)},
              {"signature", std::move(*signature)}};
}

}  // namespace

int run_vote(const VoteOptions& options) {
  if (options.reason.find_first_not_of(" \t\r\n") == std::string::npos)
    return report_usage("the reason is empty", "--reason says why, for the record and for the agent");
  if (is_burst(options.id)) return run_burst_vote(options);
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  Json body = {{"reason", options.reason}};
  if (!options.for_whom.empty()) body["for"] = options.for_whom;
  if (options.sign) {
    auto signed_body = sign(*client, options);
    if (!signed_body) return report(*client, signed_body.error());
    body = std::move(*signed_body);
  }
  std::string verb = options.vote == Vote::approve ? "/approve" : "/deny";
  auto answer = client->post("/api/v1/requests/" + escape(options.id) + verb, body);
  if (!answer) return report(*client, answer.error());
  if (options.output == Output::json) return finish(render_json(*answer));
  return finish(render_vote(*answer, Terminal::standard_output()));
}

}  // namespace countersign::cli
