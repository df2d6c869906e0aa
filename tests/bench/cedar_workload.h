// What the Cedar benchmarks ask: policies, entities and requests, made from a fixed seed. docs/performance.md says what
// each stands for.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "policies/cedar/entity.h"
#include "policies/cedar/evaluator.h"

namespace cedar::bench {

struct TemplateLink {
  std::size_t policy_template;  // in Workload::templates
  EntityUid principal;
  EntityUid resource;
};

struct Workload {
  std::string name;      // "cedar.roles_1000"
  std::string policies;  // without templates
  std::vector<std::string> templates;
  std::vector<TemplateLink> links;
  std::vector<Entity> entities;
  std::vector<Request> requests;  // varied in principal, action, resource and context
  // Whether principal, action and resource are brought along by each request, as in the gateway, or lie in the base.
  enum class Bring : std::uint8_t { nothing, own_entities } bring = Bring::nothing;
};

// Uniform numbers that are the same everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : engine_() % bound; }
  bool chance(double probability) { return static_cast<double>(engine_() >> 11) * 0x1p-53 < probability; }

 private:
  std::mt19937_64 engine_;
};

constexpr std::size_t kRequests = 512;    // that are asked
constexpr std::size_t kProposed = 16384;  // of which they are chosen: half of them allowed, where so many are

// The five shapes of policy sets, with about `size` policies each.
Workload roles(std::size_t size);
Workload attributes(std::size_t size);
Workload grants(std::size_t size);
Workload guards(std::size_t size);
Workload mix(std::size_t size);

// The applications of the OOPSLA 2024 benchmarks, with `size` entities of each type.
enum class Encoding : std::uint8_t { plain, templates };
Workload gdrive(std::size_t size, Encoding encoding);
Workload github(std::size_t size, Encoding encoding);
Workload tinytodo(std::size_t size);

}  // namespace cedar::bench
