#include "policies/snapshot.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "core/sha256.h"
#include "policies/cedar/utf8.h"
#include "policies/check.h"
#include "policies/folder.h"
#include "policies/links.h"
#include "policies/problems.h"
#include "policies/validation.h"

namespace countersign::policies {

namespace {

constexpr std::size_t kReasonBytes = 500;  // of what agents are told

void digest_labels(FieldDigest& digest, const Labels& labels) {
  digest.field(labels.environment).field(std::to_string(labels.tier)).field(labels.owner);
  digest.field(std::to_string(labels.free.size()));
  for (const auto& [name, value] : labels.free) digest.field(name).field(value);
}

}  // namespace

// Fills a Snapshot step by step; every step reports what is wrong and goes on.
struct SnapshotBuilder {
  Snapshot& out;
  Problems& problems;

  void entities_file(const SnapshotSource& source, const std::vector<config::Upstream>& upstreams) {
    yaml::Node empty;
    std::optional<yaml::Node> root;
    std::string path = source.entities ? source.entities->path : std::string("entities.yaml");
    if (source.entities) root = yaml::parse(path, source.entities->text, problems, {.bytes = kFileBytes});
    yaml::Map map(path, root ? *root : empty, "entities.yaml", problems);
    out.directory_ = Directory::read(path, map, problems);
    out.inventory_ = Inventory::read(path, map, upstreams, problems);
    map.finish();
    for (const config::Upstream& upstream : upstreams) out.upstreams_.push_back(upstream.name);
    std::ranges::sort(out.upstreams_);
  }

  void policy_files(const SnapshotSource& source) {
    std::vector<cedar::PolicySet::NamedText> texts;
    std::map<std::string, std::string> names;  // path → name in the folder
    for (const FileText& file : source.policies) {
      texts.push_back({file.path, file.text});
      names[file.path] = file.name;
    }
    auto parsed = cedar::PolicySet::parse(std::move(texts));
    if (!parsed) {
      for (const cedar::SourceDiagnostic& found : parsed.error()) {
        problems.push_back(problem_of(found, "cedar.syntax"));
      }
      return;
    }
    std::map<std::string, int> numbers;  // id → its place among the policies of its file, from 1
    std::map<std::string, int> counts;
    for (const cedar::Policy& policy : parsed->all()) {
      numbers[policy.id()] = ++counts[names[policy.source().name()]];
    }
    out.policies_ = std::move(*parsed);
    set_shadow_apart();
    if (source.links) add_links(source.links->path, source.links->text, out.policies_, problems);
    static_cast<void>(out.policies_.index());  // made here, not by the first request
    unlinked_templates();
    if (out.policies_.size() == 0 && !has_errors(problems))
      problems.push_back({"policies", 0, 0, "there is no policy at all: nothing would ever be allowed"});
    std::map<std::string, std::string> ids;  // id → where
    auto claim = [&](const std::string& id, const cedar::Source& file, cedar::Position at) {
      auto [found, fresh] = ids.emplace(id, file.name() + ":" + std::to_string(at.line));
      if (!fresh) problem(file.name(), at, "another policy has the id `" + id + "`, at " + found->second);
    };
    for (const cedar::Template& each : out.policies_.templates()) {
      if (auto id = each.annotation("id")) claim(std::string(*id), each.source(), each.source().locate(each.span()));
    }
    for (auto [set, facts] : {std::pair(&out.policies_, &out.facts_), std::pair(&out.shadow_, &out.shadow_facts_)}) {
      for (const cedar::Policy& policy : set->all()) {
        const std::string& name = names[policy.source().name()];
        facts->push_back(facts_of(policy, name, numbers[policy.id()]));
        claim(facts->back().id, policy.source(), policy.position());
        out.mentions_.add(facts->back().mentions);
      }
    }
    std::ranges::sort(out.approval_uses_, {}, [](const ApprovalUse& use) {
      return std::tuple<std::string, std::string, int>(use.rule, use.file, use.line);
    });
  }

