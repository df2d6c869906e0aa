#include "policies/cedar/schema/cedar_syntax.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

#include "policies/cedar/token_cursor.h"

namespace cedar {
namespace {

using namespace schema_ast;
using detail::TokenCursor;

class SchemaParser {
 public:
  SchemaParser(std::string_view text, const SchemaLimits& limits)
      : limits_(limits),
        cursor_(text, {.bytes = limits.bytes, .tokens = limits.bytes, .diagnostics = limits.diagnostics}) {}

  std::expected<Fragment, Diagnostics> run() {
    Fragment fragment;
    Namespace unnamed;
    while (!cursor_.at_end() && !full_) {
      if (!top_level(fragment, unnamed)) cursor_.recover();
    }
    if (cursor_.has_problems()) return std::unexpected(cursor_.take_diagnostics());
    bool empty = unnamed.types.empty() && unnamed.entities.empty() && unnamed.actions.empty();
    if (!empty) fragment.namespaces.insert(fragment.namespaces.begin(), std::move(unnamed));
    return fragment;
  }

 private:
  static constexpr std::string_view kDeclaration = "`entity`, `action` or `type`";

  bool top_level(Fragment& fragment, Namespace& unnamed) {
    Annotations notes;
    if (!annotations(notes)) return false;
    if (!cursor_.at_word("namespace")) return declaration(unnamed, std::move(notes), "`namespace`, ");
    cursor_.next();
    Namespace space{.annotations = std::move(notes)};
    auto name = path();
    if (!name || !cursor_.expect(TokenKind::left_brace)) return false;
    space.name = std::move(*name);
    while (!cursor_.at(TokenKind::right_brace)) {
      if (full_) return true;
      if (cursor_.at_end()) {
        cursor_.expected("`}`", "the namespace `" + space.name->text + "` is not closed");
        return true;
      }
      Annotations inner;
      if (!annotations(inner) || !declaration(space, std::move(inner), "")) cursor_.recover();
    }
    cursor_.next();
    fragment.namespaces.push_back(std::move(space));
    return true;
  }

  bool declaration(Namespace& space, Annotations notes, std::string_view also) {
    Span start = notes.empty() ? cursor_.peek().span : notes.front().span;
    if (cursor_.at_word("entity")) return entity(space, std::move(notes), start);
    if (cursor_.at_word("action")) return action(space, std::move(notes), start);
    if (cursor_.at_word("type")) return common_type(space, std::move(notes), start);
    cursor_.expected(std::string(also) + std::string(kDeclaration));
    return false;
  }

  bool annotations(Annotations& out) {
    while (cursor_.at(TokenKind::at)) {
      Span start = cursor_.next().span;
      auto key = cursor_.expect(TokenKind::identifier, "an annotation is written `@name(\"value\")` or `@name`");
      if (!key) return false;
      Annotation note{.key = std::string(cursor_.text_of(*key)), .value = ""};
      if (cursor_.accept(TokenKind::left_paren)) {
        auto value = cursor_.expect(TokenKind::string);
        if (!value || !cursor_.expect(TokenKind::right_paren)) return false;
        note.value = cursor_.string_value(*value);
      }
      note.span = join(start, cursor_.last_span());
      if (std::ranges::find(out, note.key, &Annotation::key) != out.end()) {
        cursor_.problem(note.span, "the annotation `@" + note.key + "` is given twice");
      }
      out.push_back(std::move(note));
    }
    return true;
  }

  bool entity(Namespace& space, Annotations notes, Span start) {
    cursor_.next();
    EntityDecl out{.annotations = std::move(notes)};
    do {
      auto name = identifier("the name of an entity type");
      if (!name) return false;
      out.names.push_back(std::move(*name));
    } while (cursor_.accept(TokenKind::comma));
    out.shape.span = cursor_.last_span();
    if (cursor_.at_word("enum")) {
      if (!enumeration(out)) return false;
    } else if (!entity_body(out)) {
      return false;
    }
    if (!finish("an entity type is declared as `entity Name in [Parent] = { attribute: Type } tags Type;`"))
      return false;
    out.span = join(start, cursor_.last_span());
    count(out.names.size(), out.span);
    space.entities.push_back(std::move(out));
    return true;
  }

  bool enumeration(EntityDecl& out) {
    cursor_.next();
    if (!cursor_.expect(TokenKind::left_bracket)) return false;
    do {
      auto id = cursor_.expect(TokenKind::string, "the ids of an enumerated type are written `enum [\"a\", \"b\"]`");
      if (!id) return false;
      out.ids.push_back({cursor_.string_value(*id), id->span});
    } while (cursor_.accept(TokenKind::comma));
    return cursor_.expect(TokenKind::right_bracket).has_value();
  }

  bool entity_body(EntityDecl& out) {
    if (cursor_.at_word("in")) {
      cursor_.next();
      if (!entity_types(out.parents)) return false;
    }
    bool needs_shape = cursor_.accept(TokenKind::equal);
    if (cursor_.at(TokenKind::left_brace)) {
      if (!record(out.shape, 1)) return false;
    } else if (needs_shape) {
      cursor_.expected("`{`", "the attributes of an entity type are written out as a record");
      return false;
    }
    if (!cursor_.at_word("tags")) return true;
    cursor_.next();
    out.tags.emplace();
    return type(*out.tags, 1);
  }

