#include "proxy/agent_plans.h"

#include <algorithm>

#include "approvals/plan_json.h"
#include "core/id.h"
#include "core/json.h"
#include "proxy/answers.h"

namespace countersign::proxy {
namespace {

using approvals::Plan;

constexpr std::string_view kPlace = "/.countersign/plans";

enum class Wish : std::uint8_t { submit, look, withdraw };

struct Ask {
  Wish wish = Wish::look;
  std::string id;
  std::string upstream;
  TimeMs ttl = approvals::kPlanTime;
};

std::unexpected<Error> bad_query() {
  return fail(ErrorKind::malformed, "plan.query", "a plan is submitted with ?upstream=NAME, and perhaps &ttl=2h");
}

Status read_query(std::string_view query, Ask& ask) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view name = pair.substr(0, equals);
    const std::string value(pair.substr(std::min(equals + 1, pair.size())));
    if (value.empty()) return bad_query();
    if (name == "upstream" && ask.upstream.empty()) {
      ask.upstream = value;
    } else if (name == "ttl") {
      auto ttl = parse_duration(value);
      if (!ttl || *ttl <= 0 || *ttl > approvals::kMostPlanTime)
        return fail(ErrorKind::invalid, "plan.ttl", "a plan is in force for at most 24h");
      ask.ttl = *ttl;
    } else {
      return bad_query();
    }
  }
  return ask.upstream.empty() ? bad_query() : Status();
}

Result<Ask> read_ask(const RequestHead& head) {
  Ask ask;
  const std::string_view path = head.path();
  if (path == kPlace && head.method == "POST") {
    ask.wish = Wish::submit;
    if (Status read = read_query(head.query(), ask); !read) return fail(read.error());
    return ask;
  }
  if (path.size() > kPlace.size() + 1 && head.query().empty() && (head.method == "GET" || head.method == "DELETE")) {
    ask.wish = head.method == "GET" ? Wish::look : Wish::withdraw;
    ask.id = path.substr(kPlace.size() + 1);
    return ask;
  }
  return fail(ErrorKind::unsupported, "plan.method",
              "a plan is submitted with POST, looked at with GET and withdrawn with DELETE");
}

Status check_upstream(const Parts& parts, const auth::Caller& caller, const std::string& name) {
  if (!caller.scope.names_upstream(name, parts.clock.now()))
    return fail(ErrorKind::forbidden, "scope.upstream", "the token's scope does not name this upstream");
  const auto found = std::ranges::find(parts.config.upstreams, name, &config::Upstream::name);
  if (found == parts.config.upstreams.end() || found->protocol != "aws")
    return fail(ErrorKind::invalid, "plan.upstream", "plans are for upstreams of protocol aws");
  return {};
}

audit::Entry record_of(const Trail& trail, const auth::Caller& caller, const Plan& plan, Wish wish) {
  audit::Entry entry;
  entry.phase = audit::Phase::approval;
  entry.operation = trail.operation;
  entry.peer = trail.peer;
  entry.agent = caller.agent;
  entry.owner = caller.owner;
  entry.chain = caller.chain;
  entry.upstream = plan.upstream;
  entry.action = wish == Wish::submit ? "plan:submit" : "plan:withdraw";
  entry.code = wish == Wish::submit ? "plan.submitted" : "plan.withdrawn";
  entry.detail = plan.id + ": " + approvals::counts_sentence(plan.counts());
  if (wish == Wish::submit) {
    entry.input_sha256 = plan.sha256;
    entry.detail += ", in force until " + format_time(plan.until);
  }
  return entry;
}

