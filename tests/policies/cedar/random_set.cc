#include "random_set.h"

namespace cedar::test {

std::string Generator::uid(const std::string& type) {
  return type + "::\"" + std::to_string(below(5)) + "\"";
}

std::string Generator::scope(const std::string& variable, const std::string& type) {
  switch (below(6)) {
    case 0:
      return variable + " == " + uid(type);
    case 1:
      return variable + " in " + uid(type);
    case 2:
      return variable + " is " + type;
    case 3:
      return variable + " is " + type + " in " + uid(type);
    default:
      return variable;
  }
}

std::string Generator::action_scope() {
  switch (below(5)) {
    case 0:
      return "action == " + uid("Action");
    case 1:
      return "action in " + uid("Action");
    case 2: {
      std::string out = "action in [";
      for (std::size_t i = below(4); i > 0; --i) out += uid("Action") + ",";
      return out + "]";
    }
    default:
      return "action";
  }
}

std::string Generator::integer(int depth) {
  switch (below(depth > 0 ? 6 : 4)) {
    case 0:
      return std::to_string(below(4));
    case 1:
      return "context.n";
    case 2:
      return "principal.level";
    case 3:
      return "9223372036854775807";
    case 4:
      return "(" + integer(depth - 1) + " + " + integer(depth - 1) + ")";
    default:
      return "(" + integer(depth - 1) + " * " + integer(depth - 1) + ")";
  }
}

std::string Generator::boolean(int depth) {
  switch (below(depth > 0 ? 13 : 8)) {
    case 0:
      return "true";
    case 1:
      return "context.yes";
    case 2:
      return "(principal has level)";
    case 3:
      return "(principal in " + uid("User") + ")";
    case 4:
      return "(resource in [" + uid("Doc") + ", " + uid("Doc") + "])";
    case 5:
      return "(context.maybe == 1)";
    case 6:
      return "(action in " + uid("Action") + ")";
    case 7:
      return "principal.hasTag(\"t\")";
    case 8:
      return "(" + boolean(depth - 1) + " && " + boolean(depth - 1) + ")";
    case 9:
      return "(" + boolean(depth - 1) + " || " + boolean(depth - 1) + ")";
    case 10:
      return "!" + boolean(depth - 1);
    case 11:
      return "(if " + boolean(depth - 1) + " then " + boolean(depth - 1) + " else " + boolean(depth - 1) + ")";
    default:
      return "(" + integer(depth - 1) + (below(2) == 0 ? " < " : " != ") + integer(depth - 1) + ")";
  }
}

std::string Generator::policies(std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out += below(3) == 0 ? "forbid (" : "permit (";
    out += scope("principal", "User") + ", " + action_scope() + ", " + scope("resource", "Doc") + ")";
    for (std::size_t clauses = below(3); clauses > 0; --clauses) {
      out += std::string(below(2) == 0 ? " when" : " unless") + " { " + boolean(3) + " }";
    }
    out += ";\n";
  }
  return out;
}

std::vector<Entity> Generator::entities() {
  std::vector<Entity> out;
  for (const char* type : {"User", "Doc", "Action"}) {
    for (std::size_t i = 0; i < 5; ++i) {
      if (below(5) == 0) continue;
      Entity entity{.uid = EntityUid(type, std::to_string(i))};
      for (std::size_t parent = i + 1; parent < 5; ++parent) {
        if (below(3) == 0) entity.parents.emplace_back(type, std::to_string(parent));
      }
      if (below(3) != 0) {
        entity.attributes = RecordBuilder().set("level", Value::integer(static_cast<std::int64_t>(below(4)))).build();
      }
      if (below(2) == 0) entity.tags = RecordBuilder().set("t", Value::string("v")).build();
      out.push_back(std::move(entity));
    }
  }
  return out;
}

Request Generator::request() {
  RecordBuilder context;
  if (below(4) != 0) context.set("n", Value::integer(static_cast<std::int64_t>(below(4))));
  if (below(4) != 0) context.set("yes", Value::boolean(below(2) == 0));
  if (below(3) == 0) context.set("maybe", below(2) == 0 ? Value::integer(1) : Value::unknown("maybe"));
  auto id = [this] { return std::to_string(below(5)); };
  Value principal = below(8) == 0 ? Value::unknown("who", Presence::present, below(2) == 0 ? "User" : "")
                                  : Value::entity(EntityUid("User", id()));
  return Request(std::move(principal), EntityUid("Action", id()), Value::entity(EntityUid("Doc", id())),
                 context.build());
}

}  // namespace cedar::test
