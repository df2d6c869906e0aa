// What a policy folder declares of the things it reads and Countersign cannot know (docs/decisions/0007): the file
// inputs.cedarschema, up to five record types in Cedar's schema language, and helper types they use.
//
//   type Arguments = { path?: String, amount?: decimal };   // of MCP tools
//   type Query = { force?: String };                        // of HTTP requests
//   type Parameters = { SkipFinalSnapshot?: Bool };         // of requests to AWS, named as its models name them
//   type Labels = { pii?: String };                         // of resources: strings only
//   type AgentAttributes = { purpose?: String };            // String, Long or Bool
//
// Attributes are optional at every depth, since whoever sends a request leaves out what they like. Immutable, any
// thread.
#pragma once

#include <string>
#include <string_view>

#include "core/problem.h"
#include "policies/cedar/schema/type.h"

namespace countersign::policies {

inline constexpr std::string_view kDeclarationsFile = "inputs.cedarschema";

// Records; one that is not declared is empty.
struct Declarations {
  cedar::TypePtr arguments = cedar::Type::record({});
  cedar::TypePtr query = cedar::Type::record({});
  cedar::TypePtr parameters = cedar::Type::record({});
  cedar::TypePtr labels = cedar::Type::record({});
  cedar::TypePtr agent = cedar::Type::record({});
};

// `path` names the file in messages. Every problem is reported, with its place; what is wrong is left out.
[[nodiscard]] Declarations read_declarations(const std::string& path, std::string_view text, Problems& problems);

}  // namespace countersign::policies
