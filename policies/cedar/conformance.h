// Whether a request and its entities fit a schema. Behaviour of record: cedar-policy 4.12 request validation and
// schema-based parsing of entities. Pure functions, any thread.
#pragma once

#include <string_view>
#include <vector>

#include "core/result.h"
#include "policies/cedar/entity.h"
#include "policies/cedar/evaluator.h"
#include "policies/cedar/json.h"
#include "policies/cedar/schema/schema.h"

namespace cedar {

// Errors: cedar.request.invalid with one sentence: the action is not declared, does not apply to the principal's or
// resource's type, an id of an enumerated type is not one of its ids, the context does not fit. A value that is unknown
// fits when its type, as far as it is known, does.
Status validate_request(const Schema& schema, const Request& request);

// Errors: cedar.entity.invalid: a type that is not declared, a missing, superfluous or ill-typed attribute or tag, a
// parent of a type it may not have, an id outside an enumeration, an action that differs from the schema's. An action's
// parents may be all of its groups or only those it is directly in.
Status validate_entity(const Schema& schema, const Entity& entity);

// Whether `value` is of `type`, which comes from `schema`. Errors: cedar.value.invalid; `where` names the place in the
// message.
Status validate_value(const Schema& schema, const Value& value, const Type& type, std::string_view where);

// Entities and contexts in JSON, read with the schema, which decides between the forms of JSON: "10.0.0.1" and
// {"fn": "ip", "arg": "10.0.0.1"} are addresses and {"type", "id"} is an entity where the type says so. Entities are
// validated; an action among them needs all its groups, in its own parents or through other actions given; the schema's
// action entities are added. Errors: those of json.h and of the validation above.
Result<std::vector<Entity>> parse_entities_json(std::string_view text, const Schema& schema,
                                                const JsonLimits& limits = {});

// The context of a request for `action`. Errors: cedar.request.invalid when the action is not declared or the context
// does not fit, those of json.h.
Result<Value> parse_context_json(std::string_view text, const Schema& schema, const EntityUid& action,
                                 const JsonLimits& limits = {});
// The same without the last check: attributes are those of the schema, but a value may be of another type than it says.
// For requests that are not to be validated, and those that will be.
Result<Value> read_context_json(std::string_view text, const Schema& schema, const EntityUid& action,
                                const JsonLimits& limits = {});

}  // namespace cedar
