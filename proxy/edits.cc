#include "proxy/edits.h"

#include "core/id.h"
#include "core/words.h"
#include "proxy/answers.h"
#include "proxy/bodies.h"
#include "proxy/planned.h"
#include "proxy/restraints.h"

namespace countersign::proxy {
namespace {

using approvals::HeldRequest;

struct Stored {
  HeldRequest request;
  std::string body;
};

// The request and all of its body.
Result<Stored> load(Parts& parts, const std::string& id) {
  auto request = parts.queue.get(id);
  if (!request) return fail(request.error());
  if (request->state != approvals::State::held)
    return fail(ErrorKind::conflict, "approval.not_held", "only a request that waits for a decision is edited");
  Stored out{std::move(*request), ""};
  if (out.request.frozen.body_file.empty()) return out;
  auto spool = http1::Spool::open(out.request.frozen.body_file);
  if (!spool) return fail(spool.error());
  auto body = spool->text(parts.config.limits.memory_bytes);
  if (!body) return fail(body.error());
  out.body = std::move(*body);
  return out;
}

// What the policies say to the edited operation: the rules it needs. Those of the original stay.
Result<std::vector<std::string>> rules_for(const Parts& parts, const HeldRequest& original, const Operation& operation,
                                           const approvals::Ruleset& rules) {
  auto scope = scope_as_requested(original);
  if (!scope) return fail(scope.error());
  policies::Subject subject = subject_of(original.requester, *scope);
  const policies::Session session = parts.histories.look(subject.root, operation, parts.clock.now());
  subject.session = &session;
  const policies::Decision decision = policies::decide(*rules.policies, subject, operation, {}, parts.clock.now());
  if (decision.verdict == policies::Verdict::deny)
    return fail(ErrorKind::forbidden, decision.code, "as edited it would be denied: " + decision.reason);
  std::vector<std::string> needed = original.rules;
  add_unique(needed, decision.approvals);
  auto beside = rules_beside(original, operation, rules, parts.clock.now());
  if (!beside) return fail(beside.error());
  add_unique(needed, *beside);
  return needed;
}

// Whoever decides about somebody else's open change of what the edited one touches decides about this one, too. Blocks
// on the store.
Status add_rules_of_others(Parts& parts, const HeldRequest& original, const std::vector<std::string>& resources,
                           const approvals::Rules& rules, std::vector<std::string>& needed) {
  if (rules.conflicts == approvals::ConflictMode::note) return {};
  const auto& chain = original.requester.chain;
  const std::string root = chain.empty() ? std::string() : chain.front();
  for (const std::string& id : parts.queue.open_on(resources, original.frozen.upstream, root, parts.clock.now())) {
    if (id == original.id) continue;
    auto other = parts.queue.get(id);
    if (!other) return fail(other.error());
    add_unique(needed, other->rules);
  }
  return {};
}

HeldRequest edited_draft(const HeldRequest& original, const adapters::Edited& edited, const approvals::Ruleset& rules) {
  const Operation& operation = edited.conversation->operation();
  HeldRequest draft = original;
  draft.votes.clear();
  draft.action = operation.action;
  draft.effect = effect_name(operation.effect());
  draft.environment = joined(environments_of(*rules.policies, operation), ",");
  draft.summary = operation.summary;
  draft.resources = resources_of(operation);
  draft.input = operation.input;
  draft.frozen = edited.conversation->freeze();
  draft.policy_digest = rules.policies->digest();
  return draft;
}

}  // namespace

Task<Result<HeldRequest>> edit_request(Parts* parts, EditWish wish, net::Worker* worker) {
  auto read = [parts, id = wish.request] { return load(*parts, id); };
  auto stored = co_await net::on_thread<Stored>(&parts->blocking, std::move(read));
  if (!stored) co_return fail(stored.error());
  const Mount* mount = parts->mounts.of_upstream(stored->request.frozen.upstream);
  if (!mount) co_return fail(ErrorKind::conflict, "request.stale", "its upstream is not configured any more");

  adapters::Doors& doors = parts->doors(*worker);
  Status ready = co_await mount->adapter->prepare(doors);
  if (!ready) co_return fail(ready.error());
  auto edited = mount->adapter->edit(stored->request.frozen, stored->body, wish.change, doors);
  if (!edited) co_return fail(edited.error());
  const auto rules = parts->rulesets.current();
  auto needed = rules_for(*parts, stored->request, edited->conversation->operation(), *rules);
  if (!needed) co_return fail(needed.error());
  const std::vector<std::string>* chain = &stored->request.requester.chain;
  const Operation* operation = &edited->conversation->operation();
  const auto plan = co_await judge_by_plan(parts, chain, operation);
  if (!plan) co_return fail(plan.error());
  if (Status announced = check_plan(*plan, *operation); !announced) co_return fail(announced.error());
  approvals::Edit edit{edited_draft(stored->request, *edited, *rules), wish.reason, wish.fingerprint};
  edit.request.rules = std::move(*needed);

  auto replace = [parts, rules, original = std::move(stored->request), edit = std::move(edit), wish = std::move(wish),
                  body = std::move(edited->body)]() mutable -> Result<HeldRequest> {
    auto others = add_rules_of_others(*parts, original, edit.request.resources, *rules->approvals, edit.request.rules);
    if (!others) return fail(others.error());
    std::filesystem::path file;
    if (!body.empty()) {
      // Two people may edit one request at the same time: each has a file of their own.
      const std::string own = wish.request + "." + new_uuid(parts->clock.now()) + ".edit";
      auto kept = http1::Spool::of(body).persist(parts->held_bodies / own);
      if (!kept) return fail(kept.error());
      file = *kept;
      edit.request.frozen.body_file = file;
    }
    auto now = parts->queue.supersede_with_edit(wish.request, std::move(edit), wish.editor, *rules->approvals,
                                                parts->clock.now());
    std::error_code ignored;
    if (!file.empty()) std::filesystem::remove(file, ignored);  // the queue has its own by now
    return now;
  };
  co_return co_await net::on_thread<HeldRequest>(&parts->blocking, std::move(replace));
}

}  // namespace countersign::proxy
