#include <map>
#include <utility>

#include "policies/cedar/schema/declarations.h"
#include "policies/cedar/schema/fragment.h"
#include "policies/cedar/schema/print.h"
#include "policies/cedar/schema/schema_ast.h"
#include "policies/cedar/unescape.h"

namespace cedar {
namespace {

using namespace schema_ast;
using schema_detail::Declarations;
using schema_detail::Place;
using schema_detail::Reference;

bool same(const Reference& a, const Reference& b) {
  return a.common == b.common && a.entity == b.entity && a.built_in == b.built_in;
}

// A name as it stands before `:` or after `action`: in quotes unless it is an identifier.
std::string any_name(const std::string& text) {
  bool plain = is_entity_type_name(text) && text.find(':') == std::string::npos;
  return plain ? text : quote(text);
}

class Printer {
 public:
  Printer(const std::vector<SourcedFragment>& fragments, const SchemaLimits& limits)
      : fragments_(fragments), most_(16 * limits.bytes), declared_(fragments, limits) {}

  std::expected<std::string, Schema::Problems> run() {
    for (const Namespace& space : fragments_.front().fragment.namespaces) {
      place_ = {&fragments_.front().source, space.name ? std::string_view(space.name->text) : std::string_view()};
      if (space.name) {
        annotations(space.annotations);
        begin("namespace " + space.name->text + " {");
        indent_ = 2;
      }
      contents(space);
      indent_ = 0;
      if (space.name) begin("}");
      if (out_.size() > most_) declared_.problem(place_, {}, "this schema is too long in Cedar's syntax");
      if (!declared_.problems().empty()) return std::unexpected(declared_.take_problems());
    }
    if (!out_.empty()) out_.erase(0, 1);
    return out_ + "\n";
  }

 private:
  void begin(std::string_view text) {
    out_ += '\n';
    out_.append(indent_, ' ');
    out_ += text;
  }

  void contents(const Namespace& space) {
    for (const CommonTypeDecl& decl : space.types) {
      annotations(decl.annotations);
      begin("type " + decl.name.text + " = ");
      type(decl.type);
      out_ += ';';
    }
    for (const EntityDecl& decl : space.entities) {
      annotations(decl.annotations);
      begin("entity ");
      names(decl.names);
      entity(decl);
      out_ += ';';
    }
    for (const ActionDecl& decl : space.actions) {
      annotations(decl.annotations);
      begin("action ");
      std::string_view separator;
      for (const Name& name : decl.names) {
        out_ += separator;
        out_ += any_name(name.text);
        separator = ", ";
      }
      action(decl);
      out_ += ';';
    }
  }

  void entity(const EntityDecl& decl) {
    if (!decl.ids.empty()) {
      std::string_view separator = " enum [";
      for (const Name& id : decl.ids) {
        out_ += separator;
        out_ += quote(id.text);
        separator = ", ";
      }
      out_ += ']';
      return;
    }
    if (!decl.parents.empty()) list(" in ", decl.parents);
    if (decl.shape.form != TypeForm::record) {
      declared_.problem(place_, decl.shape.span,
                        "Cedar's syntax cannot say that a shape is the type `" + decl.shape.name +
                            "`: it has to be written out as a record");
    } else if (!decl.shape.attributes.empty()) {
      out_ += " = ";
      record(decl.shape);
    }
    if (decl.tags) {
      out_ += " tags ";
      type(*decl.tags);
    }
  }

  void action(const ActionDecl& decl) {
    if (decl.parents && !decl.parents->empty()) {
      std::string_view separator = " in [";
      for (const ActionReference& parent : *decl.parents) {
        out_ += separator;
        out_ += parent.type ? parent.type->text + "::" + quote(parent.id) : any_name(parent.id);
        separator = ", ";
      }
      out_ += ']';
    }
    // With one of the two lists empty it applies to nothing, as it does without `appliesTo`.
    bool applies = decl.applies_to && !decl.applies_to->principals.empty() && !decl.applies_to->resources.empty();
    if (!applies) return;
    out_ += " appliesTo {";
    indent_ += 2;
    begin("");
    list("principal: ", decl.applies_to->principals);
    out_ += ',';
    begin("");
    list("resource: ", decl.applies_to->resources);
    const TypeExpr& context = decl.applies_to->context;
    if (context.form != TypeForm::record || !context.attributes.empty()) {
      out_ += ',';
      begin("context: ");
      type(context);
    }
    indent_ -= 2;
    begin("}");
  }

  void names(const std::vector<Name>& names) {
    std::string_view separator;
    for (const Name& name : names) {
      out_ += separator;
      out_ += name.text;
      separator = ", ";
    }
  }

  void list(std::string_view before, const std::vector<Name>& all) {
    out_ += before;
    if (all.size() > 1) out_ += '[';
    names(all);
    if (all.size() > 1) out_ += ']';
  }

  void annotations(const Annotations& notes) {
    for (const Annotation& note : notes) {
      begin("@" + note.key);
      if (note.value && !note.value->empty()) out_ += "(" + quote(*note.value) + ")";
    }
  }

  void type(const TypeExpr& expr) {
    if (expr.form == TypeForm::set) {
      out_ += "Set<";
      type(expr.element.front());
      out_ += '>';
    } else if (expr.form == TypeForm::record) {
      record(expr);
    } else {
      out_ += name(expr);
    }
  }

  void record(const TypeExpr& expr) {
    if (expr.attributes.empty()) {
      out_ += "{}";
      return;
    }
    out_ += '{';
    indent_ += 2;
    for (const Attribute& each : expr.attributes) {
      annotations(each.annotations);
      begin(any_name(each.name.text) + (each.requirement == Requirement::optional ? "?: " : ": "));
      type(each.type);
      out_ += ',';
    }
    indent_ -= 2;
    begin("}");
  }

  // How a name of Cedar's syntax, which may mean a common type or an entity type, says what `expr` means.
  std::string name(const TypeExpr& expr) {
    std::string written = expr.form == TypeForm::boolean   ? "Bool"
                          : expr.form == TypeForm::integer ? "Long"
                          : expr.form == TypeForm::string  ? "String"
                                                           : expr.name;
    bool is_primitive = written != expr.name;
    Reference wanted = declared_.look_up(
        is_primitive ? TypeExpr{.form = TypeForm::reference, .name = "__cedar::" + written} : expr, place_);
    for (const std::string& candidate : {written, std::string(place_.space) + "::" + written, "__cedar::" + written}) {
      TypeExpr reference{.form = TypeForm::reference, .name = candidate};
      if (same(declared_.look_up(reference, place_), wanted)) return candidate;
    }
    declared_.problem(place_, expr.span, "Cedar's syntax cannot name the entity type `" + written + "` here",
                      "a common type has the same name; rename one of them");
    return written;
  }

  const std::vector<SourcedFragment>& fragments_;
  std::size_t most_;
  Declarations declared_;
  Place place_;
  std::string out_;
  std::size_t indent_ = 0;
};

}  // namespace

std::expected<std::string, Schema::Problems> schema_to_cedar(std::string_view text, const SchemaLimits& limits) {
  auto fragment = parse_fragment(std::make_shared<const Source>("schema", std::string(text)), limits);
  if (!fragment) return std::unexpected(std::move(fragment.error()));
  std::vector<SourcedFragment> fragments;
  fragments.push_back(std::move(*fragment));
  if (auto resolved = resolve_schema(fragments, limits); !resolved) return std::unexpected(resolved.error());
  return Printer(fragments, limits).run();
}

}  // namespace cedar
