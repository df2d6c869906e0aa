#include "policies/cedar/schema/resolve.h"

#include <algorithm>
#include <array>
#include <functional>
#include <unordered_set>
#include <utility>

#include "policies/cedar/schema/closure.h"
#include "policies/cedar/schema/declarations.h"

namespace cedar {

using namespace schema_ast;
using schema_detail::Declarations;
using schema_detail::Place;
using schema_detail::Reference;

class SchemaResolver {
 public:
  SchemaResolver(const std::vector<SourcedFragment>& fragments, const SchemaLimits& limits)
      : limits_(limits), declared_(fragments, limits) {}

  std::expected<Schema, Schema::Problems> run() {
    common_types();
    for (const auto& [name, declared] : declared_.entities()) entity(name, *declared.decl, declared.place);
    for (const auto& [uid, declared] : declared_.actions()) action(uid, *declared.decl, declared.place);
    close_entities();
    close_actions();
    if (!declared_.problems().empty()) return std::unexpected(declared_.take_problems());
    finish_actions();
    return std::move(schema_);
  }

 private:
  // Common types in the order they need one another, without recursion, so that a chain of any length resolves.
  void common_types() {
    enum class State : std::uint8_t { fresh, open, done };
    std::map<std::string_view, State> states;
    struct Frame {
      std::string_view name;
      std::vector<std::string_view> needs;
      std::size_t next = 0;
    };
    for (const auto& [root, unused] : declared_.common_types()) {
      if (states[root] != State::fresh) continue;
      std::vector<Frame> stack;
      auto open = [&](std::string_view name) {
        states[name] = State::open;
        const auto& declared = declared_.common_types().find(name)->second;
        std::vector<std::string_view> needs;
        collect(declared.decl->type, declared.place, needs);
        stack.push_back({name, std::move(needs)});
      };
      open(root);
      while (!stack.empty()) {
        Frame& frame = stack.back();
        if (frame.next == frame.needs.size()) {
          const auto& declared = declared_.common_types().find(frame.name)->second;
          common_[frame.name] = type(declared.decl->type, declared.place);
          states[frame.name] = State::done;
          stack.pop_back();
          continue;
        }
        std::string_view needed = frame.needs[frame.next++];
        if (states[needed] == State::fresh) {
          open(needed);
        } else if (states[needed] == State::open) {
          const auto& declared = declared_.common_types().find(needed)->second;
          declared_.problem(declared.place, declared.decl->name.span,
                            "the common type `" + std::string(needed) + "` contains itself");
        }
      }
    }
  }

  // The common types `expr` names. What is not declared is reported later, by type().
  void collect(const TypeExpr& expr, const Place& place, std::vector<std::string_view>& out) const {
    if (expr.form == TypeForm::reference || expr.form == TypeForm::common) {
      Reference found = declared_.look_up(expr, place);
      if (found.common != nullptr) out.push_back(*found.common);
    }
    for (const TypeExpr& element : expr.element) collect(element, place, out);
    for (const Attribute& attribute : expr.attributes) collect(attribute.type, place, out);
  }

  // Never null: what does not resolve is reported, and a boolean stands for it.
  TypePtr type(const TypeExpr& expr, const Place& place) {
    switch (expr.form) {
      case TypeForm::boolean:
        return Type::primitive(TypeKind::boolean);
      case TypeForm::integer:
        return Type::primitive(TypeKind::integer);
      case TypeForm::string:
        return Type::primitive(TypeKind::string);
      case TypeForm::set:
        return bounded(Type::set(type(expr.element.front(), place)), expr, place);
      case TypeForm::record: {
        std::vector<AttributeType> attributes;
        for (const Attribute& each : expr.attributes) {
          attributes.push_back({each.name.text, type(each.type, place), each.requirement});
        }
        return bounded(Type::record(std::move(attributes)), expr, place);
      }
      default:
        return named(expr, place);
    }
  }

