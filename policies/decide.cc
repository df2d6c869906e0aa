#include "policies/decide.h"

#include <algorithm>

#include "core/words.h"
#include "policies/cedar/authorizer.h"
#include "policies/cedar_request.h"

namespace countersign::policies {
namespace {

// Why an access is denied, the clearest reason last.
enum class Denial : std::uint8_t { no_permit, error, forbidden, floor };

constexpr const char* code_of(Denial denial) {
  switch (denial) {
    case Denial::no_permit:
      return "policy.no_permit";
    case Denial::error:
      return "policy.error";
    case Denial::forbidden:
      return "policy.forbidden";
    case Denial::floor:
      return "policy.floor";
  }
  return "policy.error";
}

// What the policies say about one access.
struct Finding {
  Verdict verdict = Verdict::deny;
  Denial denial = Denial::error;
  std::vector<std::string> policies;
  std::vector<std::string> approvals;
  std::string reason;
  bool reveals = false;    // a satisfied permit lets secrets through
  std::size_t access = 0;  // its position
};

bool is_satisfied(std::span<const ApprovalFact> approvals, std::string_view rule) {
  return std::ranges::find(approvals, rule, &ApprovalFact::rule) != approvals.end();
}

// What a policy's author wrote for the agent, else a sentence that names the policies.
std::string reason_from(const Snapshot& snapshot, std::span<const cedar::PolicyRef> refs, std::string_view lead,
                        const std::vector<std::string>& ids) {
  std::string out(lead);
  out += " " + joined(ids);
  for (cedar::PolicyRef ref : refs) {
    const std::string& written = snapshot.facts(ref).reason;
    if (!written.empty()) out += ": " + written;
  }
  return out;
}

Finding deny(Denial denial, std::string reason, std::vector<std::string> policies = {}) {
  return {Verdict::deny, denial, std::move(policies), {}, std::move(reason)};
}

// Decides one access after another of one operation.
class Judge {
 public:
  Judge(const Snapshot& snapshot, const Subject& subject, const Operation& operation,
        std::span<const ApprovalFact> approvals, TimeMs now)
      : snapshot_(snapshot),
        subject_(subject),
        operation_(operation),
        approvals_(approvals),
        now_(now),
        maker_(snapshot, subject, operation, approvals, {}, now, RequestMaker::Input::known) {}

  Finding judge(const Access& access, const Labels& labels) {
    if (maker_.problem()) return deny(Denial::error, *maker_.problem());
    RequestMaker::Made made = maker_.make(access, labels);
    if (maker_.problem()) return deny(Denial::error, *maker_.problem());
    thread_local cedar::Answer answer;
    cedar::authorize(snapshot_.policies(), made.request, made.entities, answer);

    std::vector<cedar::PolicyRef> hard;  // forbids that stay, approved or not
    std::vector<cedar::PolicyRef> holding;
    for (cedar::PolicyRef ref : answer.satisfied_forbids) {
      const PolicyFacts& facts = snapshot_.facts(ref);
      if (facts.approval.empty()) {
        hard.push_back(ref);
      } else if (!is_satisfied(approvals_, facts.approval)) {
        holding.push_back(ref);
      } else if (facts.mentions.approval) {
        hard.push_back(ref);  // it has seen the approval and is not content
      }
    }
    if (!hard.empty()) return forbidden(hard);
    // Something unknown in a decided request is a parameter that does not have its declared type: as good as an error.
    if (!answer.errored_forbids.empty()) return erred(answer.errored_forbids);
    if (!answer.maybe_forbids.empty()) return erred(answer.maybe_forbids);
    if (answer.satisfied_permits.empty()) return unpermitted(answer, access);
    const bool reveals = std::ranges::any_of(answer.satisfied_permits,
                                             [&](cedar::PolicyRef ref) { return snapshot_.facts(ref).reveals; });
    if (!holding.empty()) return hold(holding, reveals);
    Finding out{Verdict::allow, Denial::error, ids(answer.satisfied_permits), {}, {}, reveals};
    out.reason = "allowed by " + joined(out.policies);
    return out;
  }

