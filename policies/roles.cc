#include "policies/roles.h"

#include <algorithm>
#include <span>

#include "policies/cedar/authorizer.h"
#include "policies/cedar/validator.h"
#include "policies/folder.h"
#include "policies/links.h"
#include "policies/problems.h"
#include "policies/snapshot.h"
#include "policies/validation.h"

namespace countersign::policies {
namespace {

constexpr std::string_view kSchema = R"(entity Team in [Team] { name: String };
entity User in [Team] { name: String, level: String, rank: Long };

namespace Console {
  entity Gateway;
  action "read", "change";
  action read_requests, read_audit, read_policies in ["read"] appliesTo {
    principal: [User], resource: [Gateway], context: {}
  };
  action vote, edit_policies, activate_policies, manage_tokens, freeze_agents, manage_people in ["change"] appliesTo {
    principal: [User], resource: [Gateway], context: {}
  };
}
)";

// The text of policies/default/roles/default.cedar; a test compares them.
constexpr std::string_view kDefault =
    R"(// What people may do in Countersign itself: the console, the admin API, the command line. Principals are the users of
// entities.yaml, in their teams; the only resource is this gateway. Whether somebody may decide a certain request is not
// said here but in approvals.yaml: whoever may vote at all still votes only where a stage asks for them, and never on
// what is their own.
//
// Without a file in roles/, exactly this is in force.

@id("everybody-listed-reads-and-votes")
permit (
  principal is User,
  action in [Console::Action::"read", Console::Action::"vote"],
  resource
);

// An edit takes two people whatever stands here: nobody activates what they have proposed themselves.
@id("seniors-edit-policies-and-freeze-agents")
permit (
  principal is User,
  action in
    [Console::Action::"edit_policies",
     Console::Action::"activate_policies",
     Console::Action::"freeze_agents"],
  resource
)
when { principal.rank >= 3 };

@id("directors-manage-tokens-and-people")
permit (
  principal is User,
  action in [Console::Action::"manage_tokens", Console::Action::"manage_people"],
  resource
)
when { principal.rank >= 5 };
)";

const cedar::Schema& schema() {
  static const cedar::Schema parsed = *cedar::Schema::parse(kSchema);
  return parsed;
}

// Uids of every question, made once.
struct Words {
  std::array<cedar::EntityUid, kPermissions.size()> actions;
  cedar::EntityUid gateway{"Console::Gateway", "gateway"};
  Words() : actions(make(std::make_index_sequence<kPermissions.size()>())) {}

 private:
  template <std::size_t... I>
  static std::array<cedar::EntityUid, kPermissions.size()> make(std::index_sequence<I...>) {
    return {cedar::EntityUid("Console::Action", permission_name(kPermissions[I]))...};
  }
};
const Words& words() {
  static const Words all;
  return all;
}

// The user in their teams, the action in its groups.
Status add_entities(const Directory& directory, const User& user, const cedar::EntityUid& action,
                    cedar::EntityOverlay& out) {
  const Vocabulary& names = vocabulary();
  cedar::Entity person{cedar::EntityUid(names.user, user.name), {}};
  for (const std::string& team : directory.teams_of(user.name)) person.parents.emplace_back(names.team, team);
  person.attributes = cedar::RecordBuilder()
                          .set("name", cedar::Value::string(user.name))
                          .set("level", cedar::Value::string(level_name(user.level)))
                          .set("rank", cedar::Value::integer(rank_of(user.level)))
                          .build();
  if (auto added = out.add(std::move(person)); !added) return added;
  for (const cedar::Entity& entity : schema().action_entities()) {
    if (entity.uid != action) continue;
    if (auto added = out.add(entity); !added) return added;
  }
  return out.add({words().gateway, {}});
}

