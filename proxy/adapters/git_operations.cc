#include "proxy/adapters/git_operations.h"

#include <algorithm>

#include "proxy/adapters/git_facts.h"
#include "scopes/accesses.h"

namespace countersign::adapters {
namespace {

// Adds `access` under the repository's name as spelt, and once more in lower case where that differs.
void add(Operation& operation, const std::string& repository, const std::string& rest, Access access) {
  const std::string lower = lower_ascii(repository);
  for (const std::string* name : {&repository, &lower}) {
    if (name == &lower && lower == repository) break;
    access.resource.name = *name + rest;
    access.resource.id = operation.upstream + "/" + access.resource.name;
    operation.accesses.push_back(access);
  }
}

std::string_view verb_of(std::string_view action) {
  if (action == "git:create_ref" || action == "git:create_tag") return "create";
  if (action == "git:update_ref") return "update";
  if (action == "git:force_update_ref") return "rewrite";
  if (action == "git:move_tag") return "move";
  return "delete";
}

}  // namespace

RefAction action_of(const git::RefCommand& command, git::Ancestry ancestry) {
  const bool tag = command.ref.starts_with("refs/tags/");
  switch (command.kind()) {
    case git::CommandKind::create:
      return {tag ? "git:create_tag" : "git:create_ref", Effect::write};
    case git::CommandKind::remove:
      return {tag ? "git:delete_tag" : "git:delete_ref", Effect::destroy};
    case git::CommandKind::update:
      break;
  }
  // A tag that moves is never what those who fetched it think it is, whatever the history says.
  if (tag) return {"git:move_tag", Effect::destroy};
  if (ancestry == git::Ancestry::fast_forward) return {"git:update_ref", Effect::write};
  return {"git:force_update_ref", Effect::destroy};
}

Operation fetch_operation(const config::Upstream& upstream, const GitRoute& route) {
  Operation operation;
  operation.protocol = "git";
  operation.upstream = upstream.name;
  operation.action = "git:fetch";
  operation.summary = "fetch from " + route.repository + " on " + upstream.name;
  add(operation, route.repository, "", {{"Repository", "", ""}, Effect::read});
  return operation;
}

Operation push_operation(const config::Upstream& upstream, const GitRoute& route, const git::PushRequest& push,
                         const PushFindings* findings) {
  constexpr std::size_t kNamed = 3;
  Operation operation;
  operation.protocol = "git";
  operation.upstream = upstream.name;
  std::vector<RefAction> actions;
  for (std::size_t i = 0; i < push.commands.size(); ++i)
    actions.push_back(action_of(push.commands[i], ancestry_of(findings, i)));
  const bool all_alike = std::ranges::all_of(actions, [&](RefAction each) { return each.name == actions[0].name; });
  operation.action = all_alike ? actions[0].name : "git:push";
  for (std::size_t i = 0; i < push.commands.size(); ++i) {
    const git::RefCommand& command = push.commands[i];
    const RefAction action = actions[i];
    Access access{{"Ref", "", ""}, action.effect};
    access.action = action.name;
    access.input = ref_input(push, i, findings);
    add(operation, route.repository, "/" + command.ref, access);
    if (i < kNamed)
      operation.summary += (i > 0 ? ", " : "") + std::string(verb_of(action.name)) + " " + short_name(command.ref);
  }
  if (auto input = accesses_json(operation)) operation.input = std::move(*input);  // what we wrote ourselves reads
  if (push.commands.size() > kNamed)
    operation.summary += " and " + std::to_string(push.commands.size() - kNamed) + " more refs";
  operation.summary += " of " + route.repository + " on " + upstream.name;
  return operation;
}

std::string short_name(std::string_view ref) {
  constexpr std::string_view kHeads = "refs/heads/";
  constexpr std::string_view kTags = "refs/tags/";
  if (ref.starts_with(kHeads)) return std::string(ref.substr(kHeads.size()));
  if (ref.starts_with(kTags)) return "tag " + std::string(ref.substr(kTags.size()));
  return std::string(ref);
}

}  // namespace countersign::adapters
