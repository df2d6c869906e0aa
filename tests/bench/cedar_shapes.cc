#include <algorithm>

#include "cedar_workload.h"

namespace cedar::bench {
namespace {

constexpr std::size_t kActions = 20;
constexpr std::size_t kGroups = 4;  // of actions

std::string text(std::string_view type, std::string_view prefix, std::size_t number) {
  return std::string(type) + "::\"" + std::string(prefix) + std::to_string(number) + "\"";
}
EntityUid uid(std::string_view type, std::string_view prefix, std::size_t number) {
  return {type, std::string(prefix) + std::to_string(number)};
}
Value word(std::string_view prefix, std::size_t number) {
  return Value::string(std::string(prefix) + std::to_string(number));
}
Value number(std::size_t value) {
  return Value::integer(static_cast<std::int64_t>(value));
}

// Twenty actions in four groups, all of them in "any".
void add_actions(Workload& out) {
  for (std::size_t group = 0; group < kGroups; ++group) {
    out.entities.push_back({.uid = uid("Action", "group", group), .parents = {EntityUid("Action", "any")}});
  }
  for (std::size_t action = 0; action < kActions; ++action) {
    out.entities.push_back(
        {.uid = uid("Action", "act", action), .parents = {uid("Action", "group", action % kGroups)}});
  }
}

// How many users, documents and the like an organisation with so many policies has.
std::size_t population(std::size_t size) {
  return std::clamp<std::size_t>(size, 20, 2000);
}

}  // namespace

// Roles inherit from one another, eight to one; documents lie in folders, folders in folders.
Workload roles(std::size_t size) {
  Random random(11);
  Workload out{.name = "cedar.roles_" + std::to_string(size)};
  add_actions(out);
  std::size_t role_count = std::max<std::size_t>(4, size / 4);
  std::size_t folders = std::max<std::size_t>(4, size / 10);
  for (std::size_t i = 0; i < size; ++i) {
    out.policies += "permit (principal in " + text("Role", "role", i % role_count) + ", action in " +
                    text("Action", "group", i / role_count % kGroups) + ", resource in " +
                    text("Folder", "folder", random.below(folders)) + ");\n";
  }
  for (std::size_t i = 0; i < role_count; ++i) {
    Entity role{.uid = uid("Role", "role", i)};
    if (i >= 8) role.parents.push_back(uid("Role", "role", i / 8));
    out.entities.push_back(std::move(role));
  }
  for (std::size_t i = 0; i < folders; ++i) {
    Entity folder{.uid = uid("Folder", "folder", i)};
    if (i >= 6) folder.parents.push_back(uid("Folder", "folder", i / 6));
    out.entities.push_back(std::move(folder));
  }
  std::size_t people = population(size);
  for (std::size_t i = 0; i < people; ++i) {
    out.entities.push_back(
        {.uid = uid("User", "user", i),
         .parents = {uid("Role", "role", i % role_count), uid("Role", "role", random.below(role_count))}});
    out.entities.push_back(
        {.uid = uid("Document", "doc", i), .parents = {uid("Folder", "folder", random.below(folders))}});
  }
  for (std::size_t i = 0; i < kProposed; ++i) {
    out.requests.emplace_back(uid("User", "user", random.below(people)), uid("Action", "act", random.below(kActions)),
                              uid("Document", "doc", random.below(people)));
  }
  return out;
}

// Every head is open but for the group of the action; what matters stands in `when`.
Workload attributes(std::size_t size) {
  Random random(12);
  Workload out{.name = "cedar.attributes_" + std::to_string(size)};
  add_actions(out);
  std::size_t projects = std::max<std::size_t>(3, size / 8);
  constexpr std::array<std::string_view, 4> kEnvironments = {"development", "staging", "production", "laboratory"};
  for (std::size_t i = 0; i < size; ++i) {
    out.policies += "permit (principal, action in " + text("Action", "group", random.below(kGroups)) +
                    ", resource)\nwhen { resource.environment == \"" + std::string(kEnvironments.at(random.below(4))) +
                    "\" && resource.project == \"project" + std::to_string(i % projects) +
                    "\" && principal.department == \"department" + std::to_string(random.below(12)) +
                    "\" && principal.clearance >= resource.sensitivity };\n";
  }
  std::size_t people = population(size);
  for (std::size_t i = 0; i < people; ++i) {
    out.entities.push_back({.uid = uid("User", "user", i),
                            .parents = {},
                            .attributes = RecordBuilder()
                                              .set("department", word("department", random.below(12)))
                                              .set("clearance", number(random.below(5)))
                                              .set("name", word("user", i))
                                              .build()});
    out.entities.push_back({.uid = uid("Document", "doc", i),
                            .parents = {},
                            .attributes = RecordBuilder()
                                              .set("environment", Value::string(kEnvironments.at(random.below(4))))
                                              .set("project", word("project", random.below(projects)))
                                              .set("sensitivity", number(random.below(5)))
                                              .set("title", word("document ", i))
                                              .build()});
  }
  for (std::size_t i = 0; i < kProposed; ++i) {
    out.requests.emplace_back(uid("User", "user", random.below(people)), uid("Action", "act", random.below(kActions)),
                              uid("Document", "doc", random.below(people)));
  }
  return out;
}

// Sharing: each grant is a link of one of two templates.
Workload grants(std::size_t size) {
  Random random(13);
  Workload out{.name = "cedar.grants_" + std::to_string(size)};
  add_actions(out);
  out.templates = {"permit (principal == ?principal, action in Action::\"group0\", resource == ?resource);",
                   "permit (principal == ?principal, action in Action::\"group1\", resource == ?resource)\n"
                   "unless { resource.archived };"};
  std::size_t people = population(size);
  std::size_t documents = population(size);
  for (std::size_t i = 0; i < size; ++i) {
    out.links.push_back(
        {random.below(2), uid("User", "user", random.below(people)), uid("Document", "doc", random.below(documents))});
  }
  for (std::size_t i = 0; i < people; ++i) out.entities.push_back({.uid = uid("User", "user", i), .parents = {}});
  for (std::size_t i = 0; i < documents; ++i) {
    out.entities.push_back(
        {.uid = uid("Document", "doc", i),
         .parents = {},
         .attributes = RecordBuilder().set("archived", Value::boolean(random.below(5) == 0)).build()});
  }
  for (std::size_t i = 0; i < kProposed; ++i) {
    EntityUid action = uid("Action", "act", random.below(kActions));
    if (random.below(2) == 0) {  // something that was shared
      const TemplateLink& link = out.links[random.below(out.links.size())];
      out.requests.emplace_back(link.principal, action, link.resource);
    } else {
      out.requests.emplace_back(uid("User", "user", random.below(people)), action,
                                uid("Document", "doc", random.below(documents)));
    }
  }
  return out;
}

// Few permits, many forbids on groups of actions, each about a label.
Workload guards(std::size_t size) {
  Random random(14);
  Workload out{.name = "cedar.guards_" + std::to_string(size)};
  add_actions(out);
  std::size_t labels = std::max<std::size_t>(8, size / 2);
  std::size_t teams = std::max<std::size_t>(2, size / 20);
  for (std::size_t i = 0; i < size; ++i) {
    std::string group = text("Action", "group", random.below(kGroups));
    if (i % 5 == 0) {
      out.policies += "permit (principal in " + text("Team", "team", i / 5 % teams) + ", action in " + group +
                      ", resource is Table);\n";
    } else {
      out.policies += "forbid (principal, action in " + group +
                      ", resource is Table)\nwhen { resource.labels.contains(\"label" +
                      std::to_string(random.below(labels)) +
                      "\") }\nunless { principal.level >= " + std::to_string(1 + random.below(4)) + " };\n";
    }
  }
  std::size_t people = population(size);
  for (std::size_t i = 0; i < people; ++i) {
    out.entities.push_back({.uid = uid("User", "user", i),
                            .parents = {uid("Team", "team", random.below(teams))},
                            .attributes = RecordBuilder().set("level", number(random.below(5))).build()});
    std::vector<Value> mine;
    for (std::size_t k = random.below(4); k > 0; --k) mine.push_back(word("label", random.below(labels)));
    out.entities.push_back({.uid = uid("Table", "table", i),
                            .parents = {},
                            .attributes = RecordBuilder().set("labels", Value::set(std::move(mine))).build()});
  }
  for (std::size_t i = 0; i < kProposed; ++i) {
    out.requests.emplace_back(uid("User", "user", random.below(people)), uid("Action", "act", random.below(kActions)),
                              uid("Table", "table", random.below(people)));
  }
  return out;
}

// A gateway before many systems: rules by environment and owner, teams, single agents with single resources, forbids on
// what a call says, and some that are about everything. Entities come with the request.
Workload mix(std::size_t size) {
  Random random(15);
  Workload out{.name = "cedar.decide_" + std::to_string(size), .bring = Workload::Bring::own_entities};
  add_actions(out);
  std::size_t agents = population(size);
  std::size_t tools = population(size);
  std::size_t teams = std::max<std::size_t>(3, size / 20);
  std::size_t owners = std::max<std::size_t>(3, size / 10);
  constexpr std::array<std::string_view, 3> kEnvironments = {"development", "staging", "production"};
  for (std::size_t i = 0; i < size; ++i) {
    std::string group = text("Action", "group", random.below(kGroups));
    std::size_t kind = random.below(100);
    if (i == 0) {
      out.policies +=
          "forbid (principal is Agent, action in Action::\"group3\", resource)\n"
          "when { resource.environment == \"production\" && context.hour > 20 };\n";
    } else if (i == 1) {
      out.policies +=
          "permit (principal is Agent, action in Action::\"group0\", resource)\n"
          "when { resource.environment == \"development\" };\n";
    } else if (i == 2) {
      out.policies +=
          "forbid (principal, action, resource)\n"
          "unless { ip(context.address).isInRange(ip(\"10.0.0.0/8\")) };\n";
    } else if (kind < 30) {
      out.policies += "permit (principal is Agent, action in " + group +
                      ", resource)\nwhen { resource.owner == \"owner" + std::to_string(random.below(owners)) +
                      "\" && resource.environment == \"" + std::string(kEnvironments.at(random.below(3))) +
                      "\" && principal.level >= resource.tier };\n";
    } else if (kind < 50) {
      out.policies += "permit (principal in " + text("Team", "team", random.below(teams)) + ", action in " + group +
                      ", resource in " + text("Upstream", "upstream", random.below(20)) + ");\n";
    } else if (kind < 75) {
      out.policies += "permit (principal == " + text("Agent", "agent", random.below(agents)) +
                      ", action == " + text("Action", "act", random.below(kActions)) +
                      ", resource == " + text("Tool", "tool", random.below(tools)) + ");\n";
    } else if (kind < 90) {
      out.policies += "forbid (principal, action in " + group +
                      ", resource == " + text("Tool", "tool", random.below(tools)) +
                      ")\nwhen { context has input.path && context.input.path like \"/etc/*\" };\n";
    } else {
      out.policies += "forbid (principal, action in " + group +
                      ", resource is Tool)\nwhen { resource.labels.contains(\"label" +
                      std::to_string(random.below(owners)) + "\") && !([\"agent0\", \"agent" +
                      std::to_string(random.below(agents)) + "\"].contains(principal.name)) };\n";
    }
  }
  for (std::size_t i = 0; i < agents; ++i) {
    out.entities.push_back({.uid = uid("Agent", "agent", i),
                            .parents = {uid("Team", "team", i % teams), uid("Team", "team", random.below(teams))},
                            .attributes = RecordBuilder()
                                              .set("name", word("agent", i))
                                              .set("level", number(random.below(5)))
                                              .set("owner", Value::entity(uid("User", "user", random.below(agents))))
                                              .build()});
  }
  for (std::size_t i = 0; i < tools; ++i) {
    Value labels = Value::set({word("label", random.below(owners)), word("label", random.below(owners))});
    out.entities.push_back({.uid = uid("Tool", "tool", i),
                            .parents = {uid("Upstream", "upstream", i % 20)},
                            .attributes = RecordBuilder()
                                              .set("environment", Value::string(kEnvironments.at(random.below(3))))
                                              .set("owner", word("owner", random.below(owners)))
                                              .set("tier", number(random.below(4)))
                                              .set("labels", std::move(labels))
                                              .set("name", word("tool", i))
                                              .build()});
  }
  for (std::size_t i = 0; i < kProposed; ++i) {
    std::string path = random.below(4) == 0 ? "/etc/passwd" : "/home/work/file" + std::to_string(i);
    Value input = RecordBuilder().set("path", Value::string(path)).set("mode", number(random.below(8))).build();
    Value context = RecordBuilder()
                        .set("hour", number(random.below(24)))
                        .set("address", word("10.1.2.", random.below(250)))
                        .set("input", std::move(input))
                        .build();
    out.requests.emplace_back(uid("Agent", "agent", random.below(agents)), uid("Action", "act", random.below(kActions)),
                              uid("Tool", "tool", random.below(tools)), std::move(context));
  }
  return out;
}

}  // namespace cedar::bench
