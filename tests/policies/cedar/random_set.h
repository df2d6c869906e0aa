// Random policy sets, entities and requests over a small vocabulary, so that heads match often and clauses err now and
// then.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "policies/cedar/entity.h"
#include "policies/cedar/evaluator.h"

namespace cedar::test {

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::string policies(std::size_t count);
  // The same, many of them beginning with one of few questions about attributes, which are missing, of another type or
  // unknown now and then.
  std::string conditional_policies(std::size_t count);
  // With slots; what fills them.
  std::string template_policy();
  EntityUid slot_value(const std::string& type) { return EntityUid(type, std::to_string(below(5))); }
  std::vector<Entity> entities();
  Request request();

 private:
  std::size_t below(std::size_t bound) { return random_() % bound; }
  template <class T>
  const T& one_of(const std::vector<T>& all) {
    return all[below(all.size())];
  }
  std::string uid(const std::string& type);
  std::string scope(const std::string& variable, const std::string& type);
  std::string action_scope();
  std::string question();
  Value attribute();
  std::string boolean(int depth);
  std::string integer(int depth);

  std::mt19937_64 random_;
};

}  // namespace cedar::test