  bool action(Namespace& space, Annotations notes, Span start) {
    cursor_.next();
    ActionDecl out{.annotations = std::move(notes)};
    do {
      auto name = any_name("the name of an action");
      if (!name) return false;
      out.names.push_back(std::move(*name));
    } while (cursor_.accept(TokenKind::comma));
    if (cursor_.at_word("in") && !action_parents(out)) return false;
    out.applies_to.emplace().context.span = cursor_.last_span();
    if (cursor_.at_word("appliesTo") && !applies_to(out)) return false;
    if (cursor_.at_word("attributes")) {
      cursor_.next();
      if (!cursor_.expect(TokenKind::left_brace) ||
          !cursor_.expect(TokenKind::right_brace, "actions cannot have attributes")) {
        return false;
      }
    }
    if (!finish("an action is declared as `action name in [group] appliesTo { principal: …, resource: … };`")) {
      return false;
    }
    out.span = join(start, cursor_.last_span());
    count(out.names.size(), out.span);
    space.actions.push_back(std::move(out));
    return true;
  }

  bool action_parents(ActionDecl& out) {
    cursor_.next();
    out.parents.emplace();
    if (!cursor_.accept(TokenKind::left_bracket)) return action_reference(*out.parents);
    do {
      if (!action_reference(*out.parents)) return false;
    } while (cursor_.accept(TokenKind::comma));
    return cursor_.expect(TokenKind::right_bracket).has_value();
  }

  // `name`, `"name"` or `A::B::"name"`.
  bool action_reference(std::vector<ActionReference>& out) {
    ActionReference reference;
    bool qualified = cursor_.at(TokenKind::identifier) && cursor_.peek(1).kind == TokenKind::double_colon;
    Span start = cursor_.peek().span;
    if (qualified) {
      Name type{.span = start};
      while (!cursor_.at(TokenKind::string)) {
        auto part = identifier("the name of an action");
        if (!part) return false;
        type.text += (type.text.empty() ? "" : "::") + part->text;
        type.span = join(start, part->span);
        if (!cursor_.expect(TokenKind::double_colon, "an action in another namespace is `Space::Action::\"name\"`")) {
          return false;
        }
      }
      reference.type = std::move(type);
    }
    auto name = any_name("the name of an action");
    if (!name) return false;
    reference.id = std::move(name->text);
    reference.span = join(start, name->span);
    out.push_back(std::move(reference));
    return true;
  }

  bool applies_to(ActionDecl& out) {
    constexpr std::string_view kHelp =
        "an action applies to `{ principal: [Type], resource: [Type], context: { name: Type } }`";
    constexpr std::array<std::string_view, 3> kParts = {"principal", "resource", "context"};
    std::array<Span, 3> seen{};
    Span start = cursor_.next().span;
    if (!cursor_.expect(TokenKind::left_brace)) return false;
    AppliesTo& applies = *out.applies_to;
    applies.context.span = start;
    do {
      std::size_t part = 0;
      while (part < kParts.size() && !cursor_.at_word(kParts[part])) ++part;
      if (part == kParts.size()) {
        cursor_.expected("`principal`, `resource` or `context`", kHelp);
        return false;
      }
      Span key = cursor_.next().span;
      if (seen[part].length != 0) cursor_.problem(key, "`" + std::string(kParts[part]) + "` is given twice");
      seen[part] = key;
      if (!cursor_.expect(TokenKind::colon)) return false;
      std::vector<Name>& types = part == 0 ? applies.principals : applies.resources;
      if (part == 2 ? !context(applies.context) : !entity_types(types)) return false;
      if (part < 2 && types.empty()) {
        cursor_.problem(key, "`" + std::string(kParts[part]) + "` is an empty list",
                        "an action that applies to nothing is declared without `appliesTo`");
      }
    } while (cursor_.accept(TokenKind::comma) && !cursor_.at(TokenKind::right_brace));
    if (!cursor_.expect(TokenKind::right_brace, kHelp)) return false;
    for (std::size_t part : {0U, 1U}) {
      if (seen[part].length == 0) cursor_.problem(start, "`" + std::string(kParts[part]) + "` is missing", kHelp);
    }
    return true;
  }

  // A record, or the name of a common type.
  bool context(TypeExpr& out) {
    if (cursor_.at(TokenKind::left_brace)) return record(out, 1);
    auto name = path();
    if (!name) return false;
    out = {.form = TypeForm::common, .span = name->span, .name = std::move(name->text)};
    return true;
  }

  bool common_type(Namespace& space, Annotations notes, Span start) {
    cursor_.next();
    CommonTypeDecl out{.annotations = std::move(notes)};
    auto name = identifier("the name of a common type");
    if (!name || !cursor_.expect(TokenKind::equal) || !type(out.type, 1)) return false;
    out.name = std::move(*name);
    if (!finish("a common type is declared as `type Name = Type;`")) return false;
    out.span = join(start, cursor_.last_span());
    count(1, out.span);
    space.types.push_back(std::move(out));
    return true;
  }

