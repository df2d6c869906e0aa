// Internal: JSON → values and entities, plainly or led by a type of a schema.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "core/json.h"
#include "policies/cedar/entity.h"
#include "policies/cedar/json.h"
#include "policies/cedar/schema/schema.h"
#include "policies/cedar/schema/type.h"
#include "policies/cedar/value.h"

namespace cedar::detail {

using countersign::Json;

// Within the limits, or an error of json.*.
Result<Json> parse_cedar_json(std::string_view text, const JsonLimits& limits);

// Whether a type is one of actions: `Action` or `….::Action`.
bool is_action_type_name(std::string_view type);

// Of two entities of one text with the same uid and the same contents the first stays.
void drop_equal_duplicates(std::vector<Entity>& entities);

// Reads what has come through parse_cedar_json, which bounds the depth of the recursion.
class JsonReader {
 public:
  explicit JsonReader(std::string root) : path_(std::move(root)) {}

  Result<Value> value(const Json& json);
  // What the type says decides between the forms of JSON; the value need not be of that type in the end.
  Result<Value> value(const Json& json, const Type& type);
  Result<Value> record(const Json& json);                    // an object without escapes
  Result<Value> record(const Json& json, const Type& type);  // the same, attributes led by a record type
  Result<EntityUid> uid(const Json& json);                   // {"type", "id"}, alone or in {"__entity"}
  // With a schema: attributes and tags led by what is declared; the entity is not validated.
  Result<Entity> entity(const Json& json, const Schema* schema);

 private:
  // Lengthens the path while in scope.
  class Step {
   public:
    Step(JsonReader& reader, const std::string& step) : reader_(reader), before_(reader.path_.size()) {
      reader.path_ += step;
    }
    ~Step() { reader_.path_.resize(before_); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    JsonReader& reader_;
    std::size_t before_;
  };

  template <class Read>
  std::invoke_result_t<Read> at(const std::string& step, Read read) {
    Step here(*this, step);
    return read();
  }

  Result<Value> set(const Json& json, const Type* element);
  Result<Value> extension(const Json& body, const Type* expected);
  Result<Value> tags(const Json& json, const EntityTypeInfo& declared);
  std::unexpected<Error> refuse(const std::string& message) const;

  std::string path_;
};

}  // namespace cedar::detail
