// Written as text at once: a chain of a hundred thousand operands nests as deep, which no recursive writer survives.
#include <span>
#include <utility>

#include "core/json.h"
#include "policies/cedar/est.h"
#include "policies/cedar/spelling.h"
#include "policies/cedar/utf8.h"

namespace cedar {
namespace {

using ast::Expr;
using ast::ExprId;
using ast::ExprKind;
using countersign::ErrorKind;
using countersign::fail;

// Recursive: the height of every tree is bounded where it is made. Stops adding once past the limit.
class Writer {
 public:
  explicit Writer(const EstLimits& limits) : most_(limits.bytes) {}

  bool is_full() const { return out_.size() > most_; }
  Result<std::string> take() {
    if (is_full()) {
      return fail(ErrorKind::too_large, "cedar.est.too_large",
                  "the policies in JSON take more than " + std::to_string(most_) + " bytes");
    }
    return std::move(out_);
  }

  void raw(std::string_view text) {
    if (!is_full()) out_ += text;
  }
  void string(std::string_view text) { raw(countersign::Json(text).dump()); }

  void entity(std::string_view type, std::string_view id) {
    raw("{\"type\":");
    string(type);
    raw(",\"id\":");
    string(id);
    raw("}");
  }

  void policy(const ast::Policy& policy) {
    exprs_ = &policy.exprs;
    raw(policy.effect == ast::Effect::permit ? "{\"effect\":\"permit\"" : "{\"effect\":\"forbid\"");
    scope("principal", policy.principal);
    scope("action", policy.action);
    scope("resource", policy.resource);
    raw(",\"conditions\":[");
    for (bool first = true; const ast::Clause& clause : policy.clauses) {
      if (!std::exchange(first, false)) raw(",");
      raw(clause.kind == ast::ClauseKind::when ? "{\"kind\":\"when\",\"body\":" : "{\"kind\":\"unless\",\"body\":");
      expression(clause.body);
      raw("}");
    }
    raw("]");
    if (!policy.annotations.empty()) annotations(policy.annotations);
    raw("}");
  }

 private:
  void annotations(std::span<const ast::Annotation> all) {
    raw(",\"annotations\":{");
    for (bool first = true; const ast::Annotation& each : all) {
      if (!std::exchange(first, false)) raw(",");
      string(each.key);
      raw(":");
      each.has_value ? string(each.value) : raw("null");
    }
    raw("}");
  }

  void target(std::string_view name, const ast::Scope& scope) {
    if (scope.slot) {
      raw("\"slot\":\"?");
      raw(name);
      raw("\"");
    } else {
      raw("\"entity\":");
      entity(scope.entities.front().type, scope.entities.front().id);
    }
  }

  void scope(std::string_view name, const ast::Scope& scope) {
    raw(",\"");
    raw(name);
    raw("\":{\"op\":");
    switch (scope.kind) {
      case ast::ScopeKind::any:
        raw("\"All\"");
        break;
      case ast::ScopeKind::equal:
        raw("\"==\",");
        target(name, scope);
        break;
      case ast::ScopeKind::in:
        raw("\"in\",");
        target(name, scope);
        break;
      case ast::ScopeKind::in_list:
        raw("\"in\",");
        entities(scope);
        break;
      case ast::ScopeKind::is:
      case ast::ScopeKind::is_in:
        raw("\"is\",\"entity_type\":");
        string(scope.type);
        if (scope.kind == ast::ScopeKind::is_in) {
          raw(",\"in\":{");
          target(name, scope);
          raw("}");
        }
        break;
    }
    raw("}");
  }

  // `in [E]` is exported as `in E`.
  void entities(const ast::Scope& scope) {
    if (scope.entities.size() == 1) return target("action", scope);
    raw("\"entities\":[");
    for (bool first = true; const ast::EntityLiteral& each : scope.entities) {
      if (!std::exchange(first, false)) raw(",");
      entity(each.type, each.id);
    }
    raw("]");
  }

