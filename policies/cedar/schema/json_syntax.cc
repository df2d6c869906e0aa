#include "policies/cedar/schema/json_syntax.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <tuple>
#include <utility>

#include "policies/cedar/schema/json_tree.h"
#include "policies/cedar/token_cursor.h"

namespace cedar {
namespace {

using namespace schema_ast;

enum class Presence : std::uint8_t { required, optional };

bool is_identifier(std::string_view text) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && letter(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// A path as references may be written: `__cedar` is fine, other reserved words are not.
bool is_path(std::string_view text) {
  while (true) {
    std::size_t end = text.find("::");
    std::string_view word = text.substr(0, end);
    if (!is_identifier(word) || (is_reserved_word(word) && word != "__cedar")) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 2);
  }
}

class Reader {
 public:
  Reader(std::string_view text, const SchemaLimits& limits) : text_(text), limits_(limits) {}

  std::expected<Fragment, Diagnostics> run() {
    // An object for a record and one for its attributes, then what stands around the outermost type.
    auto root = parse_json_tree(text_, {.depth = 2 * limits_.depth + 8});
    if (!root) {
      problems_.push_back(std::move(root.error()));
      return std::unexpected(take());
    }
    Fragment out;
    if (is(*root, JsonKind::object)) {
      for (const JsonMember& member : root->members) space(member, out.namespaces.emplace_back());
    }
    if (!problems_.empty()) return std::unexpected(take());
    return out;
  }

 private:
  void problem(Span span, std::string message, std::string help = {}) {
    if (problems_.size() < limits_.diagnostics) problems_.push_back({span, {}, std::move(message), std::move(help)});
  }

  Diagnostics take() {
    std::ranges::sort(problems_, {}, [](const Diagnostic& each) { return std::tie(each.span.offset, each.message); });
    LineMap lines(text_);
    for (Diagnostic& each : problems_) each.position = lines.locate(each.span);
    return std::move(problems_);
  }

  bool is(const JsonNode& node, JsonKind kind) {
    if (node.kind == kind) return true;
    problem(node.span, "expected " + std::string(describe(kind)) + ", found " + std::string(describe(node.kind)));
    return false;
  }

  // Whether `node` is an object with no other members than these.
  bool is_object(const JsonNode& node, std::initializer_list<std::string_view> known) {
    if (!is(node, JsonKind::object)) return false;
    for (const JsonMember& member : node.members) {
      if (std::ranges::find(known, member.key) != known.end()) continue;
      std::string names;
      for (std::string_view each : known) names += (names.empty() ? "`" : ", `") + std::string(each) + "`";
      problem(member.key_span, "there is no member `" + member.key + "` here", "known are " + names);
    }
    return true;
  }

  // The member, or nullptr; of a required one that is missing, and a problem.
  const JsonNode* member(const JsonNode& object, std::string_view key, Presence presence) {
    const JsonMember* found = object.find(key);
    if (found == nullptr && presence == Presence::required)
      problem({object.span.offset, 1}, "the member `" + std::string(key) + "` is missing");
    return found == nullptr ? nullptr : &found->value;
  }
  // The same for members that may be null.
  const JsonNode* nullable(const JsonNode& object, std::string_view key) {
    const JsonNode* found = member(object, key, Presence::optional);
    return found == nullptr || found->kind == JsonKind::null ? nullptr : found;
  }

  void annotations(const JsonNode& object, Annotations& out) {
    const JsonNode* notes = member(object, "annotations", Presence::optional);
    if (notes == nullptr || !is(*notes, JsonKind::object)) return;
    for (const JsonMember& each : notes->members) {
      Annotation note{.key = each.key, .span = each.key_span};
      if (!is_identifier(each.key)) problem(each.key_span, "the name of an annotation must be an identifier");
      if (each.value.kind != JsonKind::null && is(each.value, JsonKind::string)) note.value = each.value.text;
      out.push_back(std::move(note));
    }
  }

  // A name that is declared here: one identifier.
  void declared_name(const JsonMember& member) {
    if (!is_identifier(member.key)) return problem(member.key_span, "`" + member.key + "` is not an identifier");
    if (is_reserved_word(member.key) && member.key != "__cedar") {
      problem(member.key_span, "`" + member.key + "` is a reserved word and cannot be used as a name");
    }
    count(member.key_span);
  }

  void count(Span span) {
    if (++declarations_ == limits_.declarations + 1) {
      problem(span, "too many declarations: at most " + std::to_string(limits_.declarations) + " are allowed");
    }
  }

