#include "world.h"

#include <fstream>
#include <iterator>

#include "policies/cedar/json.h"

namespace cedar::test {

std::string read_file(const std::string& name) {
  std::ifstream in(std::string(COUNTERSIGN_SOURCE_DIR) + "/tests/cases/cedar/" + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

World::World()
    : entities(Entities::make(parse_entities_json(read_file("world_entities.json")).value()).value()),
      request(EntityUid("User", "alice"), EntityUid("Action", "read"), EntityUid("N::Doc", "d"),
              parse_context_json(read_file("world_context.json")).value()) {}

std::string name_of(ErrorCause cause) {
  switch (cause) {
    case ErrorCause::type:
      return "type";
    case ErrorCause::overflow:
      return "overflow";
    case ErrorCause::missing_entity:
      return "missing_entity";
    case ErrorCause::missing_attribute:
      return "missing_attribute";
    case ErrorCause::missing_tag:
      return "missing_tag";
    case ErrorCause::extension:
      return "extension";
    case ErrorCause::unknown:
      return "unknown";
  }
  return "?";
}

}  // namespace cedar::test