// Only what has a meaning here may be written: an @approval would be passed over, and look as if it held something.
void check_annotations(std::span<const cedar::ast::Annotation> annotations, const cedar::Source& source,
                       Problems& problems) {
  for (const cedar::ast::Annotation& annotation : annotations) {
    if (annotation.key == "description" || annotation.key == "allow") continue;
    if (annotation.key == "id" && is_policy_name(annotation.value)) continue;
    problems.push_back(problem_at(source, annotation.span, "roles.annotation",
                                  annotation.key == "id" ? "@id has 1 to 100 letters, digits and any of - _ . : /"
                                                         : "@" + annotation.key + " has no meaning for a permission",
                                  "annotations here are @id, @description and @allow"));
  }
}

}  // namespace

std::string_view permission_name(Permission permission) {
  switch (permission) {
    case Permission::read_requests:
      return "read_requests";
    case Permission::vote:
      return "vote";
    case Permission::read_audit:
      return "read_audit";
    case Permission::read_policies:
      return "read_policies";
    case Permission::edit_policies:
      return "edit_policies";
    case Permission::activate_policies:
      return "activate_policies";
    case Permission::manage_tokens:
      return "manage_tokens";
    case Permission::freeze_agents:
      return "freeze_agents";
    case Permission::manage_people:
      return "manage_people";
  }
  return "";
}

std::string_view default_roles_text() {
  return kDefault;
}

std::string_view roles_schema_text() {
  return kSchema;
}

std::shared_ptr<const Roles> Roles::make(std::vector<cedar::PolicySet::NamedText> texts, Problems& problems) {
  auto parsed = cedar::PolicySet::parse(std::move(texts));
  if (!parsed) {
    for (const cedar::SourceDiagnostic& found : parsed.error()) problems.push_back(problem_of(found, "cedar.syntax"));
    return nullptr;
  }
  Problems found;
  for (const cedar::Template& each : parsed->templates()) {
    found.push_back(problem_at(each.source(), each.span(), "roles.template", "nothing links templates of roles",
                               "write entities where the slots are"));
  }
  for (const cedar::Policy& policy : parsed->all()) check_annotations(policy.annotations(), policy.source(), found);
  cedar::Validation validation = cedar::validate(*parsed, schema());
  auto report = [&](const cedar::ValidationFinding& finding, Severity severity) {
    found.push_back(problem_at(*finding.source, finding.diagnostic.span,
                               "cedar." + std::string(cedar::name_of(finding.kind)), finding.diagnostic.message,
                               finding.diagnostic.help, severity));
  };
  for (const cedar::ValidationFinding& finding : validation.errors) report(finding, Severity::error);
  for (const cedar::ValidationFinding& finding : validation.warnings) {
    // That a policy with an error never applies follows from the error.
    if (std::ranges::find(validation.errors, finding.policy, &cedar::ValidationFinding::policy) !=
        validation.errors.end())
      continue;
    // A forbid that can never apply protects nothing.
    auto ref = parsed->find(finding.policy);
    bool forbid = ref && (*parsed)[*ref].effect() == cedar::Effect::forbid;
    bool vain = forbid && finding.kind == cedar::Finding::impossible_policy;
    report(finding, vain ? Severity::error : Severity::warning);
  }
  bool sound = !has_errors(found);
  problems.insert(problems.end(), found.begin(), found.end());
  if (!sound) return nullptr;
  static_cast<void>(parsed->index());
  return std::shared_ptr<const Roles>(new Roles(std::move(*parsed)));
}

std::shared_ptr<const Roles> Roles::built_in() {
  static const std::shared_ptr<const Roles> roles = [] {
    Problems none;
    return make({{"(built in)", std::string(kDefault)}}, none);
  }();
  return roles;
}

std::shared_ptr<const Roles> Roles::load(const SnapshotSource& source, Problems& problems) {
  if (source.roles.empty()) return built_in();
  std::vector<cedar::PolicySet::NamedText> texts;
  for (const FileText& file : source.roles) texts.push_back({file.path, file.text});
  return make(std::move(texts), problems);
}