  // {"KEY":{"left":
  void open(std::string_view key, std::string_view member) {
    raw("{\"");
    raw(key);
    raw("\":{\"");
    raw(member);
    raw("\":");
  }

  void binary(std::string_view key, ExprId left, ExprId right) {
    open(key, "left");
    expression(left);
    raw(",\"right\":");
    expression(right);
    raw("}}");
  }

  void unary(std::string_view key, ExprId argument) {
    open(key, "arg");
    expression(argument);
    raw("}}");
  }

  // ((a op b) op c): `key(i)` is the operator before operand i.
  template <class Key>
  void chain(const Expr& expr, Key key) {
    std::size_t count = expr.operands.size();
    for (std::size_t i = count - 1; i > 0; --i) open(key(i), "left");
    expression(expr.operands[0]);
    for (std::size_t i = 1; i < count; ++i) {
      raw(",\"right\":");
      expression(expr.operands[i]);
      raw("}}");
    }
  }

  void attribute_names(std::span<const std::string> path) {
    for (const std::string& name : path) {
      raw(",\"attr\":");
      string(name);
      raw("}}");
    }
  }

  // x has a && x.a has b && …
  void has(const Expr& expr) {
    for (std::size_t i = 1; i < expr.path.size(); ++i) open("&&", "left");
    for (std::size_t i = 0; i < expr.path.size() && !is_full(); ++i) {
      if (i > 0) raw(",\"right\":");
      open("has", "left");
      for (std::size_t k = 0; k < i; ++k) open(".", "left");
      expression(expr.operands[0]);
      attribute_names(std::span(expr.path).first(i + 1));
      if (i > 0) raw("}}");
    }
  }

  void like(const Expr& expr) {
    open("like", "left");
    expression(expr.operands[0]);
    raw(",\"pattern\":[");
    bool first = true;
    for (std::size_t i = 0; i < expr.pattern.front().pieces().size(); ++i) {
      if (i > 0) {
        raw(std::exchange(first, false) ? "\"Wildcard\"" : ",\"Wildcard\"");
      }
      std::string_view piece = expr.pattern.front().pieces()[i];
      while (!piece.empty()) {  // one element a character
        std::size_t length = first_character(piece).bytes;
        raw(std::exchange(first, false) ? "{\"Literal\":" : ",{\"Literal\":");
        string(piece.substr(0, length));
        raw("}");
        piece.remove_prefix(length);
      }
    }
    raw("]}}");
  }

  void elements(const Expr& expr) {
    raw("[");
    for (bool first = true; ExprId id : expr.operands) {
      if (!std::exchange(first, false)) raw(",");
      expression(id);
    }
    raw("]");
  }

  void conditional(const Expr& expr) {
    open("if-then-else", "if");
    expression(expr.operands[0]);
    raw(",\"then\":");
    expression(expr.operands[1]);
    raw(",\"else\":");
    expression(expr.operands[2]);
    raw("}}");
  }

  void record(const Expr& expr) {
    raw("{\"Record\":{");
    for (std::size_t i = 0; i < expr.operands.size(); ++i) {
      if (i > 0) raw(",");
      string(expr.path[i]);
      raw(":");
      expression(expr.operands[i]);
    }
    raw("}}");
  }

  void literal(const Expr& expr) {
    raw("{\"Value\":");
    if (expr.kind == ExprKind::boolean) raw(expr.number != 0 ? "true" : "false");
    if (expr.kind == ExprKind::integer) raw(std::to_string(expr.number));
    if (expr.kind == ExprKind::string) string(expr.text);
    if (expr.kind == ExprKind::entity) {
      raw("{\"__entity\":");
      entity(expr.text, expr.text2);
      raw("}");
    }
    raw("}");
  }

  void is(const Expr& expr) {
    open("is", "left");
    expression(expr.operands[0]);
    raw(",\"entity_type\":");
    string(expr.text);
    if (expr.operands.size() > 1) {
      raw(",\"in\":");
      expression(expr.operands[1]);
    }
    raw("}}");
  }