  void space(const JsonMember& member, Namespace& out) {
    if (!member.key.empty()) {
      out.name = Name{member.key, member.key_span};
      if (!is_path(member.key)) problem(member.key_span, "`" + member.key + "` is not the name of a namespace");
    }
    if (!is_object(member.value, {"commonTypes", "entityTypes", "actions", "annotations"})) return;
    annotations(member.value, out.annotations);
    if (!out.name && !out.annotations.empty()) {
      problem(member.value.find("annotations")->key_span, "the empty namespace cannot have annotations");
    }
    const JsonNode* types = this->member(member.value, "commonTypes", Presence::optional);
    const JsonNode* entities = this->member(member.value, "entityTypes", Presence::required);
    const JsonNode* actions = this->member(member.value, "actions", Presence::required);
    if (types != nullptr && is(*types, JsonKind::object)) {
      for (const JsonMember& each : types->members) common_type(each, out.types.emplace_back());
    }
    if (entities != nullptr && is(*entities, JsonKind::object)) {
      for (const JsonMember& each : entities->members) entity(each, out.entities.emplace_back());
    }
    if (actions != nullptr && is(*actions, JsonKind::object)) {
      for (const JsonMember& each : actions->members) action(each, out.actions.emplace_back());
    }
  }

  void common_type(const JsonMember& member, CommonTypeDecl& out) {
    declared_name(member);
    out.name = {member.key, member.key_span};
    out.span = join(member.key_span, member.value.span);
    type(member.value, out.type, Company::annotations);
    if (member.value.kind == JsonKind::object) annotations(member.value, out.annotations);
  }

  void entity(const JsonMember& member, EntityDecl& out) {
    declared_name(member);
    out.names.push_back({member.key, member.key_span});
    out.span = join(member.key_span, member.value.span);
    out.shape.span = member.key_span;
    if (!is_object(member.value, {"memberOfTypes", "shape", "tags", "enum", "annotations"})) return;
    annotations(member.value, out.annotations);
    if (const JsonNode* ids = this->member(member.value, "enum", Presence::optional)) {
      if (!is(*ids, JsonKind::array)) return;
      if (ids->elements.empty()) problem(ids->span, "an enumerated entity type needs at least one id");
      for (const JsonNode& id : ids->elements) {
        if (is(id, JsonKind::string)) out.ids.push_back({id.text, id.span});
      }
      for (std::string_view other : {"memberOfTypes", "shape", "tags"}) {
        if (const JsonMember* found = member.value.find(other))
          problem(found->key_span, "an enumerated entity type cannot have `" + std::string(other) + "`");
      }
      return;
    }
    if (const JsonNode* parents = this->member(member.value, "memberOfTypes", Presence::optional)) {
      names(*parents, out.parents);
    }
    if (const JsonNode* shape = this->member(member.value, "shape", Presence::optional)) {
      type(*shape, out.shape, Company::none);
    }
    if (const JsonNode* tags = this->member(member.value, "tags", Presence::optional)) {
      type(*tags, out.tags.emplace(), Company::none);
    }
  }

  void action(const JsonMember& member, ActionDecl& out) {
    count(member.key_span);
    out.names.push_back({member.key, member.key_span});
    out.span = join(member.key_span, member.value.span);
    if (!is_object(member.value, {"attributes", "appliesTo", "memberOf", "annotations"})) return;
    annotations(member.value, out.annotations);
    if (const JsonNode* attributes = nullable(member.value, "attributes")) {
      problem(attributes->span, "actions cannot have attributes");
    }
    if (const JsonNode* applies = nullable(member.value, "appliesTo")) applies_to(*applies, out.applies_to.emplace());
    if (const JsonNode* groups = nullable(member.value, "memberOf")) {
      out.parents.emplace();
      if (!is(*groups, JsonKind::array)) return;
      for (const JsonNode& group : groups->elements) action_reference(group, out.parents->emplace_back());
    }
  }

  void action_reference(const JsonNode& node, ActionReference& out) {
    out.span = node.span;
    if (!is_object(node, {"id", "type"})) return;
    const JsonNode* id = member(node, "id", Presence::required);
    if (id != nullptr && is(*id, JsonKind::string)) out.id = id->text;
    if (const JsonNode* type = nullable(node, "type")) name(*type, out.type.emplace());
  }

