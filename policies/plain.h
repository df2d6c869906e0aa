// Plain Cedar questions in JSON, as other Cedar tools write them: entities are a list of {uid, attrs, parents, tags},
// principal, action and resource are `User::"alice"`, the context is a record. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "policies/cedar/entity.h"
#include "policies/cedar/evaluator.h"
#include "policies/cedar/policy_set.h"
#include "policies/cedar/schema/schema.h"

namespace countersign::policies {

// Texts as read; an empty `entities` or `context` means none.
struct PlainTexts {
  std::string principal;
  std::string action;
  std::string resource;
  std::string context;
  std::string entities;
};

struct PlainQuestion {
  cedar::Request request;
  cedar::Entities entities;
};

// With a schema, entities and context are read by it and the request must fit it. Errors: question.invalid, and those
// of cedar/json.h and cedar/conformance.h.
[[nodiscard]] Result<PlainQuestion> read_plain(const PlainTexts& texts, const cedar::Schema* schema);

// The policies of named Cedar texts, or their first errors as a compiler prints them: policies.invalid.
[[nodiscard]] Result<cedar::PolicySet> parse_plain_policies(std::vector<cedar::PolicySet::NamedText> texts);
[[nodiscard]] Result<cedar::Schema> parse_plain_schema(std::string name, std::string text);

}  // namespace countersign::policies