  // Policies with @shadow go into a set of their own, so that nothing which decides has to know of them.
  void set_shadow_apart() {
    bool any = std::ranges::any_of(out.policies_.all(),
                                   [](const cedar::Policy& policy) { return policy.annotation("shadow").has_value(); });
    for (const cedar::Template& each : out.policies_.templates()) {
      if (!each.annotation("shadow")) continue;
      problems.push_back(problem_at(each.source(), each.span(), "lint.shadow-template",
                                    "@shadow does not belong to a template: its links would count",
                                    "write a policy without slots"));
    }
    if (!any) return;
    cedar::PolicySet counting;
    auto add = [&](cedar::PolicySet& set, const auto& policy) {
      if (auto added = set.add(policy.id(), policy.shared_source(), policy.syntax()); !added)
        problem(policy.source().name(), policy.position(), added.error().message);
    };
    for (const cedar::Policy& policy : out.policies_.all())
      add(policy.annotation("shadow") ? out.shadow_ : counting, policy);
    for (const cedar::Template& each : out.policies_.templates()) add(counting, each);
    static_cast<void>(out.shadow_.index());
    out.policies_ = std::move(counting);
  }

  // A template that nothing links decides nothing: a forbid among them protects nothing.
  void unlinked_templates() {
    for (const cedar::Template& each : out.policies_.templates()) {
      bool linked = std::ranges::any_of(out.policies_.all(), [&](const cedar::Policy& policy) {
        return policy.link() && policy.link()->template_id == each.id();
      });
      if (linked || allows(each.syntax().annotations, "unlinked-template")) continue;
      bool forbid = each.effect() == cedar::Effect::forbid;
      problems.push_back(problem_at(each.source(), each.span(), "lint.unlinked-template",
                                    "no link uses this template, so it decides nothing",
                                    "fill its slots in links.yaml, or write entities where they are",
                                    forbid ? Severity::error : Severity::warning));
    }
  }

  PolicyFacts facts_of(const cedar::Policy& policy, const std::string& file, int index) {
    PolicyFacts facts;
    facts.id = file + ":" + std::to_string(index);
    facts.floor = file.starts_with(kFloor);
    facts.mentions = mentions_of(policy);
    for (const cedar::ast::Annotation& annotation : policy.annotations()) {
      cedar::Position at = policy.source().locate(annotation.span);
      const std::string& name = policy.source().name();
      if (annotation.key == "id") {
        if (!is_policy_name(annotation.value))
          problem(name, at, "@id has 1 to 100 letters, digits and any of - _ . : /");
        facts.id = annotation.value;
      } else if (annotation.key == "approval") {
        approval(policy, annotation, at, facts);
      } else if (annotation.key == "shadow") {
        facts.shadow = true;
        if (policy.effect() == cedar::Effect::permit)
          problem(name, at, "@shadow belongs to a forbid: other Cedar tools would take the permit for one that counts");
        if (facts.floor) problem(name, at, "@shadow is not allowed in the floor: everything that stands there counts");
      } else if (annotation.key == "secrets") {
        facts.reveals = true;
        if (policy.effect() != cedar::Effect::permit)
          problem(name, at, "@secrets belongs to a permit: what a forbid forbids has no answer");
        if (annotation.value != "reveal")
          problem(name, at, "@secrets has one value, \"reveal\"; without it secrets in answers are redacted");
      } else if (annotation.key == "reason") {
        facts.reason = cedar::beginning(annotation.value, kReasonBytes);
      } else if (annotation.key != "description" && annotation.key != "allow") {
        std::string_view near =
            closest(annotation.key, {"id", "approval", "reason", "description", "allow", "shadow", "secrets"});
        problem(name, at,
                "unknown annotation @" + annotation.key +
                    (near.empty() ? "" : "; did you mean @" + std::string(near) + "?"),
                Severity::warning);
      }
    }
    if (policy.link()) facts.id = policy.id();
    return facts;
  }

  void approval(const cedar::Policy& policy, const cedar::ast::Annotation& annotation, cedar::Position at,
                PolicyFacts& facts) {
    const std::string& name = policy.source().name();
    if (facts.floor)
      return problem(name, at, "@approval is not allowed in the floor: nothing releases what stands there");
    if (policy.effect() == cedar::Effect::permit)
      return problem(name, at, "@approval belongs to a forbid: on a permit it would hold nothing back");
    if (!is_policy_name(annotation.value))
      return problem(name, at, "@approval needs the name of a rule in approvals.yaml");
    facts.approval = annotation.value;
    out.approval_uses_.push_back({annotation.value, name, static_cast<int>(at.line), static_cast<int>(at.column)});
  }