  // For what needs no permit: why it is forbidden all the same. Nobody is asked, so a forbid that asks forbids.
  std::optional<Finding> forbidden_by(const Access& access, const Labels& labels) {
    if (maker_.problem()) return deny(Denial::error, *maker_.problem());
    RequestMaker::Made made = maker_.make(access, labels);
    if (maker_.problem()) return deny(Denial::error, *maker_.problem());
    cedar::Answer answer = cedar::authorize(snapshot_.policies(), made.request, made.entities);
    if (!answer.satisfied_forbids.empty()) return forbidden(answer.satisfied_forbids);
    if (!answer.errored_forbids.empty()) return erred(answer.errored_forbids);
    if (!answer.maybe_forbids.empty()) return erred(answer.maybe_forbids);
    return std::nullopt;
  }

  // Ids of @shadow policies that would have changed a verdict that allows or holds.
  void add_shadow(const std::vector<std::string>& held_for, const Access& access, const Labels& labels,
                  std::vector<std::string>& out) {
    RequestMaker::Made made = maker_.make(access, labels);
    if (maker_.problem()) return;
    cedar::Answer answer = cedar::authorize(snapshot_.shadow(), made.request, made.entities);
    for (cedar::PolicyRef ref : answer.satisfied_forbids) {
      const PolicyFacts& facts = snapshot_.shadow_facts(ref);
      bool nothing_new =
          !facts.approval.empty() &&
          (is_satisfied(approvals_, facts.approval) ? !facts.mentions.approval
                                                    : std::ranges::find(held_for, facts.approval) != held_for.end());
      if (!nothing_new) out.push_back(facts.id);
    }
    // What cannot be evaluated denies, so it would have.
    for (const auto* failures : {&answer.errored_forbids, &answer.maybe_forbids}) {
      for (const cedar::PolicyFailure& failure : *failures) out.push_back(snapshot_.shadow_facts(failure.policy).id);
    }
  }

  // What keeps the access from being allowed even with `rules` satisfied too, by people not known yet: what is surely
  // forbidden, or surely not permitted, is not worth asking for.
  std::optional<Finding> stays_denied(const std::vector<std::string>& rules, const Access& access,
                                      const Labels& labels) {
    RequestMaker maker(snapshot_, subject_, operation_, approvals_, rules, now_, RequestMaker::Input::known);
    RequestMaker::Made made = maker.make(access, labels);
    if (maker.problem()) return deny(Denial::error, *maker.problem());
    cedar::Answer answer = cedar::authorize(snapshot_.policies(), made.request, made.entities);
    std::vector<cedar::PolicyRef> hard;
    for (cedar::PolicyRef ref : answer.satisfied_forbids) {
      const PolicyFacts& facts = snapshot_.facts(ref);
      bool released =
          !facts.approval.empty() && !facts.mentions.approval &&
          (std::ranges::find(rules, facts.approval) != rules.end() || is_satisfied(approvals_, facts.approval));
      if (!released) hard.push_back(ref);
    }
    if (!hard.empty()) return forbidden(hard);
    if (!answer.errored_forbids.empty()) return erred(answer.errored_forbids);
    if (answer.satisfied_permits.empty() && answer.maybe_permits.empty()) return unpermitted(answer, access);
    return std::nullopt;
  }

 private:
  std::vector<std::string> ids(std::span<const cedar::PolicyRef> refs) const {
    std::vector<std::string> out;
    for (cedar::PolicyRef ref : refs) out.push_back(snapshot_.facts(ref).id);
    sort_unique(out);
    return out;
  }

  Finding forbidden(const std::vector<cedar::PolicyRef>& hard) const {
    std::vector<cedar::PolicyRef> floor;
    for (cedar::PolicyRef ref : hard) {
      if (snapshot_.facts(ref).floor) floor.push_back(ref);
    }
    const auto& deciding = floor.empty() ? hard : floor;
    std::vector<std::string> names = ids(deciding);
    std::string reason =
        floor.empty() ? reason_from(snapshot_, deciding, "forbidden by", names)
                      : reason_from(snapshot_, deciding, "forbidden by the floor, which no approval releases:", names);
    return deny(floor.empty() ? Denial::forbidden : Denial::floor, std::move(reason), std::move(names));
  }

