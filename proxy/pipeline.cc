#include "proxy/pipeline.h"

#include "auth/strip.h"
#include "core/id.h"
#include "core/words.h"
#include "proxy/agent_plans.h"
#include "proxy/agent_requests.h"
#include "proxy/answers.h"
#include "proxy/bodies.h"
#include "proxy/forward.h"
#include "proxy/hold.h"
#include "proxy/identify.h"
#include "proxy/planned.h"
#include "proxy/restraints.h"
#include "proxy/session_narrower.h"
#include "proxy/spending.h"

namespace countersign::proxy {

// accept ─▶ identify ─▶ describe ─▶ decide ─▶ record intent ─▶ [hold ─▶ approve ─▶ decide again] ─▶ forward ─▶ record
// outcome
//
// The bracket continues in proxy/executor.cc when people have approved; everything else is here.
Task<void> Pipeline::handle(http1::Exchange* exchange) {
  const TimeMs now = parts_.clock.now();
  Trail trail{new_uuid(now), exchange->peer().address};
  const RequestHead& received = exchange->head();
  ExchangeSink client(exchange);

  // ── identify
  const std::optional<Route> route = parts_.mounts.match(received.target);
  const Route* way = route ? &*route : nullptr;
  const Identified identified = co_await identify(&parts_, exchange, way, now);
  const Result<auth::Caller>& caller = identified.caller;
  if (!caller) {
    parts_.recorder.refused(trail, identified.presented, received, caller.error());
    co_await answer_unauthenticated(&client, &received, way, &identified.signed_for, &caller.error());
    co_return;
  }
  if (is_about_a_request(received)) {
    co_await answer_about_a_request(&parts_, exchange, &trail, &*caller);
    co_return;
  }

  if (is_about_a_plan(received)) {
    co_await answer_about_a_plan(&parts_, exchange, &trail, &*caller);
    co_return;
  }

  // ── describe
  if (!route) {
    const Error unknown{ErrorKind::not_found, "route.unknown", "no upstream is mounted at this path"};
    parts_.recorder.refused(trail, caller->chain, received, unknown);
    co_await answer_error(&client, &unknown);
    co_return;
  }
  adapters::Adapter& adapter = *route->mount->adapter;
  const std::uint64_t most = adapter.body_limit(parts_.config.limits);
  auto spool = co_await exchange->read_body(most);
  if (!spool) {
    parts_.recorder.refused(trail, caller->chain, received, spool.error());
    co_await answer_error(&client, &spool.error());
    co_return;
  }
  RequestHead head = received;
  auth::strip_credentials(head.headers);
  SpoolSource body(**spool);
  adapters::BodySource* source = (*spool)->size() > 0 ? &body : nullptr;
  std::optional<SessionNarrower> narrower;
  if (identified.signature) narrower.emplace(parts_, *identified.signature, *caller);
  const adapters::Inbound inbound{&head,
                                  route->rest,
                                  view_of(**spool),
                                  caller->owner,
                                  source,
                                  identified.signature ? &identified.signed_for : nullptr,
                                  identified.trailer ? &*identified.trailer : nullptr,
                                  caller->chain.empty() ? std::string_view() : caller->chain.front(),
                                  narrower ? &*narrower : nullptr};
  adapters::Doors& doors = parts_.doors(exchange->worker());
  auto conversation = co_await describe(route->mount, &caller->scope, &inbound, &doors, now);
  if (!conversation) {
    parts_.recorder.refused(trail, caller->chain, received, conversation.error());
    adapters::Denial denial{http_status(conversation.error().kind), conversation.error(), ""};
    std::ignore = co_await adapter.refuse(client, std::move(denial), inbound);
    co_return;
  }
  if (Status known = co_await (*conversation)->look_closer(doors, source); !known) {
    parts_.recorder.refused(trail, caller->chain, received, known.error());
    adapters::Denial denial{http_status(known.error().kind), known.error(), ""};
    std::ignore = co_await (*conversation)->answer_denied(client, std::move(denial));
    co_return;
  }
  const Operation& operation = (*conversation)->operation();
  const bool change = is_change(operation.effect());

  // ── decide, at the time it is by now: a body may take half an hour
  const TimeMs decided = parts_.clock.now();
  const std::shared_ptr<const approvals::Ruleset> rules = parts_.rulesets.current();
  policies::Subject subject = subject_of(*caller);
  const policies::Session session = parts_.histories.look(subject.root, operation, decided);
  subject.session = &session;
  policies::Decision decision = policies::decide(*rules->policies, subject, operation, {}, decided);
  parts_.journal.note(rules->policies, subject, operation, decision, decided);
  if (change) deny_unless(decision, parts_.authenticator.may_change());
  const std::set<std::string> environments = environments_of(*rules->policies, operation);
  approvals::PlanVerdict plan;
  const Restrained restrained{&*caller,      &operation, &trail.operation, rules.get(),
                              &environments, &session,   decided,          &plan};
  if (change) co_await restrain(&parts_, restrained, &decision);
  if (change) co_await check_budgets(&parts_, restrained, &decision);
  trail.announced = announced_as(plan);

  // ── an identical retry belongs to the request that was held for it
  const std::string environment = joined(environments, ",");
  audit::Entry intent = intent_entry(trail, *caller, operation, decision, inbound.body, environment);
  const HeldCall call{exchange, conversation->get(), &*caller, &decision, &intent, &plan};
  if (change && decision.verdict != policies::Verdict::deny) {
    auto held = co_await find_retried(&parts_, call);
    if (!held) {
      parts_.recorder.refused(trail, caller->chain, received, held.error());
      co_await answer_error(&client, &held.error());
      co_return;
    }
    if (*held) {
      co_await resume(&parts_, call, std::move(**held));
      co_return;
    }
  }

  // ── a grant, or a broken glass, may stand for the approval
  if (change && decision.verdict != policies::Verdict::allow) {
    co_await release_by_grant(&parts_, restrained, &decision);
    co_await release_by_emergency(&parts_, restrained, &decision);
    if (decision.verdict == policies::Verdict::allow)
      intent = intent_entry(trail, *caller, operation, decision, inbound.body, environment);
  }

  // ── a signature is good for one change; so is what a budget has left, and what a plan announced without a name
  if (change && decision.verdict == policies::Verdict::allow) {
    if (identified.signature)
      deny_unless(decision, parts_.replays.admit(*identified.signature, decided, inbound.body.sha256));
    co_await spend(&parts_, restrained, &decision);
    if (decision.verdict == policies::Verdict::allow) {
      std::string key = trail.operation;
      Status taken = co_await take_announced(&parts_, &plan, std::move(key));
      deny_unless(decision, taken);
    }
    if (decision.verdict != policies::Verdict::allow)
      intent = intent_entry(trail, *caller, operation, decision, inbound.body, environment);
  }

  // ── record intent: durable before a change, a hold or a refusal goes on
  Status recorded;
  if (!change && decision.verdict == policies::Verdict::allow) {
    recorded = parts_.recorder.queue(intent);
  } else {
    recorded = co_await parts_.recorder.write(&intent);
  }
  if (!recorded) {
    adapters::Denial unavailable{http_status(recorded.error().kind), recorded.error(), ""};
    std::ignore = co_await (*conversation)->answer_denied(client, std::move(unavailable));
    co_return;
  }

  // ── deny, hold, or forward and record the outcome
  parts_.histories.note(subject.root, operation, decision, decided);
  switch (decision.verdict) {
    case policies::Verdict::deny: {
      adapters::Denial denial{403, Error{ErrorKind::forbidden, decision.code, decision.reason}, ""};
      std::ignore = co_await (*conversation)->answer_denied(client, std::move(denial));
      break;
    }
    case policies::Verdict::hold:
      co_await hold(&parts_, call);
      break;
    case policies::Verdict::allow: {
      if (decision.reveals_secrets) (*conversation)->reveal_secrets();
      auto visible = [&rules, &subject, decided](const Operation& listed) {
        return policies::could_allow(*rules->policies, subject, listed, decided);
      };
      const AllowedCall allowed{exchange, conversation->get(), *spool, &trail, &intent, &plan, visible};
      if (change || (*conversation)->awaits_record()) {
        co_await forward_change(&parts_, &allowed);
      } else {
        co_await forward_read(&parts_, &allowed);
      }
    }
  }
}

}  // namespace countersign::proxy
