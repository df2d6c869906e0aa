#include <map>
#include <utility>

#include "policies/cedar/schema/fragment.h"
#include "policies/cedar/schema/print.h"
#include "policies/cedar/schema/schema_ast.h"

namespace cedar {
namespace {

using namespace schema_ast;

std::string json_string(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// Writes objects and arrays, each member on a line of its own.
class Writer {
 public:
  explicit Writer(std::size_t most) : most_(most) {}

  bool is_full() const { return out_.size() > most_; }
  std::string take() { return std::move(out_); }

  void open(char bracket) {
    out_ += bracket;
    first_ = true;
    ++depth_;
  }
  void close(char bracket) {
    --depth_;
    if (!first_) line();
    out_ += bracket;
    first_ = false;
  }
  void element() {
    if (!first_) out_ += ',';
    first_ = false;
    line();
  }
  void key(std::string_view name) {
    element();
    out_ += json_string(name) + ": ";
  }
  void text(std::string_view value) { out_ += json_string(value); }
  void word(std::string_view value) { out_ += value; }
  void member(std::string_view name, std::string_view value) {
    key(name);
    text(value);
  }

 private:
  void line() {
    out_ += '\n';
    out_.append(2 * depth_, ' ');
  }

  std::size_t most_;
  std::string out_;
  bool first_ = true;
  std::size_t depth_ = 0;
};

class Printer {
 public:
  explicit Printer(std::size_t most) : out_(most) {}

  // Empty when it would be too long.
  std::string run(const Fragment& fragment) {
    std::map<std::string_view, const Namespace*> spaces;
    for (const Namespace& space : fragment.namespaces)
      spaces.emplace(space.name ? std::string_view(space.name->text) : std::string_view(), &space);
    out_.open('{');
    for (const auto& [name, each] : spaces) {
      out_.key(name);
      space(*each);
    }
    out_.close('}');
    out_.word("\n");
    return out_.is_full() ? "" : out_.take();
  }

 private:
  void space(const Namespace& space) {
    std::map<std::string_view, const CommonTypeDecl*> types;
    for (const CommonTypeDecl& each : space.types) types.emplace(each.name.text, &each);
    out_.open('{');
    if (!types.empty()) {
      out_.key("commonTypes");
      out_.open('{');
      for (const auto& [name, decl] : types) {
        out_.key(name);
        out_.open('{');
        members(decl->type);
        annotations(decl->annotations);
        out_.close('}');
      }
      out_.close('}');
    }
    out_.key("entityTypes");
    each_name(space.entities, [&](const EntityDecl& decl) { entity(decl); });
    out_.key("actions");
    each_name(space.actions, [&](const ActionDecl& decl) { action(decl); });
    annotations(space.annotations);
    out_.close('}');
  }

  template <class Decl, class Print>
  void each_name(const std::vector<Decl>& decls, Print print) {
    std::map<std::string_view, const Decl*> names;
    for (const Decl& decl : decls) {
      for (const Name& name : decl.names) names.emplace(name.text, &decl);
    }
    out_.open('{');
    for (const auto& [name, decl] : names) {
      if (out_.is_full()) return;
      out_.key(name);
      print(*decl);
    }
    out_.close('}');
  }

  void entity(const EntityDecl& decl) {
    out_.open('{');
    if (!decl.ids.empty()) names("enum", decl.ids);
    if (!decl.parents.empty()) names("memberOfTypes", decl.parents);
    if (!is_empty_record(decl.shape)) type("shape", decl.shape);
    if (decl.tags) type("tags", *decl.tags);
    annotations(decl.annotations);
    out_.close('}');
  }

  void action(const ActionDecl& decl) {
    out_.open('{');
    if (decl.applies_to) {
      out_.key("appliesTo");
      out_.open('{');
      names("principalTypes", decl.applies_to->principals);
      names("resourceTypes", decl.applies_to->resources);
      if (!is_empty_record(decl.applies_to->context)) type("context", decl.applies_to->context);
      out_.close('}');
    }
    if (decl.parents) {
      out_.key("memberOf");
      out_.open('[');
      for (const ActionReference& parent : *decl.parents) {
        out_.element();
        out_.open('{');
        out_.member("id", parent.id);
        if (parent.type) out_.member("type", parent.type->text);
        out_.close('}');
      }
      out_.close(']');
    }
    annotations(decl.annotations);
    out_.close('}');
  }

  static bool is_empty_record(const TypeExpr& expr) { return expr.form == TypeForm::record && expr.attributes.empty(); }

  void names(std::string_view key, const std::vector<Name>& names) {
    out_.key(key);
    out_.open('[');
    for (const Name& name : names) {
      out_.element();
      out_.text(name.text);
    }
    out_.close(']');
  }

  void annotations(const Annotations& notes) {
    if (notes.empty()) return;
    std::map<std::string_view, const Annotation*> sorted;
    for (const Annotation& note : notes) sorted.emplace(note.key, &note);
    out_.key("annotations");
    out_.open('{');
    for (const auto& [key, note] : sorted) {
      out_.key(key);
      note->value ? out_.text(*note->value) : out_.word("null");
    }
    out_.close('}');
  }

  void type(std::string_view key, const TypeExpr& expr) {
    out_.key(key);
    out_.open('{');
    members(expr);
    out_.close('}');
  }

  void named(std::string_view type, std::string_view name) {
    out_.member("type", type);
    out_.member("name", name);
  }

  void members(const TypeExpr& expr) {
    switch (expr.form) {
      case TypeForm::reference:
        return named("EntityOrCommon", expr.name);
      case TypeForm::entity:
        return named("Entity", expr.name);
      case TypeForm::extension:
        return named("Extension", expr.name);
      case TypeForm::common:
        return out_.member("type", expr.name);
      case TypeForm::boolean:
        return out_.member("type", "Boolean");
      case TypeForm::integer:
        return out_.member("type", "Long");
      case TypeForm::string:
        return out_.member("type", "String");
      case TypeForm::set:
        out_.member("type", "Set");
        return type("element", expr.element.front());
      case TypeForm::record:
        out_.member("type", "Record");
        return attributes(expr);
    }
  }

  void attributes(const TypeExpr& expr) {
    std::map<std::string_view, const Attribute*> sorted;
    for (const Attribute& each : expr.attributes) sorted.emplace(each.name.text, &each);
    out_.key("attributes");
    out_.open('{');
    for (const auto& [name, each] : sorted) {
      out_.key(name);
      out_.open('{');
      members(each->type);
      annotations(each->annotations);
      if (each->requirement == Requirement::optional) {
        out_.key("required");
        out_.word("false");
      }
      out_.close('}');
    }
    out_.close('}');
  }

  Writer out_;
};

}  // namespace

std::expected<std::string, Schema::Problems> schema_to_json(std::string_view text, const SchemaLimits& limits) {
  auto source = std::make_shared<const Source>("schema", std::string(text));
  auto fragment = parse_fragment(source, limits);
  if (!fragment) return std::unexpected(std::move(fragment.error()));
  if (auto resolved = resolve_schema({*fragment}, limits); !resolved) return std::unexpected(resolved.error());
  std::string out = Printer(16 * limits.bytes).run(fragment->fragment);
  if (out.empty()) return std::unexpected(Schema::Problems{{source, {{}, {}, "this schema is too long in JSON", ""}}});
  return out;
}

}  // namespace cedar
