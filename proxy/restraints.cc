#include "proxy/restraints.h"

#include <algorithm>

#include "approvals/freezes.h"
#include "core/words.h"
#include "proxy/answers.h"
#include "proxy/planned.h"

namespace countersign::proxy {
namespace {

using approvals::FreezeVerdict;
using policies::Verdict;

// Holds for `rules` too, whether or not it is held already.
void hold_also(policies::Decision& decision, std::span<const std::string> rules, std::string_view code,
               std::string_view why) {
  if (decision.verdict == Verdict::allow) {
    decision.verdict = Verdict::hold;
    decision.reason.clear();
    decision.code = code;
  }
  add_unique(decision.approvals, rules);
  decision.reason += (decision.reason.empty() ? "" : "; ") + std::string(why);
}

void deny(policies::Decision& decision, std::string_view code, std::string_view why) {
  decision.verdict = Verdict::deny;
  decision.code = code;
  decision.reason = why;
  decision.approvals.clear();
}

FreezeVerdict freeze_of(std::string_view agent, const Operation& operation, const std::set<std::string>& environments,
                        const approvals::Rules& rules, TimeMs now) {
  const std::vector<std::string> touched(environments.begin(), environments.end());
  return approvals::frozen(
      rules, {.agent = agent, .upstream = operation.upstream, .environments = touched, .effect = operation.effect()},
      now);
}

void apply_freeze(const Restrained& call, policies::Decision& decision) {
  const FreezeVerdict frozen =
      freeze_of(call.caller->agent, *call.operation, *call.environments, *call.rules->approvals, call.now);
  if (frozen.kind == FreezeVerdict::Kind::deny) deny(decision, approvals::kFreezeCode, frozen.sentence);
  if (frozen.kind == FreezeVerdict::Kind::hold) hold_also(decision, frozen.rules, kFreezeHeld, frozen.sentence);
}

// Ids of other people's open changes of what this one touches. No disk.
std::vector<std::string> others_open(const Parts& parts, const Restrained& call) {
  const std::string root = call.caller->chain.empty() ? std::string() : call.caller->chain.front();
  return parts.queue.open_on(resources_of(*call.operation), call.operation->upstream, root, call.now);
}

// A body takes as long as its sender likes, half an hour at most: an agent that was frozen meanwhile, or whose token
// was revoked or is over, must not go on with what it began before.
Status still_welcome(const Parts& parts, const Restrained& call) {
  if (call.now >= call.caller->expires) {
    return fail(ErrorKind::forbidden, "token.expired",
                "the token expired at " + format_time(call.caller->expires) + ", before all of the request was here");
  }
  return parts.authenticator.check_stored(call.caller->agent, call.caller->chain, call.caller->delegates);
}

policies::Decision decision_with(const Restrained& call, std::span<const policies::ApprovalFact> facts) {
  policies::Subject subject = subject_of(*call.caller);
  subject.session = call.session;
  return policies::decide(*call.rules->policies, subject, *call.operation, facts, call.now);
}

bool suffice(const Restrained& call, std::span<const policies::ApprovalFact> facts) {
  return decision_with(call, facts).verdict == Verdict::allow;
}

// Whether the votes that a grant was given with would do today: rules that became stricter since apply to it, as they
// do to a request that waits. Blocks on the store.
bool still_agreed(const Parts& parts, const Restrained& call, const approvals::Grant& grant,
                  std::span<const std::string> rules) {
  const auto request = parts.queue.get(grant.request);
  if (!request) return false;
  const auto progress = approvals::progress_of(*request, *call.rules->approvals, call.now);
  return std::ranges::all_of(rules, [&](const std::string& rule) {
    return std::ranges::any_of(progress,
                               [&](const approvals::Progress& one) { return one.rule == rule && one.satisfied; });
  });
}

// The policies decide again with these facts; what they allow then is the decision, and says why.
void decide_with(const Restrained& call, std::span<const policies::ApprovalFact> facts, std::string_view code,
                 std::string_view why, policies::Decision& decision) {
  policies::Decision again = decision_with(call, facts);
  if (again.verdict != Verdict::allow) return;
  again.code = code;
  again.reason = why;
  decision = std::move(again);
}

}  // namespace

Task<void> restrain(Parts* parts, Restrained call, policies::Decision* decision) {
  if (decision->verdict == Verdict::deny) co_return;
  call.now = parts->clock.now();
  if (Status welcome = still_welcome(*parts, call); !welcome) {
    deny(*decision, welcome.error().code, welcome.error().message);
    co_return;
  }
  const std::vector<std::string>* chain = &call.caller->chain;
  auto planned = co_await judge_by_plan(parts, chain, call.operation);
  if (planned && call.plan) *call.plan = *planned;
  Status announced = planned ? check_plan(*planned, *call.operation) : fail(planned.error());
  if (!announced) {
    deny(*decision, announced.error().code, announced.error().message);
    co_return;
  }
  apply_freeze(call, *decision);
  if (decision->verdict != Verdict::allow || call.rules->approvals->conflicts == approvals::ConflictMode::note ||
      call.operation->under_lock)
    co_return;
  const std::vector<std::string> open = others_open(*parts, call);
  if (open.empty()) co_return;

  // Whoever decides about the first change decides about the second: the rules are those of the open requests.
  auto load = [parts, open]() -> Result<std::set<std::string>> {
    std::set<std::string> rules;
    for (const std::string& id : open) {
      auto other = parts->queue.get(id);
      if (!other) return fail(other.error());
      rules.insert(other->rules.begin(), other->rules.end());
    }
    return rules;
  };
  auto rules = co_await net::on_thread<std::set<std::string>>(&parts->blocking, std::move(load));
  if (!rules) {
    deny(*decision, rules.error().code, rules.error().message);
    co_return;
  }
  const std::vector<std::string> needed(rules->begin(), rules->end());
  hold_also(*decision, needed, kConflictHeld, "somebody else's change of the same resource is open: " + joined(open));
}

Task<void> release_by_grant(Parts* parts, Restrained call, policies::Decision* decision) {
  call.now = parts->clock.now();
  if (decision->verdict != Verdict::hold || !others_open(*parts, call).empty()) co_return;
  const approvals::Requester requester = requester_of(*call.caller);
  approvals::GrantQuestion question{.agent = requester.agent,
                                    .owner = requester.owner,
                                    .delegates = requester.delegates,
                                    .root = requester.chain.empty() ? "" : requester.chain.front(),
                                    .upstream = call.operation->upstream,
                                    .action = call.operation->action,
                                    .effect = std::string(effect_name(call.operation->effect())),
                                    .environment = joined(*call.environments, ","),
                                    .resources = resources_of(*call.operation),
                                    .input = call.operation->input,
                                    .rules = decision->approvals};
  // A use that would leave the change held anyway is not counted.
  auto use = [parts, question = std::move(question), call] {
    auto suffices = [&](const approvals::Grant& grant) {
      return suffice(call, grant.facts) && still_agreed(*parts, call, grant, question.rules);
    };
    return parts->queue.use_grant(question, *call.id, call.now, suffices);
  };
  auto used = co_await net::on_thread<std::optional<approvals::GrantUse>>(&parts->blocking, std::move(use));
  if (!used || !*used) co_return;  // nothing covers it, or the store cannot tell: people are asked
  const approvals::Grant& grant = (*used)->grant;
  const std::string cited = "use " + std::to_string((*used)->number) + " of " + std::to_string(grant.terms.max_uses) +
                            " of grant " + grant.id + ", given with request " + grant.request;
  decide_with(call, grant.facts, kGrantUsed, cited, *decision);
}

Task<void> release_by_emergency(Parts* parts, Restrained call, policies::Decision* decision) {
  call.now = parts->clock.now();
  const bool frozen = decision->verdict == Verdict::deny && decision->code == approvals::kFreezeCode;
  if (decision->verdict != Verdict::hold && !frozen) co_return;
  const approvals::EmergencyQuestion question{.agent = call.caller->agent,
                                              .upstream = call.operation->upstream,
                                              .environments = *call.environments,
                                              .effect = call.operation->effect()};
  // Rules that know of no glass any more have closed what was open.
  if (!call.rules->approvals->break_glass || !parts->emergencies.covers_now(question, call.now)) co_return;
  std::vector<std::string> rules = decision->approvals;
  if (frozen) rules = decision_with(call, {}).approvals;  // what the policies themselves would ask for
  auto use = [parts, question, rules, call] {
    auto suffices = [&call](std::span<const policies::ApprovalFact> facts) { return suffice(call, facts); };
    return parts->emergencies.use(question, rules, *call.id, call.now, suffices);
  };
  auto used = co_await net::on_thread<std::optional<approvals::EmergencyUse>>(&parts->blocking, std::move(use));
  if (!used || !*used) co_return;
  const std::string cited =
      "use " + std::to_string((*used)->number) + " of the glass that was broken with request " + (*used)->request;
  decide_with(call, (*used)->facts, approvals::kBreakGlassUsed, cited, *decision);
}

Result<std::vector<std::string>> rules_beside(const approvals::HeldRequest& request, const Operation& operation,
                                              const approvals::Ruleset& rules, TimeMs now) {
  const FreezeVerdict frozen =
      freeze_of(request.requester.agent, operation, environments_of(*rules.policies, operation), *rules.approvals, now);
  if (frozen.kind == FreezeVerdict::Kind::deny)
    return fail(ErrorKind::forbidden, std::string(approvals::kFreezeCode), frozen.sentence);
  return frozen.kind == FreezeVerdict::Kind::hold ? frozen.rules : std::vector<std::string>();
}

Status check_freezes(const approvals::HeldRequest& request, const Operation& operation,
                     const std::set<std::string>& environments, const approvals::Ruleset& rules, TimeMs now) {
  const FreezeVerdict frozen = freeze_of(request.requester.agent, operation, environments, *rules.approvals, now);
  const bool released =
      frozen.kind == FreezeVerdict::Kind::hold && std::ranges::all_of(frozen.rules, [&](const std::string& rule) {
        return std::ranges::find(request.rules, rule) != request.rules.end();
      });
  if (frozen.kind == FreezeVerdict::Kind::none || released) return {};
  return fail(ErrorKind::forbidden, std::string(approvals::kFreezeCode), frozen.sentence);
}

}  // namespace countersign::proxy
