// Grants: proposed with a held request, approved with it, used and revoked.
#include <algorithm>

#include "approvals/queue_work.h"
#include "core/id.h"

namespace countersign::approvals {
namespace {

constexpr std::size_t kMostProposals = 10;

}  // namespace

Result<Grant> Queue::propose_grant(std::string_view id, GrantTerms terms, const Approver& approver, const Rules& rules,
                                   TimeMs now) {
  return transact([&](Work& work) -> Result<Grant> {
    Result<HeldRequest> request = load_waiting(work, id, now);
    if (!request) return fail(request.error());
    if (Result<std::vector<Opening>> may = eligibility(*request, approver, Choice::approve, rules, now); !may) {
      return fail(may.error());
    }
    Result<Grant> grant = make_grant(*request, std::move(terms), now);
    if (!grant) return grant;
    grant->proposed_by = approver.name;
    grant->proposed = now;
    return propose_in(work, *request, std::move(*grant));
  });
}

Result<Grant> Queue::propose_in(Work& work, HeldRequest& request, Grant grant) {
  Result<std::optional<Grant>> known = store_.load_proposal(request.id, grant.digest);
  if (!known) return fail(known.error());
  if (*known) return std::move(**known);
  Result<std::size_t> count = store_.count_proposals(request.id);
  if (!count) return fail(count.error());
  if (*count >= kMostProposals) {
    return fail(ErrorKind::conflict, "grant.too_many", "ten grants have been proposed for this request already");
  }
  do {
    grant.id = new_short_id("grt_", grant.proposed);
    Result<std::optional<Grant>> taken = store_.load_grant(grant.id);
    if (!taken) return fail(taken.error());
    if (!*taken) break;
  } while (true);
  if (Status added = store_.insert_grant(grant); !added) return fail(added.error());
  work.tell(Change::Kind::grant, request, grant);
  if (Status done = work.commit(); !done) return fail(done.error());
  return grant;
}

// Every vote that counts must be for the same grant: whoever approved the request only, has not approved repeating it.
// One that came too late to be of use, or one too many for its agent, stays a proposal; the approval stands.
Status Queue::activate_grant(Work& work, const HeldRequest& request, const Rules& rules, TimeMs now) {
  std::vector<Progress> progress = progress_of(request, rules, now);
  std::optional<std::string> digest;
  for (const Progress& one : progress) {
    for (std::size_t index : one.votes) {
      const std::string& named = request.votes[index].grant;
      if (named.empty() || digest.value_or(named) != named) return {};
      digest = named;
    }
  }
  if (!digest) return {};
  Result<std::optional<Grant>> grant = store_.load_proposal(request.id, *digest);
  if (!grant) return fail(grant.error());
  if (!*grant || (*grant)->activated != 0 || (*grant)->revoked != 0 || now >= (*grant)->terms.until) return {};
  if (grants_.active_of((*grant)->agent, now) >= options_.max_grants_of_agent) return {};
  (*grant)->activated = now;
  (*grant)->facts = approval_facts(progress);
  if (Status updated = store_.update_grant(**grant); !updated) return updated;
  work.tell(Change::Kind::grant, request, **grant);
  return {};
}

Result<std::optional<GrantUse>> Queue::use_grant(const GrantQuestion& question, std::string_view operation, TimeMs now,
                                                 const GrantSuffices& suffices) {
  std::vector<Grant> candidates = grants_.find(question, now);
  if (suffices) std::erase_if(candidates, [&](const Grant& grant) { return !suffices(grant); });
  if (candidates.empty()) return std::nullopt;
  return transact([&](Work& work) -> Result<std::optional<GrantUse>> {
    for (const Grant& candidate : candidates) {
      const std::string& id = candidate.id;
      Result<std::optional<std::int64_t>> number = store_.count_use(id, operation, now);
      if (!number) return fail(number.error());
      if (!*number) continue;
      Result<std::optional<Grant>> grant = store_.load_grant(id);
      if (!grant) return fail(grant.error());
      if (Status done = work.commit(); !done) return fail(done.error());
      grants_.update(**grant);
      return GrantUse{std::move(**grant), **number};
    }
    return std::nullopt;
  });
}

Result<Grant> Queue::revoke_grant(std::string_view id, std::string_view by, std::string_view reason, TimeMs now) {
  if (Status fits = check_reason(reason); !fits) return fail(fits.error());
  return transact([&](Work& work) -> Result<Grant> {
    Result<std::optional<Grant>> grant = store_.load_grant(id);
    if (!grant) return fail(grant.error());
    if (!*grant) return no_such_grant();
    if ((*grant)->revoked != 0) {
      return fail(ErrorKind::conflict, "grant.revoked", (*grant)->revoked_by + " has revoked this grant already");
    }
    (*grant)->revoked = now;
    (*grant)->revoked_by = by;
    (*grant)->revoke_reason = reason;
    if (Status updated = store_.update_grant(**grant); !updated) return fail(updated.error());
    Result<HeldRequest> request = load((*grant)->request);
    if (!request) return fail(request.error());
    work.tell(Change::Kind::grant, *request, **grant);
    if (Status done = work.commit(); !done) return fail(done.error());
    return std::move(**grant);
  });
}

Result<Grant> Queue::get_grant(std::string_view id) {
  std::lock_guard lock(mutex_);
  Result<std::optional<Grant>> grant = store_.load_grant(id);
  if (!grant) return fail(grant.error());
  if (!*grant) return no_such_grant();
  return std::move(**grant);
}

Result<std::vector<Grant>> Queue::list_grants(const GrantFilter& filter, TimeMs now) {
  std::lock_guard lock(mutex_);
  return store_.list_grants(filter, now);
}

Result<std::vector<UseRecord>> Queue::grant_uses(std::string_view id, std::size_t limit) {
  std::lock_guard lock(mutex_);
  return store_.grant_uses(id, limit);
}

}  // namespace countersign::approvals
