// Terraform states (format version 4) as far as a decision needs them: serial, lineage, and which instances of which
// resources they track. Values are never kept: a state holds secrets in clear. Pure functions, any thread.
//
// A state that Terraform could read as another one has no reading here: members twice, members under another
// spelling (Go takes `Serial` for `serial`, and the last of the two), instances twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "scopes/effect.h"

namespace countersign::adapters {

inline constexpr std::size_t kMaxStateBytes = 16U << 20;
inline constexpr std::size_t kMostLost = 200;  // resources that are named when they are lost

// One instance of a managed resource.
struct StateInstance {
  std::string resource;  // address without index: "module.net.aws_db_instance.orders"
  std::string key;       // and with it, and with its deposed key where it has one: unique in a state
  std::string type;      // "aws_db_instance"
  std::string id;        // attributes.id, or empty
};

struct TerraformState {
  std::int64_t serial = 0;
  std::string lineage;
  std::vector<StateInstance> instances;  // ascending by key
};

// Errors: terraform.bad_state, with why.
Result<TerraformState> read_terraform_state(std::string_view text);

// What writing a state does to the one that is there. `flags`, ascending:
//   created             there is no state yet
//   lineage_changed     the new one is the state of something else
//   opaque              one of the two cannot be read
//   resources_lost      instances are no longer tracked, under whatever address
//   resources_replaced  among them, addresses where another object stands now
//   serial_regression   the new one is not newer, and not the same either
struct StateChange {
  std::vector<std::string> flags;
  std::optional<std::int64_t> serial;           // of the new state; nullopt: not known
  std::optional<std::int64_t> previous_serial;  // 0 when there is none
  std::optional<std::int64_t> resources;        // instances in the new state
  std::int64_t lost = 0;                        // instances
  std::vector<std::string> lost_resources;      // their resources, each once, ascending; at most kMostLost
  std::vector<std::string> lost_types;          // likewise
  std::int64_t unnamed = 0;                     // resources and types that are not among these
  std::int64_t added = 0;                       // instances
  [[nodiscard]] bool has(std::string_view flag) const;
};

// A state as it was found: absent, readable, or not.
struct FoundState {
  enum class Kind : std::uint8_t { absent, readable, unreadable };
  Kind kind = Kind::unreadable;
  TerraformState state;  // when readable
  std::string sha256;    // hex, of its bytes; empty when absent
};

// An instance whose address is gone is not lost when an instance of the same type and id has come at another one
// (`terraform state mv`, `moved`).
[[nodiscard]] StateChange compare_states(const FoundState& present, const FoundState& next);
// Deleting `present`: all that it tracks is lost.
[[nodiscard]] StateChange compare_with_nothing(const FoundState& present);

// Whether those who may write under the lock that Terraform took for it wrote this: a lock of the same lineage of
// tokens, and not a plan's.
enum class StateLock : std::uint8_t { none, own };

// `destroy` for what no apply does (flags opaque, serial_regression, lineage_changed), and for lost resources without
// one's own lock; `write` for everything else.
[[nodiscard]] Effect effect_of(const StateChange& change, StateLock lock);

}  // namespace countersign::adapters