  Finding erred(const std::vector<cedar::PolicyFailure>& failures) const {
    std::vector<cedar::PolicyRef> refs;
    for (const cedar::PolicyFailure& failure : failures) refs.push_back(failure.policy);
    std::vector<std::string> names = ids(refs);
    std::string reason =
        "denied, because a forbidding policy could not be evaluated: " + joined(names) + ": " + why(failures.front());
    return deny(Denial::error, std::move(reason), std::move(names));
  }

  // What is unknown in a decided request is a value that is missing or does not have its declared type.
  std::string why(const cedar::PolicyFailure& failure) const {
    if (failure.error.cause != cedar::ErrorCause::unknown) return failure.error.message();
    std::string_view name = failure.error.left.unknown_name();
    for (const std::string& misfit : maker_.misfits()) {
      if (misfit.starts_with(name) && misfit.substr(name.size()).starts_with(" is ")) return misfit;
    }
    return failure.error.message();
  }

  Finding unpermitted(const cedar::Answer& answer, const Access& access) const {
    std::vector<cedar::PolicyRef> refs;
    for (const cedar::PolicyFailure& failure : answer.errored_permits) refs.push_back(failure.policy);
    for (const cedar::PolicyFailure& failure : answer.maybe_permits) refs.push_back(failure.policy);
    std::string reason = "no policy permits " + operation_.action_of(access) + " (" +
                         std::string(effect_name(access.effect)) + ") on " + access.resource.id;
    if (!refs.empty()) reason += "; could not be evaluated: " + joined(ids(refs));
    std::vector<std::string> causes;
    for (const cedar::PolicyFailure& failure : answer.maybe_permits) causes.push_back(why(failure));
    sort_unique(causes);
    if (!causes.empty()) reason += " (" + joined(causes) + ")";
    return deny(Denial::no_permit, std::move(reason), ids(refs));
  }

  Finding hold(const std::vector<cedar::PolicyRef>& holding, bool reveals) const {
    Finding out{Verdict::hold, Denial::error, ids(holding), {}, {}, reveals};
    for (cedar::PolicyRef ref : holding) out.approvals.push_back(snapshot_.facts(ref).approval);
    sort_unique(out.approvals);
    out.reason = reason_from(snapshot_, holding, "needs approval (" + joined(out.approvals) + "), says", out.policies);
    return out;
  }