  void applies_to(const JsonNode& node, AppliesTo& out) {
    out.context.span = {node.span.offset, 1};
    if (!is_object(node, {"principalTypes", "resourceTypes", "context"})) return;
    const JsonNode* principals = member(node, "principalTypes", Presence::required);
    const JsonNode* resources = member(node, "resourceTypes", Presence::required);
    if (principals != nullptr) names(*principals, out.principals);
    if (resources != nullptr) names(*resources, out.resources);
    if (const JsonNode* context = member(node, "context", Presence::optional)) {
      type(*context, out.context, Company::none);
    }
  }

  void names(const JsonNode& node, std::vector<Name>& out) {
    if (!is(node, JsonKind::array)) return;
    for (const JsonNode& each : node.elements) name(each, out.emplace_back());
  }

  void name(const JsonNode& node, Name& out) {
    if (!is(node, JsonKind::string)) return;
    out = {node.text, node.span};
    if (!is_path(node.text)) {
      problem(node.span, "`" + node.text + "` is not a name", "a name is written `App::User`, without spaces");
    }
  }

  // What else may stand in the object of a type.
  enum class Company : std::uint8_t { none, annotations, attribute };

  void type(const JsonNode& node, TypeExpr& out, Company company) {
    out.span = node.span;
    if (!is(node, JsonKind::object)) return;
    const JsonNode* kind = member(node, "type", Presence::required);
    if (kind == nullptr || !is(*kind, JsonKind::string)) return;
    const std::string& text = kind->text;
    std::vector<std::string_view> known = {"type"};
    if (company != Company::none) known.emplace_back("annotations");
    if (company == Company::attribute) known.emplace_back("required");
    if (text == "Set") {
      out.form = TypeForm::set;
      known.emplace_back("element");
      TypeExpr& element = out.element.emplace_back();
      if (const JsonNode* found = member(node, "element", Presence::required)) type(*found, element, Company::none);
    } else if (text == "Record") {
      known.insert(known.end(), {"attributes", "additionalAttributes"});
      record(node, out);
    } else if (text == "Entity" || text == "EntityOrCommon" || text == "Extension") {
      known.emplace_back("name");
      out.form = text == "Entity" ? TypeForm::entity : text == "Extension" ? TypeForm::extension : TypeForm::reference;
      if (const JsonNode* found = member(node, "name", Presence::required)) {
        Name read;
        name(*found, read);
        out.name = std::move(read.text);
      }
    } else if (text == "Boolean" || text == "Long" || text == "String") {
      out.form = text == "Boolean" ? TypeForm::boolean : text == "Long" ? TypeForm::integer : TypeForm::string;
    } else {
      Name read;
      name(*kind, read);
      out.form = TypeForm::common;
      out.name = std::move(read.text);
    }
    for (const JsonMember& each : node.members) {
      if (std::ranges::find(known, each.key) != known.end()) continue;
      problem(each.key_span, "there is no member `" + each.key + "` in the type `" + text + "`");
    }
  }

  void record(const JsonNode& node, TypeExpr& out) {
    out.form = TypeForm::record;
    const JsonNode* attributes = member(node, "attributes", Presence::required);
    if (const JsonNode* more = member(node, "additionalAttributes", Presence::optional)) {
      if (is(*more, JsonKind::boolean) && more->truth) problem(more->span, "records cannot have additional attributes");
    }
    if (attributes == nullptr || !is(*attributes, JsonKind::object)) return;
    for (const JsonMember& each : attributes->members) {
      Attribute& attribute = out.attributes.emplace_back();
      attribute.name = {each.key, each.key_span};
      type(each.value, attribute.type, Company::attribute);
      if (each.value.kind != JsonKind::object) continue;
      annotations(each.value, attribute.annotations);
      const JsonNode* required = member(each.value, "required", Presence::optional);
      if (required != nullptr && is(*required, JsonKind::boolean) && !required->truth) {
        attribute.requirement = Requirement::optional;
      }
    }
  }

  std::string_view text_;
  SchemaLimits limits_;
  Diagnostics problems_;
  std::size_t declarations_ = 0;
};

}  // namespace

bool is_json_schema(std::string_view text) {
  std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

std::expected<Fragment, Diagnostics> parse_json_schema(std::string_view text, const SchemaLimits& limits) {
  if (auto problem = detail::check_text(text, {.bytes = limits.bytes})) {
    return std::unexpected(Diagnostics{std::move(*problem)});
  }
  return Reader(text, limits).run();
}

}  // namespace cedar
