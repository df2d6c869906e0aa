// Explanations: for one request, which policies decided, which clause with which values made each of them apply or not,
// and what would have to be otherwise for the request to be allowed.
//
// Nothing here decides: verdicts come from decide() (or cedar::respond), truths from cedar::Evaluator. What is computed
// here is what they rest on. Costs a few evaluations for each policy; not for the way of a request. Pure functions, any
// thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policies/cedar/authorizer.h"
#include "policies/decide.h"
#include "policies/proof.h"

namespace countersign::policies {

// Where something stands in a policy file.
struct Place {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string source;  // that line of the file
};
[[nodiscard]] Place place_of(const cedar::Policy& policy, cedar::Span span);

enum class Standing : std::uint8_t {
  applies,         // head and clauses hold
  does_not_apply,  // a clause does not hold
  failed,          // a clause could not be evaluated
  unknown,         // depends on something that is not known here
  elsewhere,       // the head is about something else
};
[[nodiscard]] std::string_view standing_name(Standing standing);

// A part of the head: `principal is Agent`, with what the request has there.
struct HeadPart {
  std::string name;  // "principal", "action", "resource"
  std::string text;  // as written; the bare name when it is about everything
  Came came = Came::no;
  Seen seen;
  Place place;
};

struct ClauseExplanation {
  cedar::ast::ClauseKind kind = cedar::ast::ClauseKind::when;
  Place place;  // of what decided, not of the clause's first word
  Proof proof;
  bool holds = false;
};

// A condition of a policy that is not as it would have to be.
struct Obstacle {
  std::string where;  // "principal", "action", "resource", "when", "unless"
  Condition condition;
  Place place;
};

struct PolicyExplanation {
  cedar::PolicyRef ref{};
  std::string id;  // @id, else as Snapshot (or the set itself) counts
  cedar::Effect effect = cedar::Effect::forbid;
  bool floor = false;
  bool reveals = false;  // @secrets("reveal")
  std::string approval;  // @approval
  std::string reason;    // @reason
  Place place;
  Standing standing = Standing::elsewhere;
  std::vector<HeadPart> head;              // principal, action, resource
  std::vector<ClauseExplanation> clauses;  // those that were reached: none after the first that does not hold
  std::vector<Obstacle> unmet;             // every condition that keeps it from applying; of the head too
  std::vector<Obstacle> met;               // applies: every condition it rests on; of the head too, where it asks
};

// Every policy of the set, in its order. `facts` may be null: a plain Cedar set.
[[nodiscard]] std::vector<PolicyExplanation> explain_policies(const cedar::PolicySet& policies, const Snapshot* facts,
                                                              const cedar::Request& request,
                                                              const cedar::EntityOverlay& entities);

// What would have to be otherwise. All of it together is enough: with each `hard` and `failing` one out of the way,
// each approval given, and one of `permits` applying, the request is allowed. Numbers are positions in `policies`.
struct Remedy {
  std::vector<std::size_t> hard;     // forbids that apply and that no approval releases
  std::vector<std::size_t> failing;  // forbids that cannot be evaluated
  struct Approval {
    std::string rule;
    std::vector<std::size_t> policies;
  };
  std::vector<Approval> approvals;  // that release the other forbids that apply
  // No permit applies: those nearest to it, fewest unmet conditions first, at most kMostPermits.
  std::vector<std::size_t> permits;
  bool unpermitted = false;
  [[nodiscard]] bool is_empty() const { return hard.empty() && failing.empty() && approvals.empty() && !unpermitted; }
};
inline constexpr std::size_t kMostPermits = 3;

// One access with one of the label sets it may have.
struct AccessExplanation {
  Access access;
  Labels labels;
  std::vector<PolicyExplanation> policies;
  Remedy remedy;
  // What would still stand in the way once every approval the operation needs is given: forbids that read approvals and
  // are not content, as far as is certain before anybody has approved.
  std::vector<PolicyExplanation> once_approved;
};

struct Explanation {
  Decision decision;
  std::string problem;  // why the policies were not asked at all; else empty
  // Parameters that are unknown to policies: not of their declared type, or absent where some policy needs them.
  std::vector<std::string> misfits;
  std::vector<AccessExplanation> accesses;
};

// Why decide() answers as it does. `input`: not known when it is not at hand (an audit record holds only its digest),
// or known only partly, the rest as if it were absent. There is no decision then.
enum class InputKnown : std::uint8_t { yes, partly, no };
[[nodiscard]] Explanation explain(const Snapshot& snapshot, const Subject& subject, const Operation& operation,
                                  std::span<const ApprovalFact> approvals, TimeMs now,
                                  InputKnown input = InputKnown::yes);

// The same for plain Cedar: an erring policy is skipped, @approval means nothing.
struct PlainExplanation {
  cedar::Response response;  // ids as in `policies`
  std::vector<PolicyExplanation> policies;
  Remedy remedy;
};
[[nodiscard]] PlainExplanation explain_plain(const cedar::PolicySet& policies, const cedar::Request& request,
                                             const cedar::EntityOverlay& entities);

}  // namespace countersign::policies
