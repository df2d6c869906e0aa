// Questions that were asked before: records of the audit log and held requests, as the command line prints them.
#include <algorithm>

#include "policies/question.h"
#include "scopes/accesses.h"
#include "scopes/protocols.h"

namespace countersign::policies {
namespace {

std::unexpected<Error> not_recorded(std::string message) {
  return fail(ErrorKind::unsupported, "question.not_recorded", std::move(message));
}

std::vector<std::string> texts(const Json& object, std::string_view key) {
  std::vector<std::string> out;
  const Json* list = find_member(object, key);
  if (list == nullptr || !list->is_array()) return out;
  for (const Json& item : *list) {
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

// An approval rule that the votes had satisfied: its most senior approver, and when the last one agreed.
void add_approval(const Json& request, const std::string& rule, std::vector<ApprovalFact>& out) {
  ApprovalFact fact{rule, {}, {}, 0};
  const Json* votes = find_member(request, "votes");
  if (votes == nullptr || !votes->is_array()) return;
  for (const Json& vote : *votes) {
    const Json* approves = find_member(vote, "approves");
    bool counts = approves != nullptr && approves->is_boolean() && approves->get<bool>();
    if (!counts || string_or(vote, "rule", "") != rule) continue;
    auto level = level_from_name(string_or(vote, "level", ""));
    auto best = level_from_name(fact.level);
    if (level && (!best || *level > *best)) {
      fact.by = string_or(vote, "by", "");
      fact.level = level_name(*level);
    }
    if (auto at = parse_time(string_or(vote, "at", ""))) fact.at = std::max(fact.at, *at);
  }
  if (!fact.by.empty()) out.push_back(std::move(fact));
}

// A push of which only the commands were kept. Each action has one effect, and the resources are listed beside.
Result<std::vector<Access>> accesses_of_commands(const Json& refs, const std::vector<std::string>& resources,
                                                 const Operation& operation) {
  std::vector<Access> out;
  const Protocol* protocol = find_protocol(operation.protocol);
  for (const Json& command : refs) {
    const std::string action = string_or(command, "action", "");
    const std::string ref = string_or(command, "ref", "");
    const ProtocolAction* known = protocol ? protocol->find(action) : nullptr;
    std::vector<std::string> effects = known ? known->effects.names() : std::vector<std::string>();
    if (effects.size() != 1 || ref.empty()) return not_recorded("the record does not say what is done to each ref");
    std::size_t before = out.size();
    for (const std::string& text : resources) {
      if (!text.ends_with("/" + ref)) continue;
      auto resource = read_resource(text);
      if (!resource) return fail(resource.error());
      if (!resource->id.starts_with(operation.upstream + "/")) continue;
      resource->name = resource->id.substr(operation.upstream.size() + 1);
      out.push_back({std::move(*resource), *effect_from_name(effects.front()), action, command.dump()});
    }
    if (out.size() == before)
      return not_recorded("the record does not name the resource of ref `" + bounded(ref) + "`");
  }
  return out;
}

// A push keeps what it does to each ref, with more or less of the parameters of that.
Status read_push(const Json& json, Question& out) {
  const Json* input = find_member(json, "input");
  const Json* refs = input != nullptr ? find_member(*input, "refs") : nullptr;
  if (out.operation.protocol != "git" || refs == nullptr || !refs->is_array() || refs->empty()) return {};
  if (find_member(refs->front(), "resource") == nullptr) {
    auto accesses = accesses_of_commands(*refs, texts(json, "resources"), out.operation);
    if (!accesses) return fail(accesses.error());
    out.operation.accesses = std::move(*accesses);
    out.input = InputKnown::partly;
    out.recorded->missing.emplace_back("what the commits and files of the push are (only how the refs move)");
    return {};
  }
  auto stored = accesses_from_json(*input, out.operation.upstream);
  if (!stored) return not_recorded("the parameters that were kept cannot be read: " + stored.error().message);
  out.operation.accesses = std::move(stored->accesses);
  if (stored->left_out.empty()) return {};
  out.input = InputKnown::partly;
  std::string names;
  for (const std::string& name : stored->left_out) names += (names.empty() ? "" : ", ") + name;
  out.recorded->missing.emplace_back("parameters that there was no room for: " + bounded(names));
  return {};
}

Status read_resources(const Json& json, Operation& operation) {
  std::vector<std::string> resources = texts(json, "resources");
  auto effect = effect_from_name(string_or(json, "effect", ""));
  if (resources.empty() || !effect) return not_recorded("the record names no resource and effect");
  if (find_member(json, "truncated") != nullptr) return not_recorded("the record was too long and has been shortened");
  if (resources.size() > 1) {
    return not_recorded("the record names " + std::to_string(resources.size()) +
                        " resources and only the greatest effect of all; which effect each one had is not recorded");
  }
  auto resource = read_resource(resources.front());
  if (!resource) return fail(resource.error());
  if (resource->id.starts_with(operation.upstream + "/"))
    resource->name = resource->id.substr(operation.upstream.size() + 1);
  operation.accesses.push_back({std::move(*resource), *effect});
  return {};
}

bool is_held_request(const Json& json) {
  return find_member(json, "state") != nullptr && find_member(json, "fingerprint") != nullptr;
}

Status from_held_request(const Json& json, Question& out) {
  out.recorded->what = "request " + bounded(string_or(json, "id", "?"), 80);
  out.recorded->decision = "hold";
  out.delegates = texts(json, "delegates");
  const Json* input = find_member(json, "input");
  if (input != nullptr && input->is_object()) out.operation.input = input->dump();
  if (input != nullptr && input->is_string()) return not_recorded("the parameters that were kept are not an object");
  if (const Json* approvals = find_member(json, "approvals"); approvals != nullptr && approvals->is_array()) {
    for (const Json& approval : *approvals) {
      const Json* satisfied = find_member(approval, "satisfied");
      if (satisfied != nullptr && satisfied->is_boolean() && satisfied->get<bool>())
        add_approval(json, string_or(approval, "rule", ""), out.approvals);
    }
  }
  out.recorded->missing.emplace_back("the token's scope and id");
  return {};
}

Status from_audit_record(const Json& json, Question& out) {
  out.recorded->what = "record " + std::to_string(integer_or(json, "seq", -1)) + " of the audit log";
  out.recorded->decision = string_or(json, "decision", "");
  std::string phase = string_or(json, "phase", "");
  if (phase != "intent")
    return not_recorded("a record of phase `" + bounded(phase, 40) +
                        "` holds no decision: name the record of phase `intent`");
  if (std::string request = string_or(json, "request", ""); !request.empty()) {
    return not_recorded("the record belongs to held request " + bounded(request, 80) +
                        ", which knows the parameters and the approvals: ask with --held " + bounded(request, 80));
  }
  out.input = InputKnown::no;
  out.recorded->missing.emplace_back("the parameters (the log holds their digest)");
  out.recorded->missing.emplace_back("the token's scope");
  std::vector<std::string> chain = texts(json, "chain");
  if (!chain.empty()) out.token = chain.back();
  if (chain.size() > 1) {
    out.recorded->delegates_known = false;
    out.recorded->missing.emplace_back("the names of the sub-agents the token went through");
  }
  return {};
}

}  // namespace

bool is_recorded(const Json& json) {
  return is_held_request(json) || (find_member(json, "phase") != nullptr && find_member(json, "seq") != nullptr);
}

Result<Question> read_recorded(const Json& json) {
  Question out;
  out.recorded.emplace();
  out.scope = Scope({ScopeBlock{{ScopeRule{}}, std::nullopt, std::nullopt}});
  bool held = is_held_request(json);
  out.agent = string_or(json, "agent", "");
  out.owner = string_or(json, "owner", "");
  out.recorded->code = string_or(json, "code", "");
  out.recorded->policy_digest = string_or(json, "policy_digest", "");
  out.recorded->environment = string_or(json, "environment", "");
  out.operation.protocol = string_or(json, "protocol", "");
  out.operation.upstream = string_or(json, "upstream", "");
  out.operation.action = string_or(json, "action", "");
  auto at = parse_time(string_or(json, held ? "created" : "ts", ""));
  if (out.agent.empty() || out.operation.action.empty() || !at)
    return not_recorded("the record does not say who asked for what, and when");
  out.now = *at;
  if (auto read = held ? from_held_request(json, out) : from_audit_record(json, out); !read) return fail(read.error());
  if (auto read = read_push(json, out); !read) return fail(read.error());
  out.recorded->missing.emplace_back(
      "what was done before with the token (`context.session`), which is taken for nothing");
  if (!out.operation.accesses.empty()) return out;
  if (auto read = read_resources(json, out.operation); !read) return fail(read.error());
  return out;
}

void recall_labels(Question& question, const Snapshot& snapshot) {
  if (!question.recorded || question.operation.protocol != "aws") return;
  const std::string& then = question.recorded->environment;
  if (then.empty() || then.find(',') != std::string::npos) return;
  bool recalled = false;
  for (Access& access : question.operation.accesses) {
    if (snapshot.inventory().classify(question.operation.upstream, access).environment == then) continue;
    access.tags.emplace().environment = then;
    recalled = true;
  }
  if (recalled) question.recorded->missing.emplace_back("the tier and owner that its tags said");
}

Status check_answerable(const Question& question, const Snapshot& snapshot) {
  if (!question.recorded || question.recorded->delegates_known) return {};
  for (const cedar::Policy& policy : snapshot.policies().all()) {
    for (const cedar::ast::Expr& expr : policy.syntax().exprs) {
      bool reads = expr.text == "delegates" || expr.text == "delegated" || expr.text == "caller" ||
                   std::ranges::find(expr.path, "delegates") != expr.path.end() ||
                   std::ranges::find(expr.path, "delegated") != expr.path.end();
      if (reads) {
        return not_recorded("policy `" + policy.id() +
                            "` asks which sub-agents the token went through, and the record does not name them");
      }
    }
  }
  return {};
}

}  // namespace countersign::policies