  // People, teams and upstreams; agents and resources come with each request.
  void entities() {
    const Vocabulary& words = vocabulary();
    std::vector<cedar::Entity> all;
    for (const auto& [name, team] : out.directory_.teams()) {
      cedar::Entity entity{cedar::EntityUid(words.team, name), {}};
      for (const std::string& parent : team.parents) entity.parents.emplace_back(words.team, parent);
      entity.attributes = cedar::RecordBuilder().set("name", cedar::Value::string(name)).build();
      all.push_back(std::move(entity));
    }
    for (const auto& [name, user] : out.directory_.users()) {
      cedar::Entity entity{cedar::EntityUid(words.user, name), {}};
      for (const std::string& team : user.teams) entity.parents.emplace_back(words.team, team);
      entity.attributes = cedar::RecordBuilder()
                              .set("name", cedar::Value::string(name))
                              .set("level", cedar::Value::string(level_name(user.level)))
                              .set("rank", cedar::Value::integer(rank_of(user.level)))
                              .build();
      all.push_back(std::move(entity));
    }
    for (const std::string& name : out.upstreams_) {
      const Labels& labels = out.inventory_.upstream_labels(name);
      std::vector<cedar::Field> free;
      for (const auto& [key, value] : labels.free) free.emplace_back(cedar::Text(key), cedar::Value::string(value));
      cedar::Entity entity{cedar::EntityUid(words.upstream, name), {}};
      entity.attributes = cedar::RecordBuilder()
                              .set("name", cedar::Value::string(name))
                              .set("environment", cedar::Value::string(labels.environment))
                              .set("tier", cedar::Value::integer(labels.tier))
                              .set("owner", cedar::Value::string(labels.owner))
                              .set("labels", cedar::Value::record(std::move(free)))
                              .build();
      all.push_back(std::move(entity));
    }
    auto made = cedar::Entities::make(std::move(all));
    if (made) {
      out.entities_ = std::move(*made);
    } else {
      problems.push_back({"entities.yaml", 0, 0, made.error().message});
    }
  }

  // Types come from everything that was read.
  void schema(const SnapshotSource& source, const std::vector<config::Upstream>& upstreams) {
    Declarations declared;
    if (source.declarations)
      declared = read_declarations(source.declarations->path, source.declarations->text, problems);
    std::string entities_file = source.entities ? source.entities->path : "entities.yaml";
    SchemaParts parts =
        collect_schema(entities_file, declared, out.directory_, out.inventory_, upstreams, out.policies_, problems);
    collect_named_actions(out.shadow_, parts);
    out.schema_ = PolicySchema::make(std::move(parts), problems);
  }

  void digest(const SnapshotSource& source) {
    FieldDigest digest("countersign/policies/2");
    std::vector<const FileText*> files = source.all();
    std::erase_if(files, [](const FileText* file) { return file->name.starts_with(kTestsFolder); });
    digest.field(std::to_string(files.size()));
    for (const FileText* file : files) digest.field(file->name).field(file->text);
    for (const std::string& upstream : out.upstreams_) {
      digest.field(upstream);
      digest_labels(digest, out.inventory_.upstream_labels(upstream));
    }
    out.digest_ = to_hex(digest.finish());
  }

