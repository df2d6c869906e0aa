#include "policies/cedar/schema/declarations.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "policies/cedar/schema/suggest.h"

namespace cedar::schema_detail {

using namespace schema_ast;

namespace {

constexpr std::string_view kBuiltIns = "__cedar::";

std::optional<TypeKind> built_in_type(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, TypeKind>, 7> kNames = {{{"Bool", TypeKind::boolean},
                                                                            {"Long", TypeKind::integer},
                                                                            {"String", TypeKind::string},
                                                                            {"decimal", TypeKind::decimal},
                                                                            {"ipaddr", TypeKind::ip},
                                                                            {"datetime", TypeKind::datetime},
                                                                            {"duration", TypeKind::duration}}};
  for (const auto& [each, kind] : kNames) {
    if (each == name) return kind;
  }
  return std::nullopt;
}

bool is_extension(TypeKind kind) {
  return kind >= TypeKind::decimal && kind <= TypeKind::duration;
}

std::string qualified(std::string_view space, std::string_view name) {
  return space.empty() ? std::string(name) : std::string(space) + "::" + std::string(name);
}

bool is_qualified(std::string_view name) {
  return name.find("::") != std::string_view::npos;
}

std::string_view base_name(std::string_view name) {
  std::size_t colons = name.rfind("::");
  return colons == std::string_view::npos ? name : name.substr(colons + 2);
}

// The names `name` may stand for in `space`, the preferred one first.
std::vector<std::string> candidates(std::string_view name, std::string_view space) {
  std::vector<std::string> out;
  if (!is_qualified(name) && !space.empty()) out.push_back(qualified(space, name));
  out.emplace_back(name);
  return out;
}

// "2:8 of users.cedarschema".
std::string where(const Place& place, Span span) {
  Position position = (*place.source)->locate(span);
  return std::to_string(position.line) + ":" + std::to_string(position.column) + " of " + (*place.source)->name();
}

std::string list(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "`" : " nor `") + name + "`";
  return out;
}

}  // namespace

Declarations::Declarations(const std::vector<SourcedFragment>& fragments, const SchemaLimits& limits)
    : fragments_(&fragments), limits_(limits) {
  for (const SourcedFragment& each : fragments) {
    order_.emplace(each.source.get(), order_.size());
    std::map<std::string_view, Span> spaces;
    for (const Namespace& space : each.fragment.namespaces) {
      Place place{&each.source, space.name ? std::string_view(space.name->text) : std::string_view()};
      if (space.name) {
        auto [known, fresh] = spaces.emplace(place.space, space.name->span);
        if (!fresh) {
          problem(place, space.name->span, "the namespace `" + space.name->text + "` is given twice",
                  "the first is at " + where(place, known->second));
        }
        is_reserved(*space.name, place);
      }
      for (const CommonTypeDecl& decl : space.types) declare(decl, place);
      for (const EntityDecl& decl : space.entities) declare(decl, place);
      for (const ActionDecl& decl : space.actions) declare(decl, place);
    }
  }
  check_hiding();
}

bool Declarations::is_reserved(const Name& name, const Place& place) {
  std::string around = "::" + name.text + "::";
  if (around.find("::__cedar::") == std::string::npos) return false;
  problem(place, name.span, "`" + name.text + "` is reserved: no declaration may have `__cedar` in its name");
  return true;
}

void Declarations::declare(const EntityDecl& decl, const Place& place) {
  for (const Name& name : decl.names) {
    if (is_reserved(name, place)) continue;
    if (name.text == "Action") {
      problem(place, name.span, "no entity type may be called `Action`", "that is the type of the actions themselves");
      continue;
    }
    auto [known, fresh] = entities_.try_emplace(qualified(place.space, name.text), &decl, place, name.span);
    if (fresh) continue;
    problem(place, name.span, "the entity type `" + known->first + "` is declared twice",
            "the first is at " + where(known->second.place, known->second.name));
  }
}

void Declarations::declare(const CommonTypeDecl& decl, const Place& place) {
  constexpr std::array<std::string_view, 8> kTaken = {"Bool", "Boolean", "Entity", "Extension",
                                                      "Long", "Record",  "Set",    "String"};
  if (is_reserved(decl.name, place)) return;
  if (std::ranges::find(kTaken, decl.name.text) != kTaken.end()) {
    problem(place, decl.name.span, "`" + decl.name.text + "` cannot be the name of a common type");
    return;
  }
  auto [known, fresh] = common_types_.try_emplace(qualified(place.space, decl.name.text), &decl, place, decl.name.span);
  if (fresh) return;
  problem(place, decl.name.span, "the common type `" + known->first + "` is declared twice",
          "the first is at " + where(known->second.place, known->second.name));
}

void Declarations::declare(const ActionDecl& decl, const Place& place) {
  std::string type = qualified(place.space, "Action");
  action_types_.emplace(type, type);
  for (const Name& name : decl.names) {
    auto [known, fresh] = actions_.try_emplace(EntityUid(type, name.text), &decl, place, name.span);
    if (fresh) continue;
    problem(place, name.span, "the action `" + known->first.to_text() + "` is declared twice",
            "the first is at " + where(known->second.place, known->second.name));
  }
}

