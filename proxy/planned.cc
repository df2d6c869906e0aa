#include "proxy/planned.h"

#include "core/words.h"

namespace countersign::proxy {
namespace {

using approvals::Plans;
using approvals::PlanVerdict;

constexpr std::size_t kMostNamed = 3;

std::unexpected<Error> unannounced(std::string why, const approvals::Plan& plan) {
  return fail(ErrorKind::forbidden, std::string(approvals::kPlanCode),
              why +
                  " Submit a plan that says so (countersign plan submit), or withdraw this one (countersign plan "
                  "withdraw " +
                  plan.id + ")");
}

Plans::Outcome outcome_of(const adapters::Forwarded& forwarded) {
  if (forwarded.outcome == "ok") return Plans::Outcome::done;
  const bool certain = forwarded.outcome == "client_error" || forwarded.outcome == "not_forwarded";
  return certain ? Plans::Outcome::failed : Plans::Outcome::unknown;
}

}  // namespace

Task<Result<PlanVerdict>> judge_by_plan(Parts* parts, const std::vector<std::string>* chain,
                                        const Operation* operation) {
  const TimeMs now = parts->clock.now();
  if (chain->empty() || operation->reach != Reach::upstream ||
      !parts->plans.binds(chain->front(), operation->upstream, now))
    co_return PlanVerdict();
  auto judge = [parts, chain, operation, now]() -> Result<PlanVerdict> {
    return parts->plans.judge(chain->front(), *operation, now);
  };
  co_return co_await net::on_thread<PlanVerdict>(&parts->blocking, std::move(judge));
}

Status check_plan(const PlanVerdict& verdict, const Operation& operation) {
  if (!verdict.refuses()) return {};
  std::string touched;
  std::size_t more = 0;
  for (std::size_t i = 0; i < operation.accesses.size(); ++i) {
    const Access& access = operation.accesses[i];
    if (!is_change(access.effect)) continue;
    if (i >= kMostNamed) {
      ++more;
      continue;
    }
    touched += (touched.empty() ? "" : ", ") + access.resource.name;
  }
  if (more > 0) touched += " and " + std::to_string(more) + " more";
  if (verdict.too_much) {
    return unannounced("whether plan " + verdict.plan->id + " announces " + operation.action + " on " + touched +
                           " takes more than 200,000 comparisons to find out, so it counts as not announced: touch "
                           "fewer things at once.",
                       *verdict.plan);
  }
  return unannounced("plan " + verdict.plan->id + ", which binds this token until " + format_time(verdict.plan->until) +
                         ", does not announce " + operation.action + " on " + touched + ".",
                     *verdict.plan);
}

std::string announced_as(const PlanVerdict& verdict) {
  if (!verdict.plan || !verdict.announced) return "";
  return "announced by " + verdict.plan->id + " as " + joined(verdict.addresses());
}

Task<Status> take_announced(Parts* parts, const PlanVerdict* verdict, std::string key) {
  if (!verdict->announced || !verdict->announced->counted) co_return Status();
  auto take = [parts, verdict = *verdict, key = std::move(key)] {
    return parts->plans.take(verdict, key, parts->clock.now());
  };
  auto taken = co_await net::on_thread<bool>(&parts->blocking, std::move(take));
  if (!taken) co_return fail(taken.error());
  if (*taken) co_return Status();
  co_return unannounced("plan " + verdict->plan->id + " creates " +
                            std::to_string(verdict->plan->index->creations_of(verdict->announced->type)) + " of type " +
                            verdict->announced->type + ", and as many were made.",
                        *verdict->plan);
}

Task<void> settle_announced(Parts* parts, const PlanVerdict* verdict, std::string key,
                            const adapters::Forwarded* forwarded, std::string answer, std::string request) {
  if (!verdict->announced || verdict->announced->type.empty()) co_return;
  auto settle = [parts, verdict = *verdict, key = std::move(key), outcome = outcome_of(*forwarded),
                 answer = std::move(answer), request = std::move(request)]() -> Result<bool> {
    Status settled = parts->plans.settle(verdict, key, outcome, answer, request);
    if (!settled) return fail(settled.error());
    return true;
  };
  // Where it cannot be noted, what builds on it is refused: nothing passes for that.
  std::ignore = co_await net::on_thread<bool>(&parts->blocking, std::move(settle));
}

}  // namespace countersign::proxy