  void problem(const std::string& file, cedar::Position at, std::string message, Severity severity = Severity::error) {
    problems.push_back({file, static_cast<int>(at.line), static_cast<int>(at.column), std::move(message), severity});
  }
};

std::shared_ptr<const Snapshot> Snapshot::load(const std::filesystem::path& folder,
                                               const std::vector<config::Upstream>& upstreams, Problems& problems) {
  Problems found;
  SnapshotSource source = read_folder(folder, found);
  bool complete = !has_errors(found);
  auto snapshot = load(source, upstreams, found);
  sort_problems(found);
  problems.insert(problems.end(), found.begin(), found.end());
  return complete ? snapshot : nullptr;
}

std::shared_ptr<const Snapshot> Snapshot::load(const SnapshotSource& source,
                                               const std::vector<config::Upstream>& upstreams, Problems& problems) {
  Problems found;
  std::shared_ptr<Snapshot> snapshot(new Snapshot);
  SnapshotBuilder builder{*snapshot, found};
  builder.entities_file(source, upstreams);
  builder.policy_files(source);
  builder.entities();
  builder.schema(source, upstreams);
  if (snapshot->schema_) validate_policies(snapshot->policies_, snapshot->schema_->parts(), found);
  if (snapshot->schema_ && snapshot->shadow_.size() > 0)
    validate_policies(snapshot->shadow_, snapshot->schema_->parts(), found);
  builder.digest(source);
  // Lints look at policies that are valid.
  if (!has_errors(found)) check(*snapshot, Severity::error, found);
  sort_problems(found);
  bool sound = !has_errors(found);
  problems.insert(problems.end(), found.begin(), found.end());
  return sound ? snapshot : nullptr;
}

std::shared_ptr<const PolicySchema> Snapshot::load_schema(const std::filesystem::path& folder,
                                                          const std::vector<config::Upstream>& upstreams,
                                                          Problems& problems) {
  Problems found;
  SnapshotSource source = read_folder(folder, found);
  bool complete = !has_errors(found);
  auto schema = load_schema(source, upstreams, found);
  sort_problems(found);
  problems.insert(problems.end(), found.begin(), found.end());
  return complete ? schema : nullptr;
}

std::shared_ptr<const PolicySchema> Snapshot::load_schema(const SnapshotSource& source,
                                                          const std::vector<config::Upstream>& upstreams,
                                                          Problems& problems) {
  Problems found;
  std::shared_ptr<Snapshot> snapshot(new Snapshot);
  SnapshotBuilder builder{*snapshot, found};
  builder.entities_file(source, upstreams);
  builder.schema(source, upstreams);
  std::shared_ptr<const PolicySchema> schema = snapshot->schema_;
  bool sound = !has_errors(found);
  problems.insert(problems.end(), found.begin(), found.end());
  return sound ? schema : nullptr;
}

Mentions Snapshot::mentioned_for(const cedar::EntityUid& action, const cedar::EntityUid* group,
                                 std::string_view protocol, Effect effect) const {
  Mentions out;
  if (!mentions_.input && !mentions_.session) return out;
  const Vocabulary& words = vocabulary();
  auto read = [&](const cedar::PolicySet& policies, const std::vector<PolicyFacts>& facts) {
    auto add = [&](std::span<const cedar::PolicyRef> refs) {
      for (cedar::PolicyRef ref : refs) out.add(facts[cedar::position(ref)].mentions);
    };
    add(policies.for_any_action());
    add(policies.for_action(action));
    add(policies.for_action_group(action));
    if (group) add(policies.for_action_group(*group));
    add(policies.for_action_group(words.effects[static_cast<std::size_t>(effect)]));
    if (is_change(effect)) add(policies.for_action_group(words.change));
    add(policies.for_action_group(cedar::EntityUid(words.action, protocol)));
  };
  read(policies_, facts_);
  if (!shadow_facts_.empty()) read(shadow_, shadow_facts_);
  return out;
}

bool is_reserved_type(std::string_view type) {
  return type == "Action" || type == "Agent" || type == "Approval" || type == "Session" || type == "Team" ||
         type == "Upstream" || type == "User";
}

namespace {
template <std::size_t... I>
std::array<cedar::EntityUid, kEffectCount> effect_uids(const cedar::Text& action, std::index_sequence<I...>) {
  return {cedar::EntityUid(action, effect_name(static_cast<Effect>(I)))...};
}
}  // namespace

Vocabulary::Vocabulary() : effects(effect_uids(action, std::make_index_sequence<kEffectCount>())) {
  for (std::size_t i = 0; i < kEffectCount; ++i)
    effect_names[i] = cedar::Value::string(effect_name(static_cast<Effect>(i)));
}

const Vocabulary& vocabulary() {
  static const Vocabulary words;
  return words;
}

}  // namespace countersign::policies