  void expression(ExprId id) {
    if (is_full()) return;
    const Expr& expr = (*exprs_)[id];
    switch (expr.kind) {
      case ExprKind::boolean:
      case ExprKind::integer:
      case ExprKind::string:
      case ExprKind::entity:
        return literal(expr);
      case ExprKind::variable:
        raw("{\"Var\":\"");
        raw(spelling(expr.variable));
        return raw("\"}");
      case ExprKind::conditional:
        return conditional(expr);
      case ExprKind::or_chain:
        return chain(expr, [](std::size_t) { return std::string_view("||"); });
      case ExprKind::and_chain:
        return chain(expr, [](std::size_t) { return std::string_view("&&"); });
      case ExprKind::sum:
        return chain(expr, [&](std::size_t i) { return spelling(expr.ops[i - 1]); });
      case ExprKind::product:
        return chain(expr, [](std::size_t) { return std::string_view("*"); });
      case ExprKind::relation:
        return binary(spelling(expr.op), expr.operands[0], expr.operands[1]);
      case ExprKind::has:
        return has(expr);
      case ExprKind::like:
        return like(expr);
      case ExprKind::is:
        return is(expr);
      case ExprKind::negation:
        return unary("neg", expr.operands[0]);
      case ExprKind::logical_not:
        return unary("!", expr.operands[0]);
      case ExprKind::attribute:
        open(".", "left");
        expression(expr.operands[0]);
        return attribute_names({&expr.text, 1});
      case ExprKind::method:
        if (expr.operands.size() == 1) return unary(spelling(expr.method), expr.operands[0]);
        return binary(spelling(expr.method), expr.operands[0], expr.operands[1]);
      case ExprKind::extension:
        raw("{\"");
        raw(expr.extension->name);
        raw("\":");
        elements(expr);
        return raw("}");
      case ExprKind::set:
        raw("{\"Set\":");
        elements(expr);
        return raw("}");
      case ExprKind::record:
        return record(expr);
    }
  }

  const std::vector<Expr>* exprs_ = nullptr;
  std::size_t most_;
  std::string out_;
};

void write_link(Writer& writer, const Policy& policy) {
  const Link& link = *policy.link();
  writer.raw("{\"templateId\":");
  writer.string(link.template_id);
  writer.raw(",\"newId\":");
  writer.string(policy.id());
  writer.raw(",\"values\":{");
  bool first = true;
  for (auto [slot, value] : {std::pair("?principal", &link.values.principal), {"?resource", &link.values.resource}}) {
    if (!*value) continue;
    if (!std::exchange(first, false)) writer.raw(",");
    writer.string(slot);
    writer.raw(":{\"__entity\":");
    writer.entity((*value)->type_name(), (*value)->id());
    writer.raw("}");
  }
  writer.raw("}}");
}

}  // namespace

Result<std::string> write_policy_json(const ast::Policy& policy, const EstLimits& limits) {
  Writer writer(limits);
  writer.policy(policy);
  return writer.take();
}

Result<std::string> write_policy_set_json(const PolicySet& policies, const EstLimits& limits) {
  Writer writer(limits);
  writer.raw("{\"templates\":{");
  for (bool first = true; const Template& each : policies.templates()) {
    if (!std::exchange(first, false)) writer.raw(",");
    writer.string(each.id());
    writer.raw(":");
    writer.policy(each.syntax());
  }
  writer.raw("},\"staticPolicies\":{");
  for (bool first = true; const Policy& each : policies.all()) {
    if (each.link()) continue;
    if (!std::exchange(first, false)) writer.raw(",");
    writer.string(each.id());
    writer.raw(":");
    writer.policy(each.syntax());
  }
  writer.raw("},\"templateLinks\":[");
  for (bool first = true; const Policy& each : policies.all()) {
    if (!each.link()) continue;
    if (!std::exchange(first, false)) writer.raw(",");
    write_link(writer, each);
  }
  writer.raw("]}");
  return writer.take();
}

}  // namespace cedar
