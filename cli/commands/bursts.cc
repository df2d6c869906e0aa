// request show, approve, deny of a burst: requests that were held together.
#include "approvals/bursts.h"

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

std::string path_of(const std::string& burst) {
  return "/api/v1/bursts/" + escape(burst);
}

// The ones that this person may decide: those that are not held any more, wait for somebody else first, or have their
// vote already would make the whole list one that is refused.
std::vector<const Json*> decidable(const Json& burst, Vote vote) {
  std::vector<const Json*> out;
  const Json* requests = find_member(burst, "requests");
  if (requests == nullptr || !requests->is_array()) return out;
  const char* may = vote == Vote::approve ? "may_approve" : "may_deny";
  for (const Json& request : *requests) {
    const Json* you = find_member(request, "you");
    const Json* allowed = you == nullptr ? nullptr : find_member(*you, may);
    const bool held = string_or(request, "state", "") == "held";
    if (held && allowed != nullptr && allowed->is_boolean() && allowed->get<bool>()) out.push_back(&request);
  }
  return out;
}

// Why there is nothing to decide: what is said of the first that is held.
std::string why_not(const Json& burst) {
  if (const Json* requests = find_member(burst, "requests"); requests != nullptr && requests->is_array()) {
    for (const Json& request : *requests) {
      if (string_or(request, "state", "") != "held") continue;
      const Json* you = find_member(request, "you");
      return you == nullptr ? "" : string_or(*you, "why_not", "");
    }
  }
  return "none of its requests is held any more";
}

// On standard error with --output json, whose standard output is the answer alone.
bool show(const std::string& text, Output output) {
  if (output != Output::json) return print(text);
  tell(text);
  return true;
}

// Shows each of them whole, has a security key sign the vote on all, and gives what to send.
Result<Json> sign(const Client& client, const VoteOptions& options, const std::vector<const Json*>& requests) {
  SystemClock clock;
  std::vector<Json> whole;
  Json ids = Json::array();
  Json listed = Json::array();
  const TimeMs shown_at = clock.now();
  for (const Json* each : requests) {
    auto request = client.get("/api/v1/requests/" + escape(string_or(*each, "id", "")));
    if (!request) return fail(request.error());
    std::string text = render_request(*request, clock.now(), Terminal::standard_output(), Shown::full) + "\n";
    if (!show(text, options.output))
      return fail(ErrorKind::internal, "cli.output", "the requests could not be shown, so nothing was signed");
    ids.push_back(string_or(*request, "id", ""));
    listed.push_back({{"id", string_or(*request, "id", "")},
                      {"fingerprint", string_or(*request, "fingerprint", "")},
                      {"preview_sha256", shown_preview_digest(*request)}});
    whole.push_back(std::move(*request));
  }
  const bool approves = options.vote == Vote::approve;
  ShownVotes shown{.requests = {},
                   .choice = approves ? approvals::Choice::approve : approvals::Choice::deny,
                   .reason = options.reason,
                   .for_whom = options.for_whom};
  for (const Json& request : whole) shown.requests.push_back(&request);
  auto challenge = client.post("/api/v1/votes/challenge", Json{{"requests", std::move(ids)},
                                                               {"decision", approves ? "approve" : "deny"},
                                                               {"reason", options.reason},
                                                               {"for", options.for_whom}});
  if (!challenge) return fail(challenge.error());
  auto question = question_of(shown, *challenge);
  if (!question) return fail(question.error());
  auto key = SecurityKey::open(options.device);
  if (!key) return fail(key.error());
  tell("touch the key to " + std::string(approves ? "approve " : "deny ") + std::to_string(whole.size()) +
       " requests of " + one_line(options.id));
  auto signature = signed_by(*key, *question, [] { return ask_secret("PIN of the security key:"); });
  if (!signature) return fail(signature.error());
  return Json{{"reason", options.reason},
              {"for", options.for_whom},
              {"requests", std::move(listed)},
              {"viewed_ms", std::max<TimeMs>(0, clock.now() - shown_at)},
              {"signature", std::move(*signature)}};
}

Json unsigned_body(const VoteOptions& options, const std::vector<const Json*>& requests) {
  Json listed = Json::array();
  for (const Json* each : requests) {
    listed.push_back({{"id", string_or(*each, "id", "")},
                      {"fingerprint", string_or(*each, "fingerprint", "")},
                      {"preview_sha256", string_or(*each, "preview_sha256", "")}});
  }
  Json body = {{"reason", options.reason}, {"requests", std::move(listed)}};
  if (!options.for_whom.empty()) body["for"] = options.for_whom;
  return body;
}

}  // namespace

bool is_burst(std::string_view id) {
  return id.starts_with("bst_");
}

int run_burst_show(const RequestShowOptions& options) {
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto burst = client->get(path_of(options.id));
  if (!burst) return report(*client, burst.error());
  if (options.output == Output::json) return finish(render_json(*burst));
  return finish(render_burst(*burst, SystemClock().now(), Terminal::standard_output()));
}

int run_burst_vote(const VoteOptions& options) {
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto burst = client->get(path_of(options.id));
  if (!burst) return report(*client, burst.error());
  std::vector<const Json*> requests = decidable(*burst, options.vote);
  if (requests.empty()) {
    return report(*client, Error{ErrorKind::forbidden, "burst.nothing_to_decide",
                                 "there is nothing in it that you may decide: " + why_not(*burst)});
  }
  const auto at_once = static_cast<std::size_t>(std::max<std::int64_t>(1, integer_or(*burst, "sign_at_once", 1)));
  const std::size_t all = requests.size();
  if (options.sign) requests.resize(std::min(all, at_once));
  const Terminal terminal = Terminal::standard_output();
  std::string text = std::string(options.vote == Vote::approve ? "approving " : "denying ") +
                     std::to_string(requests.size()) + " of " + one_line(string_or(*burst, "sentence", "")) + "\n" +
                     render_members(requests, terminal) + "\n";
  if (requests.size() < all) text += "one signature is good for as many; run it again for the others\n\n";
  if (!show(text, options.output))
    return report(Error{ErrorKind::internal, "cli.output", "the list could not be shown, so nothing was decided"});
  Json body = unsigned_body(options, requests);
  if (options.sign) {
    auto signed_body = sign(*client, options, requests);
    if (!signed_body) return report(*client, signed_body.error());
    body = std::move(*signed_body);
  }
  auto answer = client->post(path_of(options.id) + (options.vote == Vote::approve ? "/approve" : "/deny"), body);
  if (!answer) return report(*client, answer.error());
  if (options.output == Output::json) return finish(render_json(*answer));
  return finish(render_burst_vote(*answer, terminal));
}

}  // namespace countersign::cli
