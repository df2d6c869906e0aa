// Holding a request, and what an approver edits taking its place.
#include <unistd.h>

#include "approvals/documentation.h"
#include "approvals/fingerprint.h"
#include "approvals/queue_checks.h"
#include "approvals/queue_work.h"
#include "core/id.h"

namespace countersign::approvals {
namespace {

Status take_documentation(HeldRequest& draft, TimeMs now) {
  Result<std::string> canonical = canonical_documentation(draft.documentation);
  if (!canonical) return fail(canonical.error());
  draft.documentation = std::move(*canonical);
  draft.documented = draft.documentation.empty() ? 0 : now;
  return {};
}

}  // namespace

Result<Holding> Queue::hold(HeldRequest draft, TimeMs now, const BurstLimits& bursts) {
  if (Status complete = check_complete(draft, now); !complete) return fail(complete.error());
  if (Status fits = check_size(draft); !fits) return fail(fits.error());
  if (Status intact = check_frozen_body(draft.frozen); !intact) return fail(intact.error());
  if (Status documented = take_documentation(draft, now); !documented) return fail(documented.error());
  reset_progress(draft, now);
  draft.fingerprint = fingerprint(draft);
  draft.retry_key = retry_key(draft.frozen, draft.requester);
  return transact([&](Work& work) { return hold_in(work, draft, bursts, now); });
}

Result<Holding> Queue::hold_in(Work& work, HeldRequest& draft, const BurstLimits& bursts, TimeMs now) {
  Result<std::optional<HeldRequest>> existing = store_.load_for_retry(draft.retry_key, now);
  if (!existing) return fail(existing.error());
  if (*existing) {
    Result<bool> expired = expire_if_due(work, **existing, now);
    if (!expired) return fail(expired.error());
    if (Status done = work.commit(); !done) return fail(done.error());
    return Holding{Holding::How::joined, std::move(**existing)};
  }
  if (Status room = check_room(draft.requester.agent); !room) return fail(room.error());
  Result<std::string> id = fresh_id(now);
  if (!id) return fail(id.error());
  draft.id = std::move(*id);
  draft.burst = bursts_.join(draft, bursts, now);
  Result<HeldRequest> held = insert_in(work, draft, now);
  if (!held) return fail(held.error());
  bursts_.held(*held, bursts, now);  // it is committed
  return Holding{Holding::How::held, std::move(*held)};
}

// What is complete and checked becomes a row, its body ours, and the transaction is committed.
Result<HeldRequest> Queue::insert_in(Work& work, HeldRequest& draft, TimeMs now) {
  // The body first: a row never names bytes that are not durable. One left over by a crash in between is removed by
  // recover().
  std::filesystem::path spooled = draft.frozen.body_file;
  if (!spooled.empty()) {
    if (Status kept = bodies_.keep(draft.id, spooled); !kept) return fail(kept.error());
    draft.frozen.body_file = bodies_.path_of(draft.id);
  }
  draft.conflicts = conflicts_.on(draft.frozen.upstream, draft.resources, draft.requester.chain.front(), now);
  Status done = store_.insert(draft);
  if (done) done = store_.add_conflicts(draft.id, draft.conflicts);
  if (done) {
    work.tell(std::nullopt, draft);
    done = work.commit();
  }
  if (!done) {
    if (!spooled.empty()) bodies_.give_back(draft.id, spooled);
    return fail(done.error());
  }
  if (!spooled.empty()) ::unlink(spooled.c_str());
  return draft;
}

// An id has 50 random bits; that makes a second use unlikely, and this makes it impossible.
Result<std::string> Queue::fresh_id(TimeMs now) {
  for (;;) {
    std::string id = new_short_id("req_", now);
    Result<bool> taken = store_.exists(id);
    if (!taken) return fail(taken.error());
    if (!*taken) return id;
  }
}

// Bodies outlive their requests (retention), so the disk is bounded by bytes kept, not by requests open.
Status Queue::check_room(const std::string& agent) const {
  const Use one = usage_.of(agent);
  const Use all = usage_.of_all();
  if (one.open >= options_.max_open_of_agent || all.open >= options_.max_open) {
    return fail(ErrorKind::unavailable, "approval.too_many",
                std::to_string(one.open) + " requests of this agent are open already; no more can be held");
  }
  if (one.body_bytes >= options_.max_bytes_of_agent || all.body_bytes >= options_.max_bytes) {
    return fail(ErrorKind::unavailable, "approval.too_many",
                "the stored requests of this agent take up all the space they may; no more can be held");
  }
  return {};
}

Result<std::optional<HeldRequest>> Queue::find_by_retry(std::string_view key, TimeMs now) {
  return transact([&](Work& work) -> Result<std::optional<HeldRequest>> {
    Result<std::optional<HeldRequest>> found = store_.load_for_retry(key, now);
    if (!found || !*found) return found;
    Result<bool> expired = expire_if_due(work, **found, now);
    if (!expired) return fail(expired.error());
    if (*expired) {
      if (Status done = work.commit(); !done) return fail(done.error());
    }
    return found;
  });
}

Result<HeldRequest> Queue::supersede_with_edit(std::string_view id, Edit edit, const Approver& editor,
                                               const Rules& rules, TimeMs now) {
  if (edit.what.empty()) {
    return fail(ErrorKind::invalid, "approval.incomplete", "an edit says what was changed, for the agent");
  }
  if (Status fits = check_reason(edit.what); !fits) return fail(fits.error());
  if (Status fits = check_size(edit.request); !fits) return fail(fits.error());
  if (Status intact = check_frozen_body(edit.request.frozen); !intact) return fail(intact.error());
  return transact([&](Work& work) { return edit_in(work, id, edit, editor, rules, now); });
}

Result<HeldRequest> Queue::edit_in(Work& work, std::string_view id, Edit& edit, const Approver& editor,
                                   const Rules& rules, TimeMs now) {
  Result<HeldRequest> original = load_waiting(work, id, now);
  if (!original) return original;
  if (!edit.fingerprint.empty() && edit.fingerprint != original->fingerprint) return not_what_you_saw();
  if (!original->edited_by.empty()) {
    return fail(ErrorKind::conflict, "approval.edited",
                "request " + original->id + " was edited already: deny it, and let the agent ask anew");
  }
  Result<std::vector<Opening>> may = eligibility(*original, editor, Choice::approve, rules, now);
  if (!may) return fail(may.error());
  Demands demands = demands_of(original->rules, rules);
  demands.signature = false;  // the approvals of what was edited are signed
  if (Status fresh = check_demands(demands, editor, Choice::approve, "", now); !fresh) return fail(fresh.error());

  HeldRequest edited = std::move(edit.request);
  if (!edited.frozen.body_file.empty() && edited.frozen.body_file == original->frozen.body_file) {
    return fail(ErrorKind::invalid, "approval.incomplete", "an edited request needs a body of its own");
  }
  reset_progress(edited, now);
  edited.requester = original->requester;
  edited.operation = original->operation;
  edited.documentation = original->documentation;
  edited.documented = original->documented;
  edited.edited_by = editor.name;
  edited.edited = edit.what;
  edited.supersedes = original->id;
  edited.burst = original->burst;
  if (Status complete = check_complete(edited, now); !complete) return fail(complete.error());
  edited.fingerprint = fingerprint(edited);
  edited.retry_key = original->retry_key;
  Result<std::string> fresh = fresh_id(now);
  if (!fresh) return fail(fresh.error());
  edited.id = std::move(*fresh);

  original->code = "approval.edited";
  original->reason = editor.name + " edited it, and it goes on as " + edited.id + ": " + edit.what;
  original->decided_by = editor.name;
  original->superseded_by = edited.id;
  if (Status moved = move(work, *original, {State::held, State::superseded}, now); !moved) return fail(moved.error());
  return insert_in(work, edited, now);
}

}  // namespace countersign::approvals
