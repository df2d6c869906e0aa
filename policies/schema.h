// The Cedar schema of what policies see, generated from what Countersign knows (docs/decisions/0007): the catalogue of
// scopes/protocols.h, the configured upstreams, the agents and labels of entities.yaml, and the folder's declarations.
//
// Immutable once made, any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/config.h"
#include "core/problem.h"
#include "policies/cedar/policy_set.h"
#include "policies/cedar/schema/schema.h"
#include "policies/declarations.h"
#include "policies/directory.h"
#include "policies/inventory.h"
#include "scopes/effect.h"
#include "scopes/protocols.h"

namespace countersign::policies {

// What goes into the schema besides the catalogue of protocols.
struct SchemaParts {
  // Whether a configuration said what the upstreams are. If not, anything may be a resource type.
  enum class Upstreams : std::uint8_t { configured, assumed } upstreams = Upstreams::configured;
  Declarations declared;
  std::map<std::string, cedar::TypePtr> agent;                  // attributes of agents: declared, and of entities.yaml
  std::set<std::string> labels;                                 // declared, of entities.yaml, and of the upstreams
  std::map<std::string, std::set<std::string>> resource_types;  // by protocol: those its upstreams' tools name
  // By protocol: those its upstreams name, and those of a catalogue that policies name, or that stand for a group they
  // do.
  std::map<std::string, std::set<std::string>> actions;
};

// Attributes that agents of entities.yaml give two types, or another than declared, and OpenAPI documents that cannot
// be read are reported. `policies`: with no upstream configured (a folder is checked by itself), the resource types and
// labels that policies name are taken as they are written, each with a warning. `entities_file` is for messages.
[[nodiscard]] SchemaParts collect_schema(const std::string& entities_file, const Declarations& declared,
                                         const Directory& directory, const Inventory& inventory,
                                         const std::vector<config::Upstream>& upstreams,
                                         const cedar::PolicySet& policies, Problems& problems);

// Adds the actions of catalogues (scopes/catalogue/) that further policies name: the catalogues are too long to be
// declared whole. Of a group that they name, one action for each set of effects. A name that is in neither stays
// undeclared, and validation finds it. collect_schema does so for its own.
void collect_named_actions(const cedar::PolicySet& policies, SchemaParts& out);

// Which part of it is written out.
struct SchemaFocus {
  // With one, each action is in exactly the groups that a request of this effect has, and one that never has it applies
  // to nothing. Otherwise it is in the groups of every effect it can have.
  std::optional<Effect> effect;
  // With a set, a protocol with open action names has these and its first: the others have the same types.
  const std::set<std::string, std::less<>>* actions = nullptr;
};

// The schema as Cedar text.
[[nodiscard]] std::string schema_text(const SchemaParts& parts, const SchemaFocus& focus = {});

// What a decision needs of it.
class PolicySchema {
 public:
  // What an operation may be.
  struct Action {
    cedar::TypePtr input;  // record type of the parameters
    EffectSet effects;
    std::optional<cedar::EntityUid> group;  // ProtocolAction::group
  };

  // Problems: schema.generated, when names of the configuration make no schema.
  [[nodiscard]] static std::shared_ptr<const PolicySchema> make(SchemaParts parts, Problems& problems);

  // nullptr when the protocol's adapter never names such an action: a group is none.
  [[nodiscard]] const Action* find(std::string_view protocol, const cedar::EntityUid& action) const;
  [[nodiscard]] bool is_resource_type(std::string_view type) const;

  [[nodiscard]] const std::string& text() const { return text_; }        // schema_text without an effect
  [[nodiscard]] const cedar::Schema& schema() const { return schema_; }  // the same, parsed
  [[nodiscard]] const SchemaParts& parts() const { return parts_; }

 private:
  explicit PolicySchema(cedar::Schema schema) : schema_(std::move(schema)) {}
  const Action* find_in_catalogue(const Protocol& protocol, std::string_view action, const Action& like) const;

  std::string text_;
  cedar::Schema schema_;
  SchemaParts parts_;
  std::unordered_map<cedar::EntityUid, Action> actions_;
  std::map<std::string, Action, std::less<>> unlisted_;  // by protocol: any other action of an open one
  // Made when an operation asks first: most deployments never do.
  mutable std::once_flag catalogued_once_;
  mutable std::unordered_map<const ProtocolAction*, Action> catalogued_;
  std::set<std::string, std::less<>> resource_types_;
};

// An attribute's name, or any other text, as policies and schemas write it: `path`, or `"content-type"`.
[[nodiscard]] std::string attribute_text(std::string_view name);

}  // namespace countersign::policies
