#include "audit/attestation.h"

#include <algorithm>
#include <map>
#include <set>

#include "audit/dsse.h"
#include "core/json.h"

namespace countersign::audit {
namespace {

std::unexpected<Error> malformed(std::string what) {
  return fail(ErrorKind::malformed, "attestation.malformed",
              "not the statement of an approved push: " + std::move(what));
}

std::unexpected<Error> invalid(std::string what) {
  return fail(ErrorKind::invalid, "attestation.invalid", "cannot be attested: " + std::move(what));
}

std::unexpected<Error> too_large(std::string what) {
  return fail(ErrorKind::too_large, "attestation.too_large", std::move(what));
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// SHA-1 or SHA-256, as git writes them.
bool is_object_id(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) && is_hex(text);
}

// What writer and reader both insist on. The sentence says what is wrong; empty when nothing is.
std::string problem_of(const Attestation& attestation) {
  if (attestation.request.empty() || attestation.agent.empty() || attestation.upstream.empty() ||
      attestation.repository.empty())
    return "request, agent, upstream or repository is missing";
  if (attestation.approvals.empty()) return "nobody approved";
  for (const AttestedApproval& approval : attestation.approvals) {
    if (approval.by.empty() || approval.rule.empty()) return "an approval without a person or a rule";
  }
  if (attestation.log.origin.empty() || attestation.log.leaf.size() != 64 || !is_hex(attestation.log.leaf))
    return "the position in the log is none";
  std::set<std::string_view> refs;
  std::size_t length = 0;
  for (const AttestedRef& ref : attestation.refs) {
    if (!ref.ref.starts_with("refs/") || !refs.insert(ref.ref).second) return "a ref is none, or named twice";
    std::set<std::string_view> seen;
    for (const std::string& commit : ref.commits) {
      if (length == 0) length = commit.size();
      if (!is_object_id(commit) || commit.size() != length) return "a commit's id is none, or of another length";
      if (!seen.insert(commit).second) return "a ref gained a commit twice";
    }
    for (const std::string& id : {ref.old_id, ref.new_id}) {
      if (!id.empty() && !is_object_id(id)) return "what a ref holds is no object's id";
    }
  }
  return {};
}

// 0 when there are none, one more than kMaxAttestedCommits when there are too many.
std::size_t commits_of(const Attestation& attestation) {
  std::size_t count = 0;
  for (const AttestedRef& ref : attestation.refs) count = std::min(count + ref.commits.size(), kMaxAttestedCommits + 1);
  return count;
}

Status check_size(const Attestation& attestation) {
  if (commits_of(attestation) > kMaxAttestedCommits) return too_large("more than 20,000 commits in one attestation");
  if (attestation.refs.size() > kMaxAttestedRefs) return too_large("more than 1,000 refs in one attestation");
  if (attestation.approvals.size() > kMaxAttestedApprovals)
    return too_large("more than 1,000 approvals in one attestation");
  return {};
}

// Everything in front of the ref.
std::string name_prefix(const Attestation& attestation) {
  return "git+" + attestation.upstream + '/' + attestation.repository + '@';
}

// Reads members of one object, remembering the first that is missing or of another type.
class Members {
 public:
  explicit Members(const Json& object) : object_(object) {}

  std::string text(std::string_view name) {
    const Json* member = get(name);
    return member != nullptr && member->is_string() ? member->get<std::string>() : miss(name);
  }
  TimeMs time(std::string_view name) {
    auto parsed = parse_time(text(name));
    if (!parsed) miss(name);
    return parsed ? *parsed : 0;
  }
  std::uint64_t number(std::string_view name) {
    const Json* member = get(name);
    if (member == nullptr || !member->is_number_integer() || integer_or(object_, name, -1) < 0) {
      miss(name);
      return 0;
    }
    return member->get<std::uint64_t>();
  }
  const Json& list(std::string_view name) { return member_of(name, Json::value_t::array); }
  const Json& object(std::string_view name) { return member_of(name, Json::value_t::object); }

  [[nodiscard]] const std::string& missing() const { return missing_; }

 private:
  const Json* get(std::string_view name) { return object_.is_object() ? find_member(object_, name) : nullptr; }
  const Json& member_of(std::string_view name, Json::value_t type) {
    static const Json kNothing = Json::object();
    const Json* member = get(name);
    if (member != nullptr && member->type() == type) return *member;
    miss(name);
    return kNothing;
  }
  std::string miss(std::string_view name) {
    if (missing_.empty()) missing_ = name;
    return {};
  }