  TypePtr named(const TypeExpr& expr, const Place& place) {
    Reference found = declared_.look_up(expr, place);
    if (found.common != nullptr) {
      auto resolved = common_.find(*found.common);
      return resolved == common_.end() ? Type::primitive(TypeKind::boolean) : resolved->second;  // in a cycle: reported
    }
    if (found.entity != nullptr) return entity_reference(*found.entity);
    if (found.built_in) return Type::primitive(*found.built_in);
    declared_.report_unknown(expr, place);
    return Type::primitive(TypeKind::boolean);
  }

  // One Type for each entity type, however often it is named.
  TypePtr entity_reference(const std::string& name) {
    TypePtr& shared = entity_references_[name];
    if (!shared) shared = Type::entity(name);
    return shared;
  }

  TypePtr bounded(TypePtr type, const TypeExpr& expr, const Place& place) {
    if (type->depth() <= limits_.depth) return type;
    declared_.problem(place, expr.span,
                      "this type is nested too deeply once common types are replaced by what they stand for: at most " +
                          std::to_string(limits_.depth) + " levels are allowed");
    return Type::primitive(TypeKind::boolean);
  }

  TypePtr record(const TypeExpr& expr, const Place& place, std::string_view what) {
    // All names of one declaration share one type.
    TypePtr& shared = shapes_[&expr];
    if (shared) return shared;
    std::size_t before = declared_.problems().size();
    shared = type(expr, place);
    if (!shared->is(TypeKind::record)) {
      if (declared_.problems().size() == before) {
        declared_.problem(place, expr.span, std::string(what) + " must be a record, not `" + shared->to_text() + "`");
      }
      shared = Type::record({});
    }
    return shared;
  }

  void entity(const std::string& name, const EntityDecl& decl, const Place& place) {
    EntityTypeInfo info{.name = name, .attributes = record(decl.shape, place, "the shape of an entity type")};
    info.parents = entity_types(decl.parents, place);
    if (decl.tags) {
      TypePtr& shared = shapes_[&*decl.tags];
      if (!shared) shared = type(*decl.tags, place);
      info.tags = shared;
    }
    if (spend(decl.ids.size())) {
      std::unordered_set<std::string_view> seen;
      for (const Name& id : decl.ids) {
        if (seen.insert(id.text).second) info.ids.push_back(id.text);
      }
    }
    schema_.entity_types_.emplace(name, std::move(info));
  }

  // Sorted and distinct. Once for each list, which many names may share.
  std::vector<std::string> entity_types(const std::vector<Name>& names, const Place& place) {
    auto [known, fresh] = lists_.try_emplace(&names);
    std::vector<std::string>& out = known->second;
    if (fresh) {
      for (const Name& name : names) {
        const std::string* found = declared_.entity_type(name, place);
        if (found != nullptr) out.push_back(*found);
      }
      std::ranges::sort(out);
      auto repeated = std::ranges::unique(out);
      out.erase(repeated.begin(), repeated.end());
    }
    if (!spend(out.size())) return {};
    return out;
  }

  void action(const EntityUid& uid, const ActionDecl& decl, const Place& place) {
    ActionInfo info{.uid = uid};
    if (decl.applies_to) {
      info.principals = entity_types(decl.applies_to->principals, place);
      info.resources = entity_types(decl.applies_to->resources, place);
      info.context = record(decl.applies_to->context, place, "the context of an action");
    } else {
      info.context = no_context_;
    }
    if (decl.parents) info.parents = groups(decl, place);
    schema_.action_types_.emplace(uid.type_name());
    schema_.actions_.push_back(std::move(info));
  }

