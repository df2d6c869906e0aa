#include "policies/set_diff.h"

#include <map>

#include "policies/cedar/policy_set.h"

namespace countersign::policies {
namespace {

struct Known {
  std::string file;
  std::string text;
  bool operator==(const Known&) const = default;
};
using ById = std::map<std::string, Known>;

// Where a policy stands matters as far as it says what it is: an ordinary one, one of the floor, a role.
std::string kind_of(std::string_view file) {
  std::size_t slash = file.find('/');
  return std::string(file.substr(0, slash == std::string_view::npos ? 0 : slash + 1));
}

std::optional<ById> policies_of(const SnapshotSource& source) {
  ById out;
  for (const auto* files : {&source.policies, &source.roles}) {
    for (const FileText& file : *files) {
      auto parsed = cedar::PolicySet::parse({{file.name, file.text}});
      if (!parsed) return std::nullopt;
      int count = 0;
      auto add = [&](std::optional<std::string_view> id, std::string_view text) {
        std::string name = file.name + ":" + std::to_string(++count);
        if (id) name = *id;
        // Roles have ids of their own.
        if (file.name.starts_with(kRolesFolder) && id) name.insert(0, kRolesFolder);
        out.emplace(std::move(name), Known{file.name, std::string(text)});
      };
      for (const cedar::Policy& policy : parsed->all()) add(policy.annotation("id"), policy.text());
      for (const cedar::Template& each : parsed->templates()) {
        add(each.annotation("id"), each.source().text().substr(each.span().offset, each.span().length));
      }
    }
  }
  return out;
}

Json or_null(const std::optional<std::string>& text) {
  return text ? Json(*text) : Json(nullptr);
}

}  // namespace

SetDiff diff_sets(const SnapshotSource& before, const SnapshotSource& after) {
  SetDiff out;
  std::map<std::string, FileChange> files;
  for (const FileText* file : before.all()) files[file->name] = {file->name, file->text, std::nullopt};
  for (const FileText* file : after.all()) {
    FileChange& change = files[file->name];
    change.path = file->name;
    change.after = file->text;
  }
  for (auto& [name, change] : files) {
    if (change.before != change.after) out.files.push_back(std::move(change));
  }
  auto old_policies = policies_of(before);
  auto new_policies = policies_of(after);
  if (!old_policies || !new_policies) return out;
  std::map<std::string, PolicyChange> changes;
  for (auto& [id, known] : *old_policies) {
    auto now = new_policies->find(id);
    bool same = now != new_policies->end() && now->second.text == known.text &&
                kind_of(now->second.file) == kind_of(known.file);
    if (!same) changes[id] = {PolicyChange::Kind::removed, id, known.file, known.text, ""};
  }
  for (auto& [id, known] : *new_policies) {
    auto was = changes.find(id);
    if (was != changes.end()) {
      was->second.kind = PolicyChange::Kind::changed;
      was->second.file = known.file;
      was->second.after = known.text;
    } else if (!old_policies->contains(id)) {
      changes[id] = {PolicyChange::Kind::added, id, known.file, "", known.text};
    }
  }
  out.policies.emplace();
  for (auto& [id, change] : changes) out.policies->push_back(std::move(change));
  return out;
}

Json diff_json(const SetDiff& diff) {
  Json files = Json::array();
  for (const FileChange& file : diff.files)
    files.push_back({{"path", file.path}, {"before", or_null(file.before)}, {"after", or_null(file.after)}});
  Json out = {{"files", std::move(files)}, {"policies", nullptr}};
  if (!diff.policies) return out;
  Json policies = Json::array();
  for (const PolicyChange& change : *diff.policies) {
    Json one = {{"id", change.id}, {"file", change.file}};
    one["before"] = change.kind == PolicyChange::Kind::added ? Json(nullptr) : Json(change.before);
    one["after"] = change.kind == PolicyChange::Kind::removed ? Json(nullptr) : Json(change.after);
    one["change"] = change.kind == PolicyChange::Kind::added     ? "added"
                    : change.kind == PolicyChange::Kind::removed ? "removed"
                                                                 : "changed";
    policies.push_back(std::move(one));
  }
  out["policies"] = std::move(policies);
  return out;
}

}  // namespace countersign::policies
