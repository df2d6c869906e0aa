#include "scopes/protocols.h"

#include <algorithm>

#include "scopes/catalogue/aws_actions.h"

namespace countersign {
namespace {

constexpr EffectSet every_effect() {
  EffectSet all = EffectSet::change();
  all.add(Effect::read);
  return all;
}

// What a tool call or an HTTP request does is the operator's to say, so any effect is possible.
Protocol mcp() {
  constexpr EffectSet kRead{Effect::read};
  return {"mcp",
          ActionNames::listed,
          {{"mcp:call_tool", every_effect(), "{ tool: String, arguments: Arguments }", {"Tool", "McpResource"}},
           {"mcp:read_resource", kRead, "{ uri: String }", {"McpResource"}},
           {"mcp:list_resources", kRead, "{}", {"McpResource"}},
           {"mcp:list_resource_templates", kRead, "{}", {"McpResource"}},
           {"mcp:list_prompts", kRead, "{}", {"McpPrompt"}},
           {"mcp:get_prompt", kRead, "{ prompt: String }", {"McpPrompt"}},
           {"mcp:complete", kRead, "{ prompt?: String }", {"McpPrompt", "McpResource"}}}};
}

Protocol http() {
  Protocol out{"http", ActionNames::open, {}};
  for (std::string_view action : {"http:GET", "http:HEAD", "http:OPTIONS", "http:POST", "http:PUT", "http:PATCH",
                                  "http:DELETE", "http:COPY", "http:LOCK", "http:MKCOL", "http:MOVE", "http:PROPFIND",
                                  "http:PROPPATCH", "http:REPORT", "http:SEARCH", "http:UNLOCK"})
    out.actions.push_back({action, every_effect(), "{ method: String, path: String, query: Query }", {"HttpEndpoint"}});
  return out;
}

// Of what a push does to one ref: whose history it is, and what comes with it. Facts that could not be found out are
// left out of the parameters, and so unknown to policies.
constexpr std::string_view kRefInput =
    "{ ref: String, old: String, new: String, ancestry: String, forced: Bool, default_branch: Bool, atomic: Bool, "
    "refs: Long, options: Set<String>, commits: Long, authors: Set<String>, unsigned_commits: Long, assisted: Bool, "
    "assistants: Set<String>, files: Long, additions: Long, deletions: Long, largest_file: Long, binary_files: Long, "
    "symlinks: Long, submodules: Long, paths: Set<String>, directories: Set<String>, ci_files: Long, secrets: Long, "
    "unscanned: Long }";

// A ref whose old value stays reachable is written, one whose old value may be lost is destroyed.
Protocol git() {
  constexpr EffectSet kRead{Effect::read};
  constexpr EffectSet kWrite{Effect::write};
  constexpr EffectSet kDestroy{Effect::destroy};
  constexpr std::string_view kPush = "git:push";
  constexpr Parameters kMeasured = Parameters::measured;
  constexpr std::string_view kLfsInput = "{ objects: Long, bytes: Long, ref: String }";
  return {"git",
          ActionNames::listed,
          {{"git:fetch", kRead, "{}", {"Repository"}},
           {"git:create_ref", kWrite, kRefInput, {"Ref"}, kPush, kMeasured},
           {"git:create_tag", kWrite, kRefInput, {"Ref"}, kPush, kMeasured},
           {"git:update_ref", kWrite, kRefInput, {"Ref"}, kPush, kMeasured},
           {"git:force_update_ref", kDestroy, kRefInput, {"Ref"}, kPush, kMeasured},
           {"git:move_tag", kDestroy, kRefInput, {"Ref"}, kPush, kMeasured},
           {"git:delete_ref", kDestroy, kRefInput, {"Ref"}, kPush, kMeasured},
           {"git:delete_tag", kDestroy, kRefInput, {"Ref"}, kPush, kMeasured},
           // Where the request names no ref, the repository.
           {"git:lfs_upload", kWrite, kLfsInput, {"Ref", "Repository"}},
           {"git:lfs_lock", kWrite, kLfsInput, {"Ref", "Repository"}},
           {"git:lfs_unlock", kWrite, kLfsInput, {"Ref", "Repository"}},
           {"git:lfs_force_unlock", kDestroy, kLfsInput, {"Ref", "Repository"}}}};
}

// A change may turn out to be worse by any of its parameters.
constexpr EffectSet at_least(Effect effect) {
  EffectSet out;
  for (std::size_t i = static_cast<std::size_t>(effect); i < kEffectCount; ++i) out.add(static_cast<Effect>(i));
  return out;
}

// One operation for each effect stands here; the catalogue has the others, and says the same of these.
Protocol aws() {
  const std::vector<std::string_view> kTypes = {"AwsResource"};
  return {"aws",
          ActionNames::catalogue,
          {{"aws:s3:ListObjectsV2", {Effect::read}, kAwsInput, kTypes, "aws:s3"},
           {"aws:s3:CreateBucket", at_least(Effect::write), kAwsInput, kTypes, "aws:s3"},
           {"aws:states:StartExecution", at_least(Effect::execute), kAwsInput, kTypes, "aws:states"},
           {"aws:secretsmanager:GetSecretValue", at_least(Effect::mint), kAwsInput, kTypes, "aws:secretsmanager"},
           {"aws:iam:AttachRolePolicy", at_least(Effect::administer), kAwsInput, kTypes, "aws:iam"},
           {"aws:s3:DeleteBucket", at_least(Effect::destroy), kAwsInput, kTypes, "aws:s3"}}};
}

// What a write does to a state comes from the two states, and whose lock it is from what the gateway saw. A fact that
// could not be found out is left out, as of a push. What a LOCK says is the client's word.
constexpr std::string_view kStateInput =
    "{ flags: Set<String>, own_lock: Bool, operation: String, serial: Long, previous_serial: Long, resources: Long, "
    "lost: Long, lost_resources: Set<String>, lost_types: Set<String> }";
constexpr std::string_view kDeletedInput =
    "{ flags: Set<String>, previous_serial: Long, resources: Long, lost: Long, lost_resources: Set<String>, "
    "lost_types: Set<String> }";

Protocol terraform() {
  constexpr EffectSet kRead{Effect::read};
  constexpr EffectSet kWrite{Effect::write};
  constexpr EffectSet kDestroy{Effect::destroy};
  constexpr Parameters kMeasured = Parameters::measured;
  EffectSet either = kWrite;
  either.add(Effect::destroy);
  const std::vector<std::string_view> kTypes = {"TerraformState"};
  return {"terraform",
          ActionNames::listed,
          {{"terraform:read_state", kRead, "{}", kTypes},
           {"terraform:lock", kWrite, "{ operation: String, who: String, version: String, info: String }", kTypes},
           {"terraform:unlock", kWrite, "{ lock: String }", kTypes},
           {"terraform:force_unlock", {Effect::administer}, "{ lock: String }", kTypes},
           {"terraform:write_state", either, kStateInput, kTypes, {}, kMeasured},
           {"terraform:delete_state", kDestroy, kDeletedInput, kTypes, {}, kMeasured}}};
}

}  // namespace

const ProtocolAction* Protocol::find(std::string_view action) const {
  auto found = std::ranges::find(actions, action, &ProtocolAction::name);
  if (found != actions.end()) return &*found;
  if (names == ActionNames::catalogue) return find_aws_action(action);
  bool proper = action.size() > name.size() + 1 && action.starts_with(name) && action[name.size()] == ':';
  return names == ActionNames::open && proper ? &actions.front() : nullptr;
}

std::span<const Protocol> protocols() {
  static const std::vector<Protocol> all = {mcp(), http(), git(), aws(), terraform()};
  return all;
}

const Protocol* find_protocol(std::string_view name) {
  auto found = std::ranges::find(protocols(), name, &Protocol::name);
  return found == protocols().end() ? nullptr : &*found;
}

std::string_view group_of(std::string_view protocol, std::string_view action) {
  const Protocol* known = find_protocol(protocol);
  const ProtocolAction* found = known ? known->find(action) : nullptr;
  return found ? found->group : std::string_view();
}

}  // namespace countersign
