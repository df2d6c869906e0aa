#include <algorithm>
#include <optional>
#include <ranges>
#include <utility>

#include "policies/cedar/est_reader.h"
#include "policies/cedar/spelling.h"

namespace cedar::detail {
namespace {

using ast::Expr;
using ast::ExprId;
using ast::ExprKind;
using countersign::ErrorKind;
using countersign::fail;
using countersign::Json;

std::unexpected<countersign::Error> refuse_at(const std::string& path, const std::string& message) {
  return fail(ErrorKind::malformed, "cedar.est.invalid", path.empty() ? message : path + ": " + message);
}

bool is_identifier(std::string_view word) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !word.empty() && letter(word.front()) &&
         std::ranges::all_of(word, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}
// Not reserved either.
bool is_name(std::string_view word) {
  return is_identifier(word) && is_entity_type_name(word);
}

const Json* member(const Json& object, const char* key) {
  auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

bool is_string(const Json* json) {
  return json != nullptr && json->is_string();
}

const std::string& text_of(const Json& json) {
  return json.get_ref<const std::string&>();
}

bool is_entity_body(const Json& json) {
  return json.is_object() && is_string(member(json, "type")) && is_string(member(json, "id"));
}

std::optional<ast::Operator> relation_of(std::string_view key) {
  if (key == "==") return ast::Operator::equal;
  if (key == "!=") return ast::Operator::not_equal;
  if (key == "<") return ast::Operator::less;
  if (key == "<=") return ast::Operator::less_equal;
  if (key == ">") return ast::Operator::greater;
  if (key == ">=") return ast::Operator::greater_equal;
  if (key == "in") return ast::Operator::in;
  return std::nullopt;
}

std::optional<ExprKind> chain_of(std::string_view key) {
  if (key == "&&") return ExprKind::and_chain;
  if (key == "||") return ExprKind::or_chain;
  if (key == "+" || key == "-") return ExprKind::sum;
  if (key == "*") return ExprKind::product;
  return std::nullopt;
}

// Recursive: every step down is counted against the depth; chains are walked in a loop.
class PolicyReader {
 public:
  PolicyReader(std::string path, const EstLimits& limits, std::size_t& values)
      : path_(std::move(path)), depth_(std::min<std::size_t>(limits.depth, 1000)), values_(values) {}

  Result<ast::Policy> policy(const Json& json) {
    if (auto ok = members(json, {"effect", "principal", "action", "resource", "conditions"}, {"annotations"}); !ok)
      return fail(ok.error());
    if (json["effect"] != "permit" && json["effect"] != "forbid") return refuse("`effect` is \"permit\" or \"forbid\"");
    policy_.effect = json["effect"] == "permit" ? ast::Effect::permit : ast::Effect::forbid;
    if (auto ok = scope(json["principal"], policy_.principal, "principal"); !ok) return fail(ok.error());
    if (auto ok = scope(json["action"], policy_.action, "action"); !ok) return fail(ok.error());
    if (auto ok = scope(json["resource"], policy_.resource, "resource"); !ok) return fail(ok.error());
    if (json.contains("annotations")) {
      if (auto ok = annotations(json["annotations"]); !ok) return fail(ok.error());
    }
    if (!json["conditions"].is_array()) return refuse("`conditions` must be an array");
    for (std::size_t i = 0; i < json["conditions"].size(); ++i) {
      Step step(*this, ".conditions[" + std::to_string(i) + "]");
      if (auto ok = condition(json["conditions"][i]); !ok) return fail(ok.error());
    }
    return std::move(policy_);
  }

 private:
  // Lengthens the path while in scope.
  class Step {
   public:
    Step(PolicyReader& reader, std::string_view step) : reader_(reader), before_(reader.path_.size()) {
      reader.path_ += step;
    }
    ~Step() { reader_.path_.resize(before_); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    PolicyReader& reader_;
    std::size_t before_;
  };

  std::unexpected<countersign::Error> refuse(const std::string& message) const { return refuse_at(path_, message); }

  // An object with all of `required`, and of others only `optional`.
  Status members(const Json& json, std::initializer_list<const char*> required,
                 std::initializer_list<const char*> optional = {}) const {
    if (!json.is_object()) return refuse("expected an object");
    for (const char* key : required) {
      if (!json.contains(key)) return refuse("the member `" + std::string(key) + "` is missing");
    }
    for (const auto& [key, value] : json.items()) {
      auto same = [&](const char* known) { return key == known; };
      if (!std::ranges::any_of(required, same) && !std::ranges::any_of(optional, same))
        return refuse("unknown member `" + key + "`");
    }
    return {};
  }

  Status scope(const Json& json, ast::Scope& scope, std::string_view name) {
    Step step(*this, "." + std::string(name));
    if (!json.is_object() || !is_string(member(json, "op"))) return refuse("expected an object with `op`");
    const std::string& op = text_of(json["op"]);
    bool action = name == "action";
    if (op == "All" || op == "all") return {};
    if (op == "==" || op == "in") {
      scope.kind = op == "==" ? ast::ScopeKind::equal : ast::ScopeKind::in;
      const Json* list = member(json, "entities");
      if (action && op == "in" && !json.contains("entity") && list != nullptr) return entity_list(*list, scope);
      return target(json, scope, name);
    }
    if (op != "is" || action) return refuse("`" + op + "` is no operator of this head");
    if (auto ok = members(json, {"op", "entity_type"}, {"in"}); !ok) return ok;
    if (!is_string(&json["entity_type"]) || !is_entity_type_name(text_of(json["entity_type"])))
      return refuse("`entity_type` is not an entity type name");
    scope.kind = ast::ScopeKind::is;
    scope.type = text_of(json["entity_type"]);
    const Json* group = member(json, "in");
    if (group == nullptr || group->is_null()) return {};
    scope.kind = ast::ScopeKind::is_in;
    Step inner(*this, ".in");
    if (!group->is_object()) return refuse("expected an object with `entity` or `slot`");
    return target(*group, scope, name);
  }

  Status entity_list(const Json& list, ast::Scope& scope) {
    scope.kind = ast::ScopeKind::in_list;
    if (!list.is_array()) return refuse("`entities` must be an array");
    for (std::size_t i = 0; i < list.size(); ++i) {
      Step step(*this, ".entities[" + std::to_string(i) + "]");
      if (auto ok = scope_entity(list[i], scope, "action"); !ok) return ok;
    }
    return {};
  }

  Status target(const Json& json, ast::Scope& scope, std::string_view name) {
    if (const Json* entity = member(json, "entity")) {
      Step step(*this, ".entity");
      return scope_entity(*entity, scope, name);
    }
    const Json* slot = member(json, "slot");
    if (!is_string(slot)) return refuse("expected `entity` or `slot`");
    if (name == "action") return refuse("an action cannot be a template slot");
    if (text_of(*slot) != "?" + std::string(name))
      return refuse("the slot of this head is `?" + std::string(name) + "`");
    scope.slot = true;
    return {};
  }

  Status scope_entity(const Json& json, ast::Scope& scope, std::string_view name) {
    auto literal = read_entity(json, path_);
    if (!literal) return fail(literal.error());
    if (name == "action" && literal->type != "Action" && !literal->type.ends_with("::Action"))
      return refuse("expected an entity of type `Action`, found one of type `" + literal->type + "`");
    scope.entities.push_back(std::move(*literal));
    return {};
  }

  Status annotations(const Json& json) {
    Step step(*this, ".annotations");
    if (!json.is_object()) return refuse("expected an object");
    for (const auto& [key, value] : json.items()) {
      if (!is_identifier(key)) return refuse("`" + key + "` is not an identifier");
      if (!value.is_string() && !value.is_null()) return refuse("the value of `" + key + "` must be text or null");
      policy_.annotations.push_back({key, value.is_null() ? "" : text_of(value), !value.is_null(), {}});
    }
    return {};
  }

  Status condition(const Json& json) {
    if (auto ok = members(json, {"kind", "body"}); !ok) return ok;
    if (json["kind"] != "when" && json["kind"] != "unless") return refuse("`kind` is \"when\" or \"unless\"");
    ast::Clause clause{json["kind"] == "when" ? ast::ClauseKind::when : ast::ClauseKind::unless, 0, {}};
    auto body = expression(json["body"], ".body");
    if (!body) return fail(body.error());
    clause.body = *body;
    policy_.clauses.push_back(clause);
    return {};
  }

  // Adds a node whose operands are there already.
  Result<ExprId> add(Expr expr) {
    std::uint16_t below = 0;
    for (ExprId id : expr.operands) below = std::max(below, policy_.exprs[id].height);
    if (below + 1U > depth_) return too_deep();
    if (values_ == 0) return fail(ErrorKind::too_large, "cedar.est.too_large", "these policies have too many values");
    --values_;
    expr.height = static_cast<std::uint16_t>(below + 1);
    policy_.exprs.push_back(std::move(expr));
    return static_cast<ExprId>(policy_.exprs.size() - 1);
  }
  std::unexpected<countersign::Error> too_deep() const {
    return fail(ErrorKind::too_large, "cedar.est.too_large",
                "expression is nested too deeply: at most " + std::to_string(depth_) + " levels are allowed");
  }

  Result<ExprId> expression(const Json& json, std::string_view where) {
    if (level_ >= depth_) return too_deep();
    ++level_;
    Step step(*this, where);
    auto result = any(json);
    --level_;
    return result;
  }

  // Reads members of `body` in order and appends them to the operands.
  Status operands(const Json& body, std::initializer_list<const char*> names, Expr& expr) {
    for (const char* name : names) {
      auto operand = expression(body[name], "." + std::string(name));
      if (!operand) return fail(operand.error());
      expr.operands.push_back(*operand);
    }
    return {};
  }
  Result<ExprId> with_operands(const Json& body, std::initializer_list<const char*> names, Expr expr) {
    if (auto ok = members(body, names); !ok) return fail(ok.error());
    if (auto ok = operands(body, names, expr); !ok) return fail(ok.error());
    return add(std::move(expr));
  }

  Result<ExprId> any(const Json& json) {
    if (!json.is_object() || json.size() != 1) return refuse("an expression is an object with one member");
    const std::string& key = json.begin().key();
    const Json& body = json.begin().value();
    Step step(*this, "." + (key.size() <= 40 ? key : key.substr(0, 40)));
    if (key == "Value") return value(body);
    if (key == "Var") return variable(body);
    if (key == "Slot") return refuse("a template slot cannot stand in a condition");
    if (key == "!") return with_operands(body, {"arg"}, {.kind = ExprKind::logical_not});
    if (key == "neg") return with_operands(body, {"arg"}, {.kind = ExprKind::negation});
    if (key == "isEmpty")
      return with_operands(body, {"arg"}, {.kind = ExprKind::method, .method = ast::Method::is_empty});
    if (chain_of(key)) return chain(json);
    if (auto op = relation_of(key))
      return with_operands(body, {"left", "right"}, {.kind = ExprKind::relation, .op = *op});
    if (auto method = method_named(key))
      return with_operands(body, {"left", "right"}, {.kind = ExprKind::method, .method = *method});
    if (key == "if-then-else") return with_operands(body, {"if", "then", "else"}, {.kind = ExprKind::conditional});
    if (key == ".") return attribute(body);
    if (key == "has") return has(body);
    if (key == "like") return like(body);
    if (key == "is") return is(body);
    if (key == "Set") return set(body);
    if (key == "Record") return record(body);
    return call(key, body);
  }

  // `a && b && c` nests to the left as deep as it is long, so the left side is walked, not called.
  Result<ExprId> chain(const Json& json) {
    ExprKind kind = *chain_of(json.begin().key());
    Expr expr{.kind = kind};
    std::vector<const Json*> rights;
    const Json* left = &json;
    while (left->is_object() && left->size() == 1 && chain_of(left->begin().key()) == kind) {
      const Json& body = left->begin().value();
      if (auto ok = members(body, {"left", "right"}); !ok) return fail(ok.error());
      if (kind == ExprKind::sum)
        expr.ops.push_back(left->begin().key() == "+" ? ast::Operator::plus : ast::Operator::minus);
      rights.push_back(&body["right"]);
      left = &body["left"];
    }
    std::ranges::reverse(expr.ops);
    auto first = expression(*left, ".left");
    if (!first) return first;
    expr.operands.push_back(*first);
    for (const Json* right : std::views::reverse(rights)) {
      auto operand = expression(*right, ".right");
      if (!operand) return operand;
      expr.operands.push_back(*operand);
    }
    return add(std::move(expr));
  }

  Result<ExprId> variable(const Json& body) {
    constexpr std::string_view kNames[] = {"principal", "action", "resource", "context"};
    for (std::size_t i = 0; i < std::size(kNames); ++i) {
      if (body.is_string() && text_of(body) == kNames[i])
        return add({.kind = ExprKind::variable, .variable = static_cast<ast::Variable>(i)});
    }
    return refuse("the variables are `principal`, `action`, `resource` and `context`");
  }

  Result<ExprId> attribute(const Json& body) {
    if (auto ok = members(body, {"left", "attr"}); !ok) return fail(ok.error());
    if (!body["attr"].is_string()) return refuse("`attr` must be text");
    Expr expr{.kind = ExprKind::attribute, .text = text_of(body["attr"])};
    if (auto ok = operands(body, {"left"}, expr); !ok) return fail(ok.error());
    return add(std::move(expr));
  }

  // What else the object holds is ignored, here alone, as the official reader does.
  Result<ExprId> has(const Json& body) {
    if (!body.is_object() || !body.contains("left") || !body.contains("attr"))
      return refuse("expected `left` and `attr`");
    const Json& attr = body["attr"];
    Expr expr{.kind = ExprKind::has};
    bool texts = attr.is_array() && !attr.empty() && attr.size() <= depth_ &&
                 std::ranges::all_of(attr, [](const Json& each) { return each.is_string(); });
    if (!attr.is_string() && !texts) {
      return refuse("`attr` must be text or a list of one to " + std::to_string(depth_) + " texts");
    }
    if (attr.is_string()) expr.path.push_back(text_of(attr));
    if (attr.is_array()) {
      for (const Json& each : attr) expr.path.push_back(text_of(each));
    }
    if (expr.path.size() > 1 && !std::ranges::all_of(expr.path, is_name)) return long_has(body["left"], expr.path);
    if (auto ok = operands(body, {"left"}, expr); !ok) return fail(ok.error());
    return add(std::move(expr));
  }

  // A path that text cannot spell: x has "a b" && x["a b"] has c.
  Result<ExprId> long_has(const Json& left, const std::vector<std::string>& path) {
    Expr out{.kind = ExprKind::and_chain};
    for (std::size_t i = 0; i < path.size(); ++i) {
      auto target = expression(left, ".left");
      for (std::size_t k = 0; target && k < i; ++k)
        target = add({.kind = ExprKind::attribute, .text = path[k], .operands = {*target}});
      if (!target) return target;
      auto part = add({.kind = ExprKind::has, .operands = {*target}, .path = {path[i]}});
      if (!part) return part;
      out.operands.push_back(*part);
    }
    return add(std::move(out));
  }

  Result<ExprId> like(const Json& body) {
    if (auto ok = members(body, {"left", "pattern"}); !ok) return fail(ok.error());
    if (!body["pattern"].is_array()) return refuse("`pattern` must be an array");
    std::vector<std::string> pieces(1);
    for (const Json& each : body["pattern"]) {
      if (each == "Wildcard" ||
          (each.is_object() && each.size() == 1 && each.contains("Wildcard") && each["Wildcard"].is_null())) {
        pieces.emplace_back();
      } else if (each.is_object() && each.size() == 1 && is_string(member(each, "Literal"))) {
        pieces.back() += text_of(each["Literal"]);
      } else {
        return refuse("a pattern is made of \"Wildcard\" and {\"Literal\": …}");
      }
    }
    Expr expr{.kind = ExprKind::like};
    expr.pattern.emplace_back(std::move(pieces));
    if (auto ok = operands(body, {"left"}, expr); !ok) return fail(ok.error());
    return add(std::move(expr));
  }

  Result<ExprId> is(const Json& body) {
    if (auto ok = members(body, {"left", "entity_type"}, {"in"}); !ok) return fail(ok.error());
    if (!body["entity_type"].is_string() || !is_entity_type_name(text_of(body["entity_type"])))
      return refuse("`entity_type` is not an entity type name");
    Expr expr{.kind = ExprKind::is, .text = text_of(body["entity_type"])};
    if (auto ok = operands(body, {"left"}, expr); !ok) return fail(ok.error());
    const Json* group = member(body, "in");
    if (group != nullptr && !group->is_null()) {
      if (auto ok = operands(body, {"in"}, expr); !ok) return fail(ok.error());
    }
    return add(std::move(expr));
  }

  Result<ExprId> set(const Json& body) {
    if (!body.is_array()) return refuse("expected an array");
    Expr expr{.kind = ExprKind::set};
    if (auto ok = elements(body, expr); !ok) return fail(ok.error());
    return add(std::move(expr));
  }

  Status elements(const Json& body, Expr& expr) {
    for (std::size_t i = 0; i < body.size(); ++i) {
      auto element = expression(body[i], "[" + std::to_string(i) + "]");
      if (!element) return fail(element.error());
      expr.operands.push_back(*element);
    }
    return {};
  }

  Result<ExprId> record(const Json& body) {
    if (!body.is_object()) return refuse("expected an object");
    Expr expr{.kind = ExprKind::record};
    for (const auto& [key, each] : body.items()) {
      auto read = expression(each, "." + key);
      if (!read) return read;
      expr.path.push_back(key);
      expr.operands.push_back(*read);
    }
    return add(std::move(expr));
  }

  Result<ExprId> call(const std::string& name, const Json& body) {
    const ExtensionFunction* function = find_extension(name);
    if (function == nullptr) return refuse("`" + name + "` is neither an operator nor a function");
    if (!body.is_array()) return refuse("expected an array of arguments");
    if (body.empty() && !function->is_constructor())
      return refuse("the method `" + name + "` needs what it is called on");
    Expr expr{.kind = ExprKind::extension, .extension = function};
    if (auto ok = elements(body, expr); !ok) return fail(ok.error());
    return add(std::move(expr));
  }

  // What stands in {"Value": …}: entity JSON, as in attributes.
  Result<ExprId> value(const Json& json) {
    if (level_ >= depth_) return too_deep();
    ++level_;
    auto result = any_value(json);
    --level_;
    return result;
  }

  Result<ExprId> any_value(const Json& json) {
    switch (json.type()) {
      case Json::value_t::boolean:
        return add({.kind = ExprKind::boolean, .number = json.get<bool>() ? 1 : 0});
      case Json::value_t::string:
        return add({.kind = ExprKind::string, .text = text_of(json)});
      case Json::value_t::number_unsigned:
        if (json.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX))
          return refuse("this integer does not fit in 64 bits");
        return add({.kind = ExprKind::integer, .number = json.get<std::int64_t>()});
      case Json::value_t::number_integer:
        return add({.kind = ExprKind::integer, .number = json.get<std::int64_t>()});
      case Json::value_t::number_float:
        return refuse("fractions are not allowed; write a decimal");
      case Json::value_t::array: {
        Expr expr{.kind = ExprKind::set};
        for (const Json& each : json) {
          auto element = value(each);
          if (!element) return element;
          expr.operands.push_back(*element);
        }
        return add(std::move(expr));
      }
      case Json::value_t::object:
        return object_value(json);
      default:
        return refuse("`null` is not allowed");
    }
  }

  // An escape that is not exactly one is a record, as the official reader has it.
  Result<ExprId> object_value(const Json& json) {
    if (json.size() == 1) {
      const Json& body = json.begin().value();
      const std::string& key = json.begin().key();
      if (key == "__expr" && body.is_string()) return refuse("`__expr` is no longer supported");
      if (key == "__entity" && is_entity_body(body)) {
        auto literal = read_entity(body, path_);
        if (!literal) return fail(literal.error());
        return add({.kind = ExprKind::entity, .text = std::move(literal->type), .text2 = std::move(literal->id)});
      }
      if (key == "__extn" && body.is_object() && is_string(member(body, "fn"))) {
        if (const Json* argument = member(body, "arg")) return extension_value(text_of(body["fn"]), {argument});
        const Json* list = member(body, "args");
        if (list != nullptr && list->is_array()) {
          std::vector<const Json*> arguments;
          for (const Json& each : *list) arguments.push_back(&each);
          return extension_value(text_of(body["fn"]), arguments);
        }
      }
    }
    Expr expr{.kind = ExprKind::record};
    for (const auto& [key, each] : json.items()) {
      auto read = value(each);
      if (!read) return read;
      expr.path.push_back(key);
      expr.operands.push_back(*read);
    }
    return add(std::move(expr));
  }

  Result<ExprId> extension_value(const std::string& name, const std::vector<const Json*>& arguments) {
    const ExtensionFunction* function = find_extension(name);
    if (function == nullptr) return refuse("`" + name + "` is not a function");
    if (arguments.empty() && !function->is_constructor())
      return refuse("the method `" + name + "` needs what it is called on");
    Expr expr{.kind = ExprKind::extension, .extension = function};
    for (const Json* argument : arguments) {
      auto read = value(*argument);
      if (!read) return read;
      expr.operands.push_back(*read);
    }
    return add(std::move(expr));
  }

  std::string path_;
  std::size_t depth_;
  std::size_t level_ = 0;
  std::size_t& values_;
  ast::Policy policy_;
};

}  // namespace

Result<ast::EntityLiteral> read_entity(const Json& json, const std::string& path) {
  const Json* body = &json;
  if (json.is_object() && json.contains("__entity") && is_entity_body(json["__entity"])) body = &json["__entity"];
  if (!is_entity_body(*body)) return refuse_at(path, "expected an entity: {\"type\": …, \"id\": …}");
  const std::string& type = text_of((*body)["type"]);
  if (!is_entity_type_name(type)) return refuse_at(path, "`" + type + "` is not an entity type name");
  return ast::EntityLiteral{type, text_of((*body)["id"]), {}};
}

Result<ast::Policy> read_policy(const Json& json, std::string path, const EstLimits& limits, std::size_t& values) {
  return PolicyReader(std::move(path), limits, values).policy(json);
}

}  // namespace cedar::detail
