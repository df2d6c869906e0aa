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

std::string Generator::question() {
  auto word = [this] { return "\"w" + std::to_string(below(6)) + "\""; };
  auto path = [this] {
    return one_of<std::string>({"resource.env", "principal.env", "context.env", "resource.owner.env"});
  };
  auto set = [this] { return one_of<std::string>({"resource.words", "context.words", "principal.words"}); };
  switch (below(18)) {
    case 0:
      return word() + " == " + path();
    case 1:
      return "[" + word() + ", " + word() + "].contains(" + path() + ")";
    case 2:
    case 3:
      return set() + ".contains(" + word() + ")";
    case 4:
      return set() + ".containsAny([" + word() + ", " + word() + "])";
    case 5:
      return set() + ".containsAll([" + word() + ", " + word() + "])";
    case 6:
      return "principal in " + uid("User");
    case 7:
      return "resource.owner in [" + uid("User") + ", " + uid("User") + "]";
    case 8:
      return "resource.owner is " + one_of<std::string>({"User", "Doc", "Team"});
    case 9:
      return "principal is User in " + uid("User");
    case 10:
      return "resource has env && resource.env == " + word();
    case 11:
      return one_of<std::string>({"context.yes", "context has env", "resource.env like \"w*\"", "!context.yes"});
    case 12:
      return "principal == " + uid("User");
    case 13:
      return one_of<std::string>({"resource.env == [1]", "[].contains(resource.env)", "resource.owner in []"});
    case 14:
      return "resource.words == [" + word() + "]";
    case 15:
      return "resource.env == " + std::to_string(below(3));
    default:
      return path() + " == " + word();
  }
}

std::string Generator::conditional_policies(std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out += below(3) == 0 ? "forbid (" : "permit (";
    bool open = below(2) == 0;
    out += (open ? "principal" : scope("principal", "User")) + ", " + action_scope() + ", " +
           (open ? "resource" : scope("resource", "Doc")) + ")";
    for (std::size_t clauses = below(3); clauses > 0; --clauses) {
      out += std::string(below(5) == 0 ? " unless" : " when") + " { ";
      for (std::size_t more = below(3); more > 0; --more) out += question() + " && ";
      out += below(3) == 0 ? boolean(2) : question();
      out += " }";
    }
    out += ";\n";
  }
  return out;
}

std::string Generator::template_policy() {
  std::string principal = one_of<std::string>({"principal == ?principal", "principal in ?principal"});
  std::string resource = one_of<std::string>({"resource == ?resource", "resource is Doc in ?resource"});
  return "permit (" + principal + ", " + action_scope() + ", " + resource + ") when { " + question() + " };";
}

// Of what question() asks about: a word, a few words, something else, or unknown.
Value Generator::attribute() {
  auto word = [this] { return Value::string("w" + std::to_string(below(6))); };
  switch (below(8)) {
    case 0:
      return Value::integer(static_cast<std::int64_t>(below(3)));
    case 1:
      return Value::unknown("it", below(2) == 0 ? Presence::present : Presence::maybe_absent);
    case 2:
      return Value::set({word(), Value::unknown("one of them")});
    case 3:
      return Value::set({word(), word(), word()});
    default:
      return word();
  }
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
      RecordBuilder attributes;
      if (below(3) != 0) attributes.set("level", Value::integer(static_cast<std::int64_t>(below(4))));
      if (below(4) != 0) attributes.set("env", attribute());
      if (below(4) != 0) attributes.set("words", below(3) == 0 ? attribute() : Value::set({attribute(), attribute()}));
      if (below(4) != 0) attributes.set("owner", Value::entity(slot_value(below(6) == 0 ? "Doc" : "User")));
      entity.attributes = attributes.build();
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
  if (below(4) != 0) context.set("env", attribute());
  if (below(4) != 0) context.set("words", Value::set({attribute(), attribute()}));
  if (below(3) == 0) context.set("maybe", below(2) == 0 ? Value::integer(1) : Value::unknown("maybe"));
  auto id = [this] { return std::to_string(below(5)); };
  Value principal = below(8) == 0 ? Value::unknown("who", Presence::present, below(2) == 0 ? "User" : "")
                                  : Value::entity(EntityUid("User", id()));
  Value resource = below(8) == 0 ? Value::unknown("what", Presence::present, below(2) == 0 ? "Doc" : "")
                                 : Value::entity(EntityUid("Doc", id()));
  return Request(std::move(principal), EntityUid("Action", id()), std::move(resource),
                 below(12) == 0 ? Value::unknown("context") : context.build());
}

}  // namespace cedar::test
