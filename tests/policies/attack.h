// What a stock Cedar engine, which knows nothing of types and lints, makes of a policy when an agent sends something
// hostile: the attack that a lint or validation prevents.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "policies/cedar/authorizer.h"
#include "policies/cedar/json.h"

namespace countersign::policies {

struct Attack {
  std::string arguments = "{}";        // of the tool
  std::vector<std::string> approvals;  // rules that senior alice has approved
  std::string effect = "write";
};

// allow: the attack succeeds. Everything is as in a request to the gateway, but context.input is the JSON as it came.
inline cedar::Decision plain_cedar(std::string_view text, const Attack& attack) {
  auto policies = cedar::PolicySet::parse(text);
  EXPECT_TRUE(policies) << text;
  if (!policies) return cedar::Decision::deny;
  using cedar::Value;
  auto input = cedar::parse_context_json("{\"tool\":\"run\",\"arguments\":" + attack.arguments + "}");
  EXPECT_TRUE(input) << attack.arguments;

  cedar::Entity team{cedar::EntityUid("Team", "contractors"), {}};
  cedar::Entity owner{cedar::EntityUid("User", "mallory"), {team.uid}};
  cedar::Entity agent{cedar::EntityUid("Agent", "builder"), {owner.uid}};
  agent.attributes = cedar::RecordBuilder().set("owner", Value::entity(owner.uid)).build();
  cedar::Entity upstream{cedar::EntityUid("Upstream", "files"), {}};
  cedar::Entity file{cedar::EntityUid("File", "files/a"), {upstream.uid}};
  file.attributes = cedar::RecordBuilder()
                        .set("environment", Value::string("production"))
                        .set("tier", Value::integer(1))
                        .set("labels", Value::record({}))
                        .build();
  cedar::Entity action{cedar::EntityUid("Action", "mcp:call_tool"), {}};
  action.parents = {cedar::EntityUid("Action", attack.effect), cedar::EntityUid("Action", "change"),
                    cedar::EntityUid("Action", "mcp")};
  cedar::RecordBuilder tags;
  for (const std::string& rule : attack.approvals)
    tags.set(rule, cedar::RecordBuilder()
                       .set("by", Value::entity(cedar::EntityUid("User", "alice")))
                       .set("rank", Value::integer(3))
                       .build());
  cedar::Entity approval{cedar::EntityUid("Approval", "request"), {}, Value::record({}), tags.build()};
  cedar::Entities none;
  cedar::EntityOverlay entities(none);
  for (const cedar::Entity& entity : {team, owner, agent, upstream, file, action, approval}) {
    auto added = entities.add(entity);
    EXPECT_TRUE(added);
  }
  cedar::Request request(agent.uid, action.uid, file.uid,
                         cedar::RecordBuilder()
                             .set("input", input ? *input : Value::record({}))
                             .set("approval", Value::entity(approval.uid))
                             .set("effect", Value::string(attack.effect))
                             .build());
  return cedar::respond(*policies, cedar::authorize(*policies, request, entities)).decision;
}

}  // namespace countersign::policies
