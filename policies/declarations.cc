#include "policies/declarations.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <vector>

#include "policies/cedar/lexer.h"
#include "policies/cedar/schema/schema.h"
#include "policies/problems.h"

namespace countersign::policies {
namespace {

using cedar::Token;
using cedar::TokenKind;
using cedar::Type;
using cedar::TypeKind;

constexpr std::size_t kMostTokens = 200'000;
constexpr std::array<std::string_view, 5> kNames = {"AgentAttributes", "Arguments", "Labels", "Parameters", "Query"};
constexpr std::string_view kProbe = "CountersignProbe";

// What Cedar's schema parser accepts and this file may not hold, found in the words themselves.
class Words {
 public:
  Words(const cedar::Source& source, Problems& problems) : source_(source), problems_(problems) {
    std::vector<cedar::Diagnostic> ignored;  // the schema parser reports them
    tokens_ = cedar::lex(source.text(), kMostTokens, ignored);
  }

  // The declared names and where they stand.
  std::map<std::string, cedar::Span> read() {
    bool at_start = true;
    int depth = 0;
    for (std::size_t i = 0; i + 1 < tokens_.size(); ++i) {
      TokenKind kind = tokens_[i].kind;
      if (kind == TokenKind::left_brace) ++depth;
      if (kind == TokenKind::right_brace) --depth;
      if (depth > 0) {
        attribute(i);
      } else if (at_start && kind == TokenKind::at) {
        i += annotation_length(i);
        continue;
      } else if (at_start && kind == TokenKind::identifier) {
        statement(i);
      }
      at_start = depth == 0 && kind == TokenKind::semicolon;
    }
    unused();
    return declared_;
  }

 private:
  std::string_view text(std::size_t i) const {
    return source_.text().substr(tokens_[i].span.offset, tokens_[i].span.length);
  }
  bool is(std::size_t i, TokenKind kind) const { return i < tokens_.size() && tokens_[i].kind == kind; }

  // Tokens after the `@` of `@name` or `@name("…")`.
  std::size_t annotation_length(std::size_t i) const { return is(i + 2, TokenKind::left_paren) ? 4 : 1; }

  void statement(std::size_t i) {
    if (text(i) == "type" && is(i + 1, TokenKind::identifier)) {
      declared_.emplace(text(i + 1), tokens_[i + 1].span);
    } else if (text(i) != "type") {
      report(tokens_[i].span, "only `type` declarations belong here",
             "entities, actions and the rest of the schema are generated: `countersign policy schema` prints them");
    }
  }

  void attribute(std::size_t i) {
    bool named = is(i, TokenKind::identifier) || is(i, TokenKind::string);
    if (!named || !is(i + 1, TokenKind::colon)) return;
    std::string name(text(i));
    report(tokens_[i].span, "`" + name + "` must be optional: whoever sends a request may leave it out",
           "write `" + name + "?: …`; policies then ask `has` before they read it");
  }

  // A misspelt `Argments` would otherwise be a helper type that nobody misses.
  void unused() {
    for (const auto& [name, span] : declared_) {
      if (std::ranges::find(kNames, name) != kNames.end()) continue;
      auto uses = std::ranges::count_if(tokens_, [this, &word = name](const Token& token) {
        return token.kind == TokenKind::identifier &&
               source_.text().substr(token.span.offset, token.span.length) == word;
      });
      if (uses > 1) continue;
      std::string_view near = closest(name, {kNames.begin(), kNames.end()});
      report(span, "the type `" + name + "` is not used",
             near.empty() ? "policies see Arguments, Query, Parameters, Labels and AgentAttributes"
                          : "did you mean `" + std::string(near) + "`?");
    }
  }

  void report(cedar::Span span, std::string message, std::string help) {
    problems_.push_back(problem_at(source_, span, "schema.declaration", std::move(message), std::move(help)));
  }

  const cedar::Source& source_;
  Problems& problems_;
  std::vector<Token> tokens_;
  std::map<std::string, cedar::Span> declared_;
};

// What may not be in a declared type, as a sentence; nullopt when all is well. The schema parser bounded the depth.
std::optional<std::string> unsuited(const Type& type) {
  switch (type.kind()) {
    case TypeKind::entity:
      return "a request's parameters name no entities: `" + type.entity_name() + "` cannot be part of them";
    case TypeKind::set:
      return unsuited(*type.element());
    case TypeKind::record:
      for (const cedar::AttributeType& attribute : type.attributes()) {
        if (auto reason = unsuited(*attribute.type)) return reason;
      }
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<std::string> unsuited_record(std::string_view name, const Type& type) {
  if (!type.is(TypeKind::record)) return "`" + std::string(name) + "` must be a record: { name?: Type, … }";
  for (const cedar::AttributeType& attribute : type.attributes()) {
    TypeKind kind = attribute.type->kind();
    if (name == "Labels" && kind != TypeKind::string)
      return "labels are text: `" + attribute.name + "` must be a String";
    bool plain = kind == TypeKind::string || kind == TypeKind::integer || kind == TypeKind::boolean;
    if (name == "AgentAttributes" && !plain)
      return "attributes of agents are text, whole numbers or truth values: `" + attribute.name +
             "` must be a String, Long or Bool";
  }
  return unsuited(type);
}

}  // namespace

Declarations read_declarations(const std::string& path, std::string_view text, Problems& problems) {
  Declarations out;
  cedar::Source source(path, std::string(text));
  // One entity whose attributes have the declared types brings them to light.
  Problems found;
  std::map<std::string, cedar::Span> declared = Words(source, found).read();
  std::string probe = "entity " + std::string(kProbe) + " = {";
  for (std::string_view name : kNames) {
    if (declared.contains(std::string(name))) probe.append("\n  ").append(name).append(": ").append(name).append(",");
  }
  probe += "\n};\n";
  auto schema = cedar::Schema::parse({{path, std::string(text)}, {"countersign", probe}});
  if (!schema) {
    for (const cedar::SourceDiagnostic& diagnostic : schema.error())
      problems.push_back(problem_of(diagnostic, "schema.syntax"));
    return out;
  }
  problems.insert(problems.end(), found.begin(), found.end());
  const cedar::EntityTypeInfo* seen = schema->entity_type(kProbe);
  if (!seen || has_errors(found)) return out;
  for (auto [name, place] :
       {std::pair("AgentAttributes", &out.agent), std::pair("Arguments", &out.arguments),
        std::pair("Labels", &out.labels), std::pair("Parameters", &out.parameters), std::pair("Query", &out.query)}) {
    const cedar::AttributeType* attribute = seen->attributes->find(name);
    if (!attribute) continue;
    if (auto reason = unsuited_record(name, *attribute->type)) {
      problems.push_back(problem_at(source, declared[name], "schema.declaration", std::move(*reason)));
    } else {
      *place = attribute->type;
    }
  }
  return out;
}

}  // namespace countersign::policies
