// Snapshot: everything a decision rests on, loaded together, replaced together.
//
// A folder holds
//   *.cedar          policies
//   floor/*.cedar    policies that no approval can release
//   entities.yaml    people, teams, agents (policies/directory.h) and the inventory (policies/inventory.h); optional
//   links.yaml       what fills the slots of templates (policies/links.h); optional
//   inputs.cedarschema  what policies read of requests (policies/declarations.h); optional
// Policies are validated strictly against the schema generated from all of it (policies/schema.h), and linted.
// Loading is all or nothing: a set with one error is no set, and whoever holds an older Snapshot keeps it.
// Immutable; share it by shared_ptr, decide on it from any number of threads.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/problem.h"
#include "policies/cedar/entity.h"
#include "policies/cedar/policy_set.h"
#include "policies/directory.h"
#include "policies/inventory.h"
#include "policies/mentions.h"
#include "policies/schema.h"

namespace countersign::policies {

// One policy, and what the decision rule needs to know about it.
struct PolicyFacts {
  std::string id;        // @id, else "file.cedar:3" for the third policy of that file
  std::string approval;  // value of @approval; empty when it has none
  std::string reason;    // value of @reason: a sentence for the agent
  bool floor = false;
  bool reveals = false;  // a permit with @secrets("reveal")
  Mentions mentions;
  // @shadow: it is evaluated and does not count. Only a forbid may say so, outside of the floor: other Cedar tools know
  // nothing of the word, and where they read one policy more they must be stricter for it, never looser.
  bool shadow = false;
};

// A use of an approval rule in the policies: whoever knows approvals.yaml reports those it does not define.
struct ApprovalUse {
  std::string rule;
  std::string file;
  int line = 0;
  int column = 0;
};

struct SnapshotSource;  // what was read from the folder

class Snapshot {
 public:
  // Problems with files, syntax, annotations, entities and types go to `problems`, all of them at once, with line and
  // column; nullptr when any is an error. Files are read up to 4 MiB each, 1,000 files. Without upstreams, what only
  // they could tell is taken as policies write it (collect_schema).
  [[nodiscard]] static std::shared_ptr<const Snapshot> load(const std::filesystem::path& folder,
                                                            const std::vector<config::Upstream>& upstreams,
                                                            Problems& problems);
  // The same from files that were read before: a draft, or a folder that something else is read from too.
  [[nodiscard]] static std::shared_ptr<const Snapshot> load(const SnapshotSource& source,
                                                            const std::vector<config::Upstream>& upstreams,
                                                            Problems& problems);

  // The schema of what policies of the folder would see, without looking at them. nullptr when entities.yaml,
  // inputs.cedarschema or the upstreams have an error.
  [[nodiscard]] static std::shared_ptr<const PolicySchema> load_schema(const std::filesystem::path& folder,
                                                                       const std::vector<config::Upstream>& upstreams,
                                                                       Problems& problems);
  [[nodiscard]] static std::shared_ptr<const PolicySchema> load_schema(const SnapshotSource& source,
                                                                       const std::vector<config::Upstream>& upstreams,
                                                                       Problems& problems);

  // Hex SHA-256 over the names and bytes of all files of the set, approvals.yaml and roles/ among them and only tests/
  // not, and over the labels of all upstreams: what stands in every record of a decision.
  [[nodiscard]] const std::string& digest() const { return digest_; }
  [[nodiscard]] const Directory& directory() const { return directory_; }
  [[nodiscard]] const Inventory& inventory() const { return inventory_; }
  [[nodiscard]] const cedar::PolicySet& policies() const { return policies_; }
  [[nodiscard]] const cedar::Entities& entities() const { return entities_; }
  [[nodiscard]] const PolicyFacts& facts(cedar::PolicyRef policy) const { return facts_[cedar::position(policy)]; }
  // The policies with @shadow, which policies() does not hold.
  [[nodiscard]] const cedar::PolicySet& shadow() const { return shadow_; }
  [[nodiscard]] const PolicyFacts& shadow_facts(cedar::PolicyRef policy) const {
    return shadow_facts_[cedar::position(policy)];
  }
  // Sorted by rule, file, line.
  [[nodiscard]] const PolicySchema& schema() const { return *schema_; }
  [[nodiscard]] const std::vector<ApprovalUse>& approval_uses() const { return approval_uses_; }
  // Configured upstreams, by name.
  [[nodiscard]] const std::vector<std::string>& upstreams() const { return upstreams_; }

  [[nodiscard]] bool mentions_approval() const { return mentions_.approval; }
  // What policies that may apply to this action read of the request. `group`: the schema's for it, or null.
  [[nodiscard]] Mentions mentioned_for(const cedar::EntityUid& action, const cedar::EntityUid* group,
                                       std::string_view protocol, Effect effect) const;

 private:
  friend struct SnapshotBuilder;
  Snapshot() = default;

  std::string digest_;
  Directory directory_;
  Inventory inventory_;
  cedar::PolicySet policies_;
  cedar::Entities entities_;
  std::shared_ptr<const PolicySchema> schema_;
  std::vector<PolicyFacts> facts_;
  cedar::PolicySet shadow_;
  std::vector<PolicyFacts> shadow_facts_;
  std::vector<ApprovalUse> approval_uses_;
  std::vector<std::string> upstreams_;
  Mentions mentions_;  // of all policies
};

// The type names of Cedar entities that stand for something of the gateway's own; a resource never has one of them.
[[nodiscard]] bool is_reserved_type(std::string_view type);

// Entity uids used by every decision, made once.
struct Vocabulary {
  cedar::Text agent{"Agent"}, user{"User"}, team{"Team"}, upstream{"Upstream"}, action{"Action"}, approval{"Approval"};
  cedar::EntityUid change{action, "change"};
  cedar::EntityUid approval_uid{approval, "request"};
  std::array<cedar::EntityUid, kEffectCount> effects;  // Action::"read", Action::"write", …
  std::array<cedar::Value, kEffectCount> effect_names;
  Vocabulary();
};
[[nodiscard]] const Vocabulary& vocabulary();

}  // namespace countersign::policies
