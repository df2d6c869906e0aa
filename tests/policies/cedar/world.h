// The entities, the context and the request that tests/cases/cedar/evaluate.txt speaks of.
#pragma once

#include <string>

#include "policies/cedar/entity.h"
#include "policies/cedar/evaluator.h"

namespace cedar::test {

std::string read_file(const std::string& name);  // of tests/cases/cedar

struct World {
  World();
  Entities entities;
  Request request;
};

std::string name_of(ErrorCause cause);

}  // namespace cedar::test
