// Grants: a bounded, visible, revocable permission to repeat a kind of approved operation. Pure functions and values,
// any thread; the Queue keeps them.
//
// A grant is proposed for a held request by somebody who may approve it, and becomes active when that request is
// approved and every vote that counted was for the grant as well: the same quorum. It says nothing about policies: an
// operation under a grant is decided again with the grant's facts in the place of approvals.
//
// Matching is typed, never a prefix of text: everything must be equal, except that a resource may end in "/*", which
// stands for one more name without a slash, and that arguments not named are free.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "approvals/request.h"
#include "core/clock.h"
#include "core/result.h"
#include "policies/decision.h"

namespace countersign::approvals {

// What its proposer chooses; everything else is taken from the request.
struct GrantTerms {
  std::vector<std::string> resources;            // "Type::id", exactly, or with one trailing "/*"; 1 to 100
  std::map<std::string, std::string> arguments;  // JSON pointer (RFC 6901) into the input → JSON text of the value that
                                                 // must stand there; "" is the whole input; at most 50, 16 KiB together
  std::int64_t max_uses = 0;                     // 1 to 1,000
  TimeMs until = 0;                              // exclusive; at most 30 days ahead
};

struct Grant {
  static constexpr std::int64_t kMostUses = 1'000;
  static constexpr TimeMs kLongest = 30LL * 86'400'000;

  std::string id;       // "grt_…"
  std::string digest;   // hex: what approvers vote for (grant_text)
  std::string request;  // the held request it was proposed with
  std::string agent;
  std::string owner;
  std::vector<std::string> delegates;
  std::string root;  // id of the root token
  std::string upstream;
  std::string action;
  std::string effect;
  std::string environment;
  std::vector<std::string> rules;  // the approval rules that it satisfies
  GrantTerms terms;
  std::string proposed_by;
  TimeMs proposed = 0;

  TimeMs activated = 0;                       // 0: a proposal
  std::vector<policies::ApprovalFact> facts;  // one of each rule, as the approvers' votes made them
  std::int64_t uses = 0;
  TimeMs revoked = 0;  // 0: not
  std::string revoked_by;
  std::string revoke_reason;

  [[nodiscard]] bool is_active(TimeMs now) const {
    return activated != 0 && revoked == 0 && now < terms.until && uses < terms.max_uses;
  }
};

// An operation that would be held.
struct GrantQuestion {
  std::string agent;
  std::string owner;
  std::vector<std::string> delegates;
  std::string root;  // id of the root token
  std::string upstream;
  std::string action;
  std::string effect;
  std::string environment;
  std::vector<std::string> resources;  // "Type::id"
  std::string input;                   // JSON text, as HeldRequest::input
  std::vector<std::string> rules;      // the approval rules that hold it
};

// Whether operations like this may be granted at all: in production (also: where the environment is not known, or is
// only one of several) writes and reads only; never what destroys, administers, mints credentials or runs code there.
[[nodiscard]] bool may_be_granted(std::string_view effect, std::string_view environment);

// A proposal without id and proposer. Refused: grant.effect (forbidden), and (invalid) grant.terms with what is wrong
// with them, which includes terms that do not cover the request itself.
Result<Grant> make_grant(const HeldRequest& request, GrantTerms terms, TimeMs now);

// What approvers agree to, canonical JSON: {"type":"countersign/grant/v1","request","agent","owner","delegates","root",
// "upstream","action","effect","environment","rules","resources","arguments","max_uses","until"}. The digest of a grant
// is the SHA-256 of these bytes.
[[nodiscard]] Result<std::string> grant_text(const Grant& grant);
// The grant of such a text; store.corrupt when it is not one.
Result<Grant> parse_grant(std::string_view text);

// Whether the grant is for this operation; time, uses and revocation aside.
[[nodiscard]] bool covers(const Grant& grant, const GrantQuestion& question);
// "Type::a/b" by itself, or "Type::a/*" by "Type::a/b" but neither by "Type::a/b/c" nor "Type::a/".
[[nodiscard]] bool covers_resource(std::string_view pattern, std::string_view resource);

}  // namespace countersign::approvals