  // `depth`: how deep this type is nested, itself included.
  bool type(TypeExpr& out, std::size_t depth) {
    if (cursor_.at(TokenKind::left_brace)) return record(out, depth);
    if (!cursor_.at_word("Set") || cursor_.peek(1).kind != TokenKind::less) {
      auto name = path();
      if (!name) return false;
      out = {.form = TypeForm::reference, .span = name->span, .name = std::move(name->text)};
      return true;
    }
    if (!enter(depth)) return false;
    Span start = cursor_.next().span;
    cursor_.next();
    out.form = TypeForm::set;
    if (!type(out.element.emplace_back(), depth + 1) || !cursor_.expect(TokenKind::greater)) return false;
    out.span = join(start, cursor_.last_span());
    return true;
  }

  bool record(TypeExpr& out, std::size_t depth) {
    if (!enter(depth)) return false;
    Span start = cursor_.next().span;
    out.form = TypeForm::record;
    std::map<std::string, std::size_t> positions;
    while (!cursor_.at(TokenKind::right_brace)) {
      Attribute attribute;
      if (!annotations(attribute.annotations)) return false;
      auto name = any_name("the name of an attribute");
      if (!name) return false;
      attribute.name = std::move(*name);
      if (cursor_.accept(TokenKind::question)) attribute.requirement = Requirement::optional;
      if (!cursor_.expect(TokenKind::colon) || !type(attribute.type, depth + 1)) return false;
      // Of two attributes with one name the later counts, and nobody looks at the earlier.
      auto [known, fresh] = positions.try_emplace(attribute.name.text, out.attributes.size());
      if (fresh) {
        out.attributes.push_back(std::move(attribute));
      } else {
        out.attributes[known->second] = std::move(attribute);
      }
      if (!cursor_.accept(TokenKind::comma)) break;
    }
    if (!cursor_.expect(TokenKind::right_brace, "attributes are separated by `,`")) return false;
    out.span = join(start, cursor_.last_span());
    return true;
  }

  // False, and the rest of the text is not read, when types are nested too deeply.
  bool enter(std::size_t depth) {
    if (depth <= limits_.depth) return true;
    cursor_.problem(cursor_.peek().span,
                    "types are nested too deeply: at most " + std::to_string(limits_.depth) + " levels are allowed");
    return false;
  }

  // `A::B` or `[A::B, C]`; the list may be empty.
  bool entity_types(std::vector<Name>& out) {
    bool list = cursor_.accept(TokenKind::left_bracket);
    if (list && cursor_.accept(TokenKind::right_bracket)) return true;
    do {
      auto name = path();
      if (!name) return false;
      out.push_back(std::move(*name));
    } while (list && cursor_.accept(TokenKind::comma));
    return !list || cursor_.expect(TokenKind::right_bracket).has_value();
  }

  std::optional<Name> path() {
    auto out = identifier("a name");
    while (out && cursor_.accept(TokenKind::double_colon)) {
      auto part = identifier("a name");
      if (!part) return std::nullopt;
      out->text += "::" + part->text;
      out->span = join(out->span, part->span);
    }
    return out;
  }

  std::optional<Name> identifier(std::string_view what) {
    if (!cursor_.at(TokenKind::identifier)) {
      cursor_.expected(what);
      return std::nullopt;
    }
    Token token = cursor_.next();
    std::string_view text = cursor_.text_of(token);
    // What is wrong with `__cedar` depends on where it stands; the resolver knows.
    if (is_reserved_word(text) && text != "__cedar") {
      cursor_.problem(token.span, "`" + std::string(text) + "` is a reserved word and cannot be used as a name",
                      "attributes and actions may have any name in quotes");
    }
    return Name{std::string(text), token.span};
  }

  std::optional<Name> any_name(std::string_view what) {
    if (!cursor_.at(TokenKind::string)) return identifier(what);
    Token token = cursor_.next();
    return Name{cursor_.string_value(token), token.span};
  }

  bool finish(std::string_view help) { return cursor_.expect(TokenKind::semicolon, help).has_value(); }

  void count(std::size_t names, Span span) {
    declarations_ += names;
    if (declarations_ <= limits_.declarations || full_) return;
    full_ = true;
    cursor_.problem(span, "too many declarations: at most " + std::to_string(limits_.declarations) + " are allowed");
  }

  SchemaLimits limits_;
  TokenCursor cursor_;
  std::size_t declarations_ = 0;
  bool full_ = false;
};

}  // namespace

std::expected<Fragment, Diagnostics> parse_cedar_schema(std::string_view text, const SchemaLimits& limits) {
  if (auto problem = detail::check_text(text, {.bytes = limits.bytes})) {
    return std::unexpected(Diagnostics{std::move(*problem)});
  }
  return SchemaParser(text, limits).run();
}

}  // namespace cedar