  const Json& object_;
  std::string missing_;
};

Status read_lists(const Json& predicate, Attestation& out) {
  Members members(predicate);
  const Json& delegates = members.list("delegates");
  const Json& refs = members.list("refs");
  const Json& approvals = members.list("approvals");
  if (!members.missing().empty()) return malformed("`" + members.missing() + "` is missing or no list");
  if (refs.size() > kMaxAttestedRefs || approvals.size() > kMaxAttestedApprovals || delegates.size() > 1'000)
    return too_large("a list of the statement is too long");
  for (const Json& delegate : delegates) {
    if (!delegate.is_string()) return malformed("`delegates` is a list of names");
    out.delegates.push_back(delegate.get<std::string>());
  }
  for (const Json& json : refs) {
    Members ref(json);
    out.refs.push_back({ref.text("ref"), ref.text("old"), ref.text("new"), ref.text("ancestry"), {}});
    if (!ref.missing().empty()) return malformed("a ref without `" + ref.missing() + "`");
  }
  for (const Json& json : approvals) {
    Members approval(json);
    out.approvals.push_back({approval.text("rule"), approval.text("stage"), approval.text("by"), approval.text("level"),
                             approval.time("at")});
    if (!approval.missing().empty()) return malformed("an approval without `" + approval.missing() + "`");
  }
  return {};
}

Status read_predicate(const Json& predicate, Attestation& out) {
  Members members(predicate);
  out.request = members.text("request");
  out.agent = members.text("agent");
  out.owner = members.text("owner");
  out.upstream = members.text("upstream");
  out.repository = members.text("repository");
  out.fingerprint = members.text("fingerprint");
  out.body_sha256 = members.text("body_sha256");
  out.executed_at = members.time("executed_at");
  Members policies(members.object("policies"));
  out.policy_digest = policies.text("digest");
  Members log(members.object("log"));
  out.log = {log.text("origin"), log.text("operation"), log.number("seq"), log.text("leaf")};
  for (const Members* each : {&members, &policies, &log}) {
    if (!each->missing().empty()) return malformed("`" + each->missing() + "` is missing or of another type");
  }
  return read_lists(predicate, out);
}

// Puts each subject under the ref its name says; every ref it says must be one of the predicate's.
Status read_subjects(const Json& subjects, Attestation& out) {
  const std::string prefix = name_prefix(out);
  std::map<std::string_view, AttestedRef*> refs;
  for (AttestedRef& ref : out.refs) refs.emplace(ref.ref, &ref);
  for (const Json& json : subjects) {
    Members subject(json);
    const std::string name = subject.text("name");
    Members digest(subject.object("digest"));
    std::string commit = digest.text("gitCommit");
    if (!subject.missing().empty() || !digest.missing().empty())
      return malformed("a subject is a name and a digest `gitCommit`");
    const std::size_t tail = commit.size() + 1;
    if (!name.starts_with(prefix) || name.size() < prefix.size() + tail)
      return malformed("a subject is not named after the repository of the predicate");
    auto found = refs.find(std::string_view(name).substr(prefix.size(), name.size() - prefix.size() - tail));
    if (found == refs.end()) return malformed("a subject is of a ref that the predicate does not name");
    if (name != subject_name(out, found->first, commit)) return malformed("a subject's name is not that of its commit");
    found->second->commits.push_back(std::move(commit));
  }
  return {};
}

}  // namespace

std::string subject_name(const Attestation& attestation, std::string_view ref, std::string_view commit) {
  std::string out = name_prefix(attestation);
  out.append(ref).append("#").append(commit);
  return out;
}

Result<std::string> statement_text(const Attestation& attestation) {
  if (Status fits = check_size(attestation); !fits) return fail(fits.error());
  if (std::string problem = problem_of(attestation); !problem.empty()) return invalid(std::move(problem));
  if (commits_of(attestation) == 0)
    return fail(ErrorKind::invalid, "attestation.no_commits", "the push added no commit");
  Json subjects = Json::array();
  Json refs = Json::array();
  for (const AttestedRef& ref : attestation.refs) {
    refs.push_back({{"ref", ref.ref}, {"old", ref.old_id}, {"new", ref.new_id}, {"ancestry", ref.ancestry}});
    for (const std::string& commit : ref.commits) {
      subjects.push_back({{"name", subject_name(attestation, ref.ref, commit)}, {"digest", {{"gitCommit", commit}}}});
    }
  }
  Json approvals = Json::array();
  for (const AttestedApproval& approval : attestation.approvals) {
    approvals.push_back({{"rule", approval.rule},
                         {"stage", approval.stage},
                         {"by", approval.by},
                         {"level", approval.level},
                         {"at", format_time(approval.at)}});
  }
  const LogPosition& log = attestation.log;
  Json predicate = {
      {"request", attestation.request},
      {"agent", attestation.agent},
      {"owner", attestation.owner},
      {"delegates", attestation.delegates},
      {"upstream", attestation.upstream},
      {"repository", attestation.repository},
      {"refs", std::move(refs)},
      {"approvals", std::move(approvals)},
      {"policies", {{"digest", attestation.policy_digest}}},
      {"fingerprint", attestation.fingerprint},
      {"body_sha256", attestation.body_sha256},
      {"log", {{"origin", log.origin}, {"operation", log.operation}, {"seq", log.seq}, {"leaf", log.leaf}}},
      {"executed_at", format_time(attestation.executed_at)}};
  auto text = canonical_json({{"_type", kStatementType},
                              {"subject", std::move(subjects)},
                              {"predicateType", kApprovedPushType},
                              {"predicate", std::move(predicate)}});
  if (!text) return invalid(text.error().message);
  return text;
}

Result<Attestation> parse_statement(std::string_view text) {
  constexpr std::size_t kDepth = 16;
  constexpr std::size_t kValues = 8 * kMaxAttestedCommits;
  auto json = parse_json(text, {.bytes = kMaxEnvelopeBytes, .depth = kDepth, .values = kValues});
  if (!json && json.error().code == "json.too_large") return too_large("the statement is too large");
  if (!json) return malformed(json.error().message);
  if (!json->is_object()) return malformed("it is no object");
  if (string_or(*json, "_type", "") != kStatementType || string_or(*json, "predicateType", "") != kApprovedPushType) {
    return fail(ErrorKind::unsupported, "attestation.other_type",
                "it is signed, but no attestation of an approved push (" + std::string(kApprovedPushType) + ")");
  }
  Members statement(*json);
  const Json& subjects = statement.list("subject");
  const Json& predicate = statement.object("predicate");
  if (!statement.missing().empty()) return malformed("`" + statement.missing() + "` is missing");
  if (subjects.empty()) return malformed("it is about no commit");
  if (subjects.size() > kMaxAttestedCommits) return too_large("more than 20,000 commits in one attestation");
  Attestation out;
  if (Status read = read_predicate(predicate, out); !read) return fail(read.error());
  if (std::string problem = problem_of(out); !problem.empty()) return malformed(std::move(problem));
  if (Status read = read_subjects(subjects, out); !read) return fail(read.error());
  if (std::string problem = problem_of(out); !problem.empty()) return malformed(std::move(problem));
  return out;
}

Result<VerifiedAttestation> verify_attestation(std::string_view envelope, std::span<const VerifierKey> keys) {
  auto read = parse_envelope(envelope);
  if (!read) return fail(read.error());
  auto key = check_signatures(*read, keys);
  if (!key) return fail(key.error());
  if (read->payload_type != kInTotoMediaType) {
    return fail(ErrorKind::unsupported, "attestation.other_type",
                "it is signed, but no in-toto statement (" + std::string(kInTotoMediaType) + ")");
  }
  auto attestation = parse_statement(read->payload);
  if (!attestation) return fail(attestation.error());
  // A log's key speaks for its own log only.
  if (attestation->log.origin != key->name) return malformed("it names another log than the one whose key signed it");
  return VerifiedAttestation{std::move(*attestation), std::move(*key)};
}

Result<std::unique_ptr<Attester>> Attester::make(SigningKey key, VerifierKey name) {
  if (key.public_key() != name.key)
    return fail(ErrorKind::conflict, "audit.key_mismatch", "attestations are signed with the audit log's key only");
  return std::unique_ptr<Attester>(new Attester(std::move(key), std::move(name)));
}

Result<std::string> Attester::sign(const Attestation& attestation) const {
  auto text = statement_text(attestation);
  if (!text) return fail(text.error());
  std::lock_guard lock(mutex_);
  std::string envelope = sign_envelope(kInTotoMediaType, *text, name_, key_);
  if (envelope.size() > kMaxEnvelopeBytes) return too_large("the attestation is larger than 16 MiB");
  return envelope;
}

}  // namespace countersign::audit