  const Snapshot& snapshot_;
  const Subject& subject_;
  const Operation& operation_;
  std::span<const ApprovalFact> approvals_;
  TimeMs now_;
  RequestMaker maker_;
};

Decision refused(const Snapshot& snapshot, std::string code, std::string reason) {
  Decision out;
  out.code = std::move(code);
  out.reason = std::move(reason);
  out.policy_digest = snapshot.digest();
  return out;
}

// A handshake: nothing is touched, but only a caller that has business here gets an answer.
Decision decide_gateway(const Snapshot& snapshot, const Subject& subject, const Operation& operation, TimeMs now) {
  if (auto refusal = subject.scope->refuses(operation, {}, now))
    return refused(snapshot, refusal->code, refusal->reason);
  bool named =
      operation.upstream.empty()
          ? std::ranges::any_of(snapshot.upstreams(),
                                [&](const std::string& name) { return subject.scope->names_upstream(name, now); })
          : subject.scope->names_upstream(operation.upstream, now);
  if (!named) return refused(snapshot, "scope.upstream", "the token's scope does not name this upstream");
  Decision out = refused(snapshot, "policy.allowed", "answered by the gateway");
  out.verdict = Verdict::allow;
  return out;
}

// deny > hold > allow; of several denials the clearest gives code and reason.
Decision combine(const Snapshot& snapshot, const std::vector<Finding>& findings) {
  Decision out;
  out.policy_digest = snapshot.digest();
  out.verdict = Verdict::allow;
  for (const Finding& finding : findings) out.verdict = std::min(out.verdict, finding.verdict);
  out.reveals_secrets = out.verdict != Verdict::deny && std::ranges::all_of(findings, &Finding::reveals);
  const Finding* lead = nullptr;
  for (const Finding& finding : findings) {
    if (finding.verdict != out.verdict) continue;
    if (out.verdict != Verdict::allow) out.about.push_back(finding.access);
    bool clearer = !lead || (out.verdict == Verdict::deny && finding.denial > lead->denial);
    if (clearer) lead = &finding;
    out.policies.insert(out.policies.end(), finding.policies.begin(), finding.policies.end());
    out.approvals.insert(out.approvals.end(), finding.approvals.begin(), finding.approvals.end());
  }
  sort_unique(out.policies);
  sort_unique(out.approvals);
  out.code = out.verdict == Verdict::allow  ? "policy.allowed"
             : out.verdict == Verdict::hold ? "policy.held"
                                            : code_of(lead->denial);
  out.reason = lead->reason;
  if (out.verdict == Verdict::hold && findings.size() > 1)
    out.reason = "needs approval (" + joined(out.approvals) + "), says " + joined(out.policies);
  return out;
}

}  // namespace

Decision decide(const Snapshot& snapshot, const Subject& subject, const Operation& operation,
                std::span<const ApprovalFact> approvals, TimeMs now) {
  if (!subject.scope) return refused(snapshot, "scope.empty", "the token has no scope");
  if (operation.reach == Reach::gateway) return decide_gateway(snapshot, subject, operation, now);
  if (operation.accesses.empty())
    return refused(snapshot, "policy.error", "the operation names nothing that it touches");

  std::vector<LabelCandidates> labels;
  labels.reserve(operation.accesses.size());  // `labelled` looks into them: they must stay where they are
  std::vector<LabelledAccess> labelled;
  labelled.reserve(operation.accesses.size());
  for (const Access& access : operation.accesses) {
    labels.push_back(snapshot.inventory().classify_all(operation.upstream, access));
    labelled.push_back({&access, labels.back().first.environment});
    for (const Labels& other : labels.back().others) labelled.push_back({&access, other.environment});
  }
  auto each = [&](auto&& visit) {
    for (std::size_t i = 0; i < operation.accesses.size(); ++i) {
      visit(operation.accesses[i], labels[i].first);
      for (const Labels& other : labels[i].others) visit(operation.accesses[i], other);
    }
  };
  Judge judge(snapshot, subject, operation, approvals, now);
  std::vector<Finding> findings;
  findings.reserve(operation.accesses.size());
  // What gives the caller no more than it has needs no permit; every forbid counts.
  if (operation.reach == Reach::narrowing) {
    each([&](const Access& access, const Labels& its) {
      if (auto forbidden = judge.forbidden_by(access, its)) findings.push_back(std::move(*forbidden));
    });
    return findings.empty() ? decide_gateway(snapshot, subject, operation, now) : combine(snapshot, findings);
  }
  if (auto refusal = subject.scope->refuses(operation, labelled, now))
    return refused(snapshot, refusal->code, refusal->reason);

  auto position = [&](const Access& access) { return static_cast<std::size_t>(&access - operation.accesses.data()); };
  each([&](const Access& access, const Labels& its) {
    findings.push_back(judge.judge(access, its));
    findings.back().access = position(access);
  });
  Decision decision = combine(snapshot, findings);
  auto with_shadow = [&](Decision settled) {
    if (snapshot.shadow().size() == 0 || settled.verdict == Verdict::deny) return settled;
    each([&](const Access& access, const Labels& its) {
      judge.add_shadow(settled.approvals, access, its, settled.shadow);
    });
    sort_unique(settled.shadow);
    return settled;
  };
  if (decision.verdict != Verdict::hold || !snapshot.mentions_approval()) return with_shadow(std::move(decision));
  // The counterfactual: people are asked only if the whole operation may then be allowed. What is asked for one access
  // counts for all.
  each([&](const Access& access, const Labels& its) {
    if (auto stays = judge.stays_denied(decision.approvals, access, its)) {
      findings.push_back(std::move(*stays));
      findings.back().access = position(access);
    }
  });
  return with_shadow(combine(snapshot, findings));
}

}  // namespace countersign::policies