void Declarations::check_hiding() {
  auto hides = [&](std::string_view name, const Place& place, Span span) {
    if (!is_qualified(name)) return;
    const Place* hidden = nullptr;
    Span at;
    if (auto entity = entities_.find(base_name(name)); entity != entities_.end()) {
      hidden = &entity->second.place;
      at = entity->second.name;
    } else if (auto common = common_types_.find(base_name(name)); common != common_types_.end()) {
      hidden = &common->second.place;
      at = common->second.name;
    }
    if (hidden == nullptr) return;
    problem(place, span,
            "`" + std::string(name) + "` hides `" + std::string(base_name(name)) + "` of the empty namespace",
            "that is at " + where(*hidden, at) + "; rename one of them");
  };
  for (const auto& [name, declared] : entities_) hides(name, declared.place, declared.name);
  for (const auto& [name, declared] : common_types_) hides(name, declared.place, declared.name);
  for (const auto& [uid, declared] : actions_) {
    if (!is_qualified(uid.type_name())) continue;
    auto hidden = actions_.find(EntityUid("Action", uid.id()));
    if (hidden == actions_.end()) continue;
    problem(declared.place, declared.name,
            "`" + uid.to_text() + "` hides `" + hidden->first.to_text() + "` of the empty namespace",
            "that is at " + where(hidden->second.place, hidden->second.name) + "; rename one of them");
  }
}

Reference Declarations::look_up(const TypeExpr& expr, const Place& place) const {
  if (expr.form == TypeForm::extension) {
    auto kind = built_in_type(expr.name);
    return {.built_in = kind && is_extension(*kind) ? kind : std::nullopt};
  }
  for (const std::string& name : candidates(expr.name, place.space)) {
    if (expr.form != TypeForm::entity) {
      if (auto found = common_types_.find(name); found != common_types_.end()) return {.common = &found->first};
    }
    if (expr.form != TypeForm::common) {
      if (auto found = entities_.find(name); found != entities_.end()) return {.entity = &found->first};
      if (auto found = action_types_.find(name); found != action_types_.end()) return {.entity = &found->first};
    }
    if (expr.form == TypeForm::entity) continue;
    if (name.starts_with(kBuiltIns))
      return {.built_in = built_in_type(std::string_view(name).substr(kBuiltIns.size()))};
    // The built-in names stand in the empty namespace unless something there has taken them.
    bool taken = entities_.contains(name);
    if (auto kind = built_in_type(name); kind && !taken) return {.built_in = kind};
  }
  return {};
}

void Declarations::report_unknown(const TypeExpr& expr, const Place& place) {
  std::string what = expr.form == TypeForm::common      ? "common type"
                     : expr.form == TypeForm::entity    ? "entity type"
                     : expr.form == TypeForm::extension ? "extension type"
                                                        : "type";
  std::vector<std::string> names = candidates(expr.name, place.space);
  std::string help = names.size() > 1 ? "neither " + list(names) + " is declared" : "";
  Suggestion suggestion(expr.name);
  if (expr.form == TypeForm::extension) {
    for (std::string_view each : {"ipaddr", "decimal", "datetime", "duration"}) suggestion.consider(each);
  } else {
    auto consider = [&](std::string_view name) {
      bool near = is_qualified(name) && name.substr(0, name.rfind("::")) == place.space;
      suggestion.consider(near && !is_qualified(expr.name) ? base_name(name) : name);
    };
    for (const auto& [name, unused] : common_types_) {
      if (expr.form != TypeForm::entity) consider(name);
    }
    for (const auto& [name, unused] : entities_) {
      if (expr.form != TypeForm::common) consider(name);
    }
    for (std::string_view each : {"Bool", "Long", "String", "ipaddr", "decimal", "datetime", "duration"}) {
      if (expr.form == TypeForm::reference) suggestion.consider(each);
    }
  }
  if (expr.form == TypeForm::reference && expr.name == "Boolean") help = "did you mean `Bool`?";
  if (auto best = suggestion.best()) help = "did you mean `" + *best + "`?";
  problem(place, expr.span, "there is no " + what + " `" + expr.name + "`", std::move(help));
}

const std::string* Declarations::entity_type(const Name& name, const Place& place) {
  for (const std::string& candidate : candidates(name.text, place.space)) {
    if (auto found = entities_.find(candidate); found != entities_.end()) return &found->first;
    if (action_types_.contains(candidate)) {
      problem(place, name.span, "`" + candidate + "` is the type of actions and cannot stand here");
      return nullptr;
    }
  }
  report_unknown({.form = TypeForm::entity, .span = name.span, .name = name.text}, place);
  return nullptr;
}

std::optional<EntityUid> Declarations::action(const ActionReference& reference, const Place& place) {
  std::string type = reference.type ? reference.type->text : "Action";
  for (const std::string& candidate : candidates(type, place.space)) {
    EntityUid uid(candidate, reference.id);
    if (actions_.contains(uid)) return uid;
  }
  Suggestion suggestion(reference.id);
  for (const auto& [uid, unused] : actions_) suggestion.consider(uid.id());
  auto best = suggestion.best();
  problem(place, reference.span, "there is no action `" + EntityUid(type, reference.id).to_text() + "`",
          best ? "did you mean `" + *best + "`?" : "");
  return std::nullopt;
}

void Declarations::problem(const Place& place, Span span, std::string message, std::string help) {
  if (problems_.size() >= limits_.diagnostics) return;
  Position position = (*place.source)->locate(span);
  problems_.push_back({*place.source, {span, position, std::move(message), std::move(help)}});
}

Schema::Problems Declarations::take_problems() {
  std::ranges::sort(problems_, {}, [&](const SourceDiagnostic& each) {
    return std::make_tuple(order_.at(each.source.get()), each.diagnostic.span.offset, each.diagnostic.message);
  });
  return std::exchange(problems_, {});
}

}  // namespace cedar::schema_detail