Task<Result<Plan>> read_plan(Parts* parts, http1::Exchange* exchange, const Ask* ask, const auth::Caller* caller) {
  if (Status may = check_upstream(*parts, *caller, ask->upstream); !may) co_return fail(may.error());
  auto spool = co_await exchange->read_body(approvals::kMostPlanBytes);
  if (!spool) co_return fail(spool.error());
  Result<approvals::TerraformPlan> read = fail(ErrorKind::internal, "plan.malformed", "");
  std::shared_ptr<const approvals::PlanIndex> index;
  const http1::Spool* body = *spool;
  auto parse = [&read, &index, body]() -> Status {
    auto text = body->text(approvals::kMostPlanBytes);
    read = text ? approvals::parse_terraform_plan(*text) : Result<approvals::TerraformPlan>(fail(text.error()));
    if (read) index = std::make_shared<const approvals::PlanIndex>(std::move(read->changes));
    return {};
  };
  adapters::Doors& doors = parts->doors(exchange->worker());
  Status ran = co_await doors.run_blocking(std::move(parse));
  if (!ran) co_return fail(ran.error());
  if (!read) co_return fail(read.error());
  const TimeMs now = parts->clock.now();
  Plan plan{.id = new_short_id("pln_", now),
            .upstream = ask->upstream,
            .agent = caller->agent,
            .owner = caller->owner,
            .root = caller->chain.front(),
            .token = caller->chain.back(),
            .sha256 = read->sha256,
            .terraform_version = read->terraform_version,
            .submitted = now,
            .until = now + ask->ttl,
            .index = std::move(index)};
  co_return plan;
}

Task<Result<Plan>> find_plan(Parts* parts, const Ask* ask, const auth::Caller* caller) {
  auto load = [parts, id = ask->id, root = caller->chain.front()]() -> Result<Plan> {
    auto plan = parts->plans.get(id);
    if (plan && plan->root != root) return fail(ErrorKind::not_found, "plan.unknown", "there is no such plan");
    return plan;
  };
  co_return co_await net::on_thread<Plan>(&parts->blocking, std::move(load));
}

Task<Result<Plan>> carry_out(Parts* parts, const Ask* ask, const Plan* plan) {
  auto act = [parts, wish = ask->wish, plan = *plan]() -> Result<Plan> {
    const TimeMs now = parts->clock.now();
    if (wish == Wish::withdraw) return parts->plans.withdraw(plan.id, plan.root, now);
    if (Status done = parts->plans.submit(plan, now); !done) return fail(done.error());
    return plan;
  };
  co_return co_await net::on_thread<Plan>(&parts->blocking, std::move(act));
}

// What is asked for, recorded and done.
Task<Result<Plan>> answer_ask(Parts* parts, http1::Exchange* exchange, const Trail* trail, const auth::Caller* caller) {
  if (caller->chain.empty()) co_return fail(ErrorKind::forbidden, "plan.unknown", "plans belong to tokens");
  const Result<Ask> ask = read_ask(exchange->head());
  if (!ask) co_return fail(ask.error());
  const Ask* asked = &*ask;
  Result<Plan> plan = fail(ErrorKind::internal, "plan.unknown", "");
  if (asked->wish == Wish::submit) {
    plan = co_await read_plan(parts, exchange, asked, caller);
  } else {
    plan = co_await find_plan(parts, asked, caller);
  }
  if (!plan || asked->wish == Wish::look) co_return plan;
  if (asked->wish == Wish::withdraw && !plan->in_force(parts->clock.now()))
    co_return fail(ErrorKind::conflict, "plan.over", "the plan is not in force any more");
  const audit::Entry entry = record_of(*trail, *caller, *plan, asked->wish);
  Status recorded = co_await parts->recorder.write(&entry);
  if (!recorded) co_return fail(recorded.error());
  const Plan* found = &*plan;
  co_return co_await carry_out(parts, asked, found);
}

}  // namespace

bool is_about_a_plan(const RequestHead& head) {
  const std::string_view path = head.path();
  return path == kPlace || (path.starts_with(kPlace) && path[kPlace.size()] == '/');
}

Task<void> answer_about_a_plan(Parts* parts, http1::Exchange* exchange, const Trail* trail,
                               const auth::Caller* caller) {
  ExchangeSink client(exchange);
  Result<Plan> plan = co_await answer_ask(parts, exchange, trail, caller);
  if (!plan) {
    parts->recorder.refused(*trail, caller->chain, exchange->head(), plan.error());
    co_await answer_error(&client, &plan.error());
    co_return;
  }
  HeaderList extra;
  extra.add("Cache-Control", "no-store");
  std::string text = approvals::plan_json(*plan, parts->clock.now()).dump();
  std::ignore = co_await adapters::send(client, 200, "application/json", std::move(text), std::move(extra));
}

}  // namespace countersign::proxy