  // Sorted and distinct, as entity_types().
  std::vector<EntityUid> groups(const ActionDecl& decl, const Place& place) {
    auto [known, fresh] = groups_.try_emplace(&decl);
    if (fresh) {
      std::set<EntityUid, schema_detail::UidOrder> distinct;
      for (const ActionReference& reference : *decl.parents) {
        if (auto parent = declared_.action(reference, place)) distinct.insert(std::move(*parent));
      }
      known->second.assign(distinct.begin(), distinct.end());
    }
    if (!spend(known->second.size())) return {};
    return known->second;
  }

  // Entity types may be in one another in circles.
  void close_entities() {
    std::map<std::string_view, std::uint32_t> numbers;
    std::vector<EntityTypeInfo*> infos;
    for (auto& [name, info] : schema_.entity_types_) {
      numbers.emplace(name, static_cast<std::uint32_t>(numbers.size()));
      infos.push_back(&info);
    }
    Graph parents(infos.size());
    for (std::size_t i = 0; i < infos.size(); ++i) {
      for (const std::string& parent : infos[i]->parents) parents[i].push_back(numbers.at(parent));
    }
    auto ancestors = closure(parents, limits_.edges - spent_);
    if (!ancestors) return exhausted();
    for (std::size_t i = 0; i < infos.size(); ++i) {
      spent_ += (*ancestors)[i].size();
      for (std::uint32_t ancestor : (*ancestors)[i]) infos[i]->ancestors.push_back(infos[ancestor]->name);
    }
  }

  // Actions may not.
  void close_actions() {
    std::vector<ActionInfo>& infos = schema_.actions_;
    for (std::size_t i = 0; i < infos.size(); ++i) schema_.action_positions_.emplace(infos[i].uid, i);
    Graph parents(infos.size());
    for (std::size_t i = 0; i < infos.size(); ++i) {
      for (const EntityUid& parent : infos[i].parents) {
        parents[i].push_back(static_cast<std::uint32_t>(schema_.action_positions_.at(parent)));
      }
    }
    auto ancestors = closure(parents, limits_.edges - spent_);
    if (!ancestors) return exhausted();
    for (std::size_t i = 0; i < infos.size(); ++i) {
      spent_ += (*ancestors)[i].size();
      for (std::uint32_t ancestor : (*ancestors)[i]) {
        infos[i].ancestors.push_back(infos[ancestor].uid);
        if (ancestor != i) continue;
        const auto& declared = declared_.actions().find(infos[i].uid)->second;
        declared_.problem(declared.place, declared.name,
                          "the action `" + infos[i].uid.to_text() + "` is in itself through its groups");
      }
    }
  }

  void finish_actions() {
    for (const ActionInfo& info : schema_.actions_) {
      schema_.action_entities_.push_back({.uid = info.uid, .parents = info.parents});
    }
  }

  // False, once reported, when the schema has more relations than its limit.
  bool spend(std::size_t edges) {
    if (edges > limits_.edges - spent_) exhausted();
    if (is_exhausted_) return false;
    spent_ += edges;
    return true;
  }

  void exhausted() {
    if (!std::exchange(is_exhausted_, true)) {
      declared_.problem(declared_.anywhere(), {},
                        "this schema has too many relations: at most " + std::to_string(limits_.edges) +
                            " parents, ancestors, principals, resources and ids in all are allowed");
    }
  }

  SchemaLimits limits_;
  Declarations declared_;
  Schema schema_;
  std::map<std::string_view, TypePtr> common_;
  std::map<std::string_view, TypePtr> entity_references_;
  std::map<const TypeExpr*, TypePtr> shapes_;
  std::map<const std::vector<Name>*, std::vector<std::string>> lists_;
  std::map<const ActionDecl*, std::vector<EntityUid>> groups_;
  TypePtr no_context_ = Type::record({});
  std::size_t spent_ = 0;
  bool is_exhausted_ = false;
};

std::expected<Schema, Schema::Problems> resolve_schema(const std::vector<SourcedFragment>& fragments,
                                                       const SchemaLimits& limits) {
  return SchemaResolver(fragments, limits).run();
}

}  // namespace cedar