std::shared_ptr<const Roles> Roles::load(const std::filesystem::path& folder, Problems& problems) {
  Problems found;
  SnapshotSource source = read_folder(folder, found);
  // A file of roles that cannot be read is not a file that is not there.
  if (has_errors(found)) {
    problems.insert(problems.end(), found.begin(), found.end());
    return nullptr;
  }
  return load(source, problems);
}

bool Roles::may(const Directory& directory, std::string_view user, Permission permission) const {
  const User* person = directory.find_user(user);
  if (person == nullptr) return false;
  const cedar::EntityUid& action = words().actions[static_cast<std::size_t>(permission)];
  static const cedar::Entities nothing;
  cedar::EntityOverlay entities(nothing);
  if (!add_entities(directory, *person, action, entities)) return false;
  cedar::Request request(cedar::EntityUid(vocabulary().user, person->name), action, words().gateway,
                         cedar::Value::record({}));
  cedar::Answer answer = cedar::authorize(policies_, request, entities);
  return !answer.satisfied_permits.empty() && answer.satisfied_forbids.empty() && answer.errored_forbids.empty() &&
         answer.maybe_forbids.empty();
}

std::vector<Permission> Roles::permissions_of(const Directory& directory, std::string_view user) const {
  std::vector<Permission> out;
  for (Permission permission : kPermissions) {
    if (may(directory, user, permission)) out.push_back(permission);
  }
  return out;
}

void Roles::check(const Directory& directory, Problems& problems) const {
  for (const cedar::Policy& policy : policies_.all()) {
    if (allows({policy.annotations().begin(), policy.annotations().end()}, "unknown-entity")) continue;
    auto look = [&](const std::string& type, const std::string& id, cedar::Span span) {
      bool missing = (type == "Team" && !directory.find_team(id)) || (type == "User" && !directory.find_user(id));
      if (!missing) return;
      std::vector<std::string_view> names;
      for (const auto& [name, team] : directory.teams()) {
        if (type == "Team") names.push_back(name);
      }
      for (const auto& [name, person] : directory.users()) {
        if (type == "User") names.push_back(name);
      }
      std::string_view near = closest(id, names);
      problems.push_back(
          problem_at(policy.source(), span, "lint.unknown-entity",
                     "entities.yaml lists no " + std::string(type == "Team" ? "team" : "user") + " `" + id + "`",
                     near.empty() ? "" : "did you mean `" + std::string(near) + "`?",
                     policy.effect() == cedar::Effect::forbid ? Severity::error : Severity::warning));
    };
    const cedar::ast::Policy& syntax = policy.syntax();
    for (const cedar::ast::EntityLiteral& entity : syntax.principal.entities) look(entity.type, entity.id, entity.span);
    for (const cedar::ast::Expr& expr : syntax.exprs) {
      if (expr.kind == cedar::ast::ExprKind::entity) look(expr.text, expr.text2, expr.span);
    }
  }
  if (directory.users().empty()) return;
  std::size_t editors = 0;
  std::size_t activators = 0;
  std::size_t either = 0;
  for (const auto& [name, user] : directory.users()) {
    bool edits = may(directory, name, Permission::edit_policies);
    bool activates = may(directory, name, Permission::activate_policies);
    editors += edits ? 1 : 0;
    activators += activates ? 1 : 0;
    either += edits || activates ? 1 : 0;
  }
  if (editors > 0 && activators > 0 && either > 1) return;
  problems.push_back({.file = std::string(kRolesFolder),
                      .message = "an edit of policies takes two people, and " +
                                 std::string(editors == 0      ? "nobody listed may propose one"
                                             : activators == 0 ? "nobody listed may activate one"
                                                               : "only one person may have to do with it"),
                      .severity = Severity::warning,
                      .code = "lint.nobody-may",
                      .help = "permit edit_policies and activate_policies to more users of entities.yaml"});
}

}  // namespace countersign::policies
