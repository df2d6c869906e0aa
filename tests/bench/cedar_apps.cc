// The three applications that were published with Cedar (OOPSLA 2024, doi 10.1145/3649835): document sharing, code
// hosting, to-do lists. Hierarchies are random, with this probability of any possible connection.
#include "cedar_workload.h"

namespace cedar::bench {
namespace {

constexpr double kConnected = 0.05;

EntityUid uid(std::string_view type, std::string_view prefix, std::size_t number) {
  return {type, std::string(prefix) + std::to_string(number)};
}
std::string name_of(std::string_view app, Encoding encoding, std::size_t size) {
  return "cedar." + std::string(app) + (encoding == Encoding::templates ? "_templates_" : "_") + std::to_string(size);
}

// Every `type` by its number that happens to be connected, below `count`.
template <class Use>
void connected(Random& random, std::size_t count, Use use) {
  for (std::size_t i = 0; i < count; ++i) {
    if (random.chance(kConnected)) use(i);
  }
}

}  // namespace

Workload gdrive(std::size_t size, Encoding encoding) {
  Random random(21 + size);
  Workload out{.name = name_of("gdrive", encoding, size)};
  out.policies =
      "permit (principal, action == Action::\"read\", resource) when { resource.isPublic };\n"
      "permit (principal, action in [Action::\"read\", Action::\"write\", Action::\"share\"], resource)\n"
      "when { resource in principal.ownedDocuments || resource in principal.ownedFolders };\n"
      "permit (principal, action == Action::\"changeOwner\", resource)\n"
      "when { principal.ownedDocuments.contains(resource) };\n"
      "permit (principal, action == Action::\"createDocument\", resource)\n"
      "when { principal.ownedFolders.contains(resource) };\n";
  if (encoding == Encoding::templates) {
    out.templates = {"permit (principal in ?principal, action == Action::\"read\", resource in ?resource);"};
  } else {
    out.policies +=
        "permit (principal, action == Action::\"read\", resource)\n"
        "when { resource in principal.documentsAndFoldersWithViewAccess };\n";
  }
  std::vector<std::vector<EntityUid>> members(size);  // the views of a group's users
  for (std::size_t i = 0; i < size; ++i) {
    Entity user{.uid = uid("User", "user", i)};
    connected(random, size, [&](std::size_t group) {
      user.parents.push_back(uid("Group", "group", group));
      members[group].push_back(uid("View", "user", i));
    });
    std::vector<Value> documents;
    std::vector<Value> folders;
    connected(random, size, [&](std::size_t k) { documents.push_back(Value::entity(uid("Document", "doc", k))); });
    connected(random, size, [&](std::size_t k) { folders.push_back(Value::entity(uid("Folder", "folder", k))); });
    RecordBuilder attributes;
    attributes.set("ownedDocuments", Value::set(std::move(documents)))
        .set("ownedFolders", Value::set(std::move(folders)));
    if (encoding == Encoding::plain) {
      attributes.set("documentsAndFoldersWithViewAccess", Value::entity(uid("View", "user", i)));
      out.entities.push_back({.uid = uid("View", "user", i)});
    }
    user.attributes = attributes.build();
    out.entities.push_back(std::move(user));
  }
  for (std::size_t i = 0; i < size; ++i) {
    out.entities.push_back({.uid = uid("Group", "group", i)});
    if (encoding == Encoding::plain) out.entities.push_back({.uid = uid("View", "group", i), .parents = members[i]});
  }
  // Views are what a document or folder is in when somebody may see it; with templates, that is a link.
  auto shared = [&](Entity& thing) {
    for (const auto& [type, prefix] : {std::pair{"User", "user"}, {"Group", "group"}}) {
      connected(random, size, [&](std::size_t k) {
        if (encoding == Encoding::plain) {
          thing.parents.push_back(uid("View", prefix, k));
        } else {
          out.links.push_back({0, uid(type, prefix, k), thing.uid});
        }
      });
    }
  };
  for (std::size_t i = 0; i < size; ++i) {
    Entity document{.uid = uid("Document", "doc", i)};
    document.attributes = RecordBuilder().set("isPublic", Value::boolean(random.below(2) == 0)).build();
    connected(random, size, [&](std::size_t k) { document.parents.push_back(uid("Folder", "folder", k)); });
    shared(document);
    out.entities.push_back(std::move(document));
    Entity folder{.uid = uid("Folder", "folder", i)};
    connected(random, i, [&](std::size_t k) { folder.parents.push_back(uid("Folder", "folder", k)); });
    shared(folder);
    out.entities.push_back(std::move(folder));
  }
  for (std::size_t i = 0; i < kProposed; ++i) {
    static constexpr std::array<const char*, 5> kNames = {"read", "write", "share", "changeOwner", "createDocument"};
    std::size_t action = random.below(kNames.size());
    EntityUid resource =
        action == 4 ? uid("Folder", "folder", random.below(size)) : uid("Document", "doc", random.below(size));
    out.requests.emplace_back(uid("User", "user", random.below(size)), EntityUid("Action", kNames.at(action)),
                              resource);
  }
  return out;
}

Workload github(std::size_t size, Encoding encoding) {
  Random random(22 + size);
  Workload out{.name = name_of("github", encoding, size)};
  // What may be done at all levels from reading up; each is allowed to everyone who may do the next.
  static constexpr std::array<const char*, 5> kLevels = {"read", "triage", "write", "maintain", "admin"};
  static constexpr std::array<const char*, 5> kRoles = {"readers", "triagers", "writers", "maintainers", "admins"};
  static constexpr std::array<std::size_t, 3> kOwnerLevels = {0, 2, 4};
  auto head = [](std::size_t level) {
    return std::string(level == 0 ? "action == " : "action in ") + "Action::\"" + kLevels.at(level) + "\"";
  };
  for (std::size_t level = 0; level < kLevels.size(); ++level) {
    if (encoding == Encoding::templates) {
      out.templates.push_back("permit (principal in ?principal, " + head(level) + ", resource == ?resource);");
    } else {
      out.policies += "permit (principal, " + head(level) + ", resource) when { principal in resource." +
                      kRoles.at(level) + " };\n";
    }
  }
  for (std::size_t level : kOwnerLevels) {
    out.policies += "permit (principal, " + head(level) + ", resource) when { principal in resource.owner." +
                    kRoles.at(level) + " };\n";
  }
  for (std::size_t level = 0; level < kLevels.size(); ++level) {
    Entity action{.uid = EntityUid("Action", kLevels.at(level))};
    if (level + 1 < kLevels.size()) action.parents.emplace_back("Action", kLevels.at(level + 1));
    out.entities.push_back(std::move(action));
  }
  auto permission = [](std::string_view type, std::string_view prefix, std::size_t number, std::size_t level) {
    return EntityUid(type, std::string(prefix) + std::to_string(number) + "_" + kRoles.at(level));
  };
  auto some_owner_permission = [&](std::size_t org) {
    return permission("OrgPermission", "org", org, kOwnerLevels.at(random.below(3)));
  };
  auto uses_repositories = [&](Entity& who) {
    connected(random, size, [&](std::size_t repo) {
      std::size_t level = random.below(kLevels.size());
      if (encoding == Encoding::plain) {
        who.parents.push_back(permission("RepoPermission", "repo", repo, level));
      } else {
        out.links.push_back({level, who.uid, uid("Repository", "repo", repo)});
      }
    });
  };
  for (std::size_t i = 0; i < size; ++i) {
    Entity org{.uid = uid("Organization", "org", i)};
    connected(random, size, [&](std::size_t other) { org.parents.push_back(some_owner_permission(other)); });
    RecordBuilder held;
    for (std::size_t level : kOwnerLevels) {
      held.set(kRoles.at(level), Value::entity(permission("OrgPermission", "org", i, level)));
      out.entities.push_back({.uid = permission("OrgPermission", "org", i, level)});
    }
    org.attributes = held.build();
    out.entities.push_back(std::move(org));

    RecordBuilder repository;
    repository.set("owner", Value::entity(uid("Organization", "org", random.below(size))));
    for (std::size_t level = 0; encoding == Encoding::plain && level < kLevels.size(); ++level) {
      repository.set(kRoles.at(level), Value::entity(permission("RepoPermission", "repo", i, level)));
      out.entities.push_back({.uid = permission("RepoPermission", "repo", i, level)});
    }
    out.entities.push_back({.uid = uid("Repository", "repo", i), .attributes = repository.build()});

    Entity team{.uid = uid("Team", "team", i)};
    connected(random, i, [&](std::size_t other) { team.parents.push_back(uid("Team", "team", other)); });
    uses_repositories(team);
    out.entities.push_back(std::move(team));

    Entity user{.uid = uid("User", "user", i)};
    uses_repositories(user);
    connected(random, size, [&](std::size_t team_number) { user.parents.push_back(uid("Team", "team", team_number)); });
    connected(random, size, [&](std::size_t other) { user.parents.push_back(uid("Organization", "org", other)); });
    connected(random, size, [&](std::size_t other) { user.parents.push_back(some_owner_permission(other)); });
    out.entities.push_back(std::move(user));
  }
  for (std::size_t i = 0; i < kProposed; ++i) {
    out.requests.emplace_back(uid("User", "user", random.below(size)),
                              EntityUid("Action", kLevels.at(random.below(kLevels.size()))),
                              uid("Repository", "repo", random.below(size)));
  }
  return out;
}

Workload tinytodo(std::size_t size) {
  Random random(23 + size);
  Workload out{.name = name_of("tinytodo", Encoding::plain, size)};
  out.policies =
      "permit (principal, action in [Action::\"CreateList\", Action::\"GetLists\"], resource == "
      "Application::\"TinyTodo\");\n"
      "permit (principal, action, resource is List) when { resource.owner == principal };\n"
      "permit (principal, action == Action::\"GetList\", resource)\n"
      "when { principal in resource.readers || principal in resource.editors };\n"
      "permit (principal, action in [Action::\"UpdateList\", Action::\"CreateTask\", Action::\"UpdateTask\", "
      "Action::\"DeleteTask\"], resource)\nwhen { principal in resource.editors };\n";
  EntityUid application("Application", "TinyTodo");
  out.entities.push_back({.uid = application});
  for (std::size_t i = 0; i < size; ++i) {
    Entity user{.uid = uid("User", "user", i), .parents = {application}};
    connected(random, size, [&](std::size_t team) { user.parents.push_back(uid("Team", "team", team)); });
    out.entities.push_back(std::move(user));
    Entity team{.uid = uid("Team", "team", i), .parents = {application}};
    connected(random, i, [&](std::size_t other) { team.parents.push_back(uid("Team", "team", other)); });
    out.entities.push_back(std::move(team));
    std::vector<Value> tasks;
    for (std::size_t k = random.below(51); k > 0; --k) {
      tasks.push_back(RecordBuilder()
                          .set("name", Value::string("task" + std::to_string(random.below(1'000'000))))
                          .set("id", Value::integer(static_cast<std::int64_t>(random.below(1'000'000))))
                          .set("state", Value::string(random.below(2) == 0 ? "Checked" : "Unchecked"))
                          .build());
    }
    out.entities.push_back({.uid = uid("List", "list", i),
                            .parents = {application},
                            .attributes = RecordBuilder()
                                              .set("name", Value::string("list" + std::to_string(i)))
                                              .set("owner", Value::entity(uid("User", "user", random.below(size))))
                                              .set("readers", Value::entity(uid("Team", "team", random.below(size))))
                                              .set("editors", Value::entity(uid("Team", "team", random.below(size))))
                                              .set("tasks", Value::set(std::move(tasks)))
                                              .build()});
  }
  for (std::size_t i = 0; i < kProposed; ++i) {
    static constexpr std::array<const char*, 9> kNames = {"CreateList", "GetLists",   "GetList",
                                                          "UpdateList", "DeleteList", "CreateTask",
                                                          "UpdateTask", "DeleteTask", "EditShares"};
    std::size_t action = random.below(kNames.size());
    out.requests.emplace_back(uid("User", "user", random.below(size)), EntityUid("Action", kNames.at(action)),
                              action < 2 ? application : uid("List", "list", random.below(size)));
  }
  return out;
}

}  // namespace cedar::bench
