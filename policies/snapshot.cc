#include "policies/snapshot.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "core/sha256.h"
#include "policies/check.h"
#include "policies/problems.h"
#include "policies/validation.h"

namespace countersign::policies {

struct FileText {
  std::string name;  // relative to the folder: "floor/production.cedar"
  std::string path;  // for messages
  std::string text;
};

struct SnapshotSource {
  std::vector<FileText> policies;  // sorted by name
  std::optional<FileText> entities;
  std::optional<FileText> declarations;
};

namespace {

constexpr std::size_t kFileBytes = 4U << 20;
constexpr std::size_t kMostFiles = 1000;
constexpr std::string_view kFloor = "floor/";

bool is_identifier(std::string_view text) {
  return !text.empty() && text.size() <= 100 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == ':' || c == '/';
  });
}

// The *.cedar files of one folder; what is there and cannot be listed is a problem.
void list_policies(const std::filesystem::path& folder, const std::string& prefix, SnapshotSource& source,
                   Problems& problems) {
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".cedar") names.push_back(it->path().filename().string());
  }
  if (error) problems.push_back({folder.string(), 0, 0, "cannot read the folder: " + error.message()});
  for (const std::string& name : names) {
    if (source.policies.size() == kMostFiles) {
      problems.push_back({folder.string(), 0, 0, "more than " + std::to_string(kMostFiles) + " policy files"});
      return;
    }
    std::string path = (folder / name).string();
    Result<std::string> text = read_file(path, kFileBytes);
    if (text) {
      source.policies.push_back({prefix + name, path, std::move(*text)});
    } else {
      problems.push_back({path, 0, 0, text.error().message});
    }
  }
}

// nullopt when it is certainly not there, or (reported) cannot be read.
std::optional<FileText> read_optional(const std::filesystem::path& folder, std::string_view name, Problems& problems) {
  std::error_code error;
  std::filesystem::path path = folder / name;
  if (std::filesystem::status(path, error).type() == std::filesystem::file_type::not_found) return std::nullopt;
  Result<std::string> text = read_file(path.string(), kFileBytes);
  if (text) return FileText{std::string(name), path.string(), std::move(*text)};
  problems.push_back({path.string(), 0, 0, text.error().message});
  return std::nullopt;
}

SnapshotSource read_folder(const std::filesystem::path& folder, Problems& problems) {
  SnapshotSource source;
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    problems.push_back({folder.string(), 0, 0, "there is no folder " + folder.string()});
    return source;
  }
  list_policies(folder, "", source, problems);
  // Only what is certainly absent may be left out: a floor that cannot be seen is an error, not no floor.
  auto floor = std::filesystem::status(folder / "floor", error);
  if (floor.type() != std::filesystem::file_type::not_found)
    list_policies(folder / "floor", std::string(kFloor), source, problems);
  std::ranges::sort(source.policies, {}, &FileText::name);
  source.entities = read_optional(folder, "entities.yaml", problems);
  source.declarations = read_optional(folder, kDeclarationsFile, problems);
  return source;
}

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
    out.policies_ = std::move(*parsed);
    for (const cedar::Template& each : out.policies_.templates()) {
      problem(each.source().name(), each.position(), "a template needs a link: write entities where its slots are");
    }
    if (out.policies_.size() == 0 && !has_errors(problems))
      problems.push_back({"policies", 0, 0, "there is no policy at all: nothing would ever be allowed"});
    std::map<std::string, int> counts;
    std::map<std::string, std::string> ids;  // id → where
    for (const cedar::Policy& policy : out.policies_.all()) {
      const std::string& name = names[policy.source().name()];
      out.facts_.push_back(facts_of(policy, name, ++counts[name]));
      const std::string& id = out.facts_.back().id;
      cedar::Position at = policy.position();
      std::string here = policy.source().name() + ":" + std::to_string(at.line);
      auto [found, fresh] = ids.emplace(id, here);
      if (!fresh) problem(policy.source().name(), at, "another policy has the id `" + id + "`, at " + found->second);
    }
    for (const PolicyFacts& facts : out.facts_) {
      out.mentions_input_ = out.mentions_input_ || facts.mentions.input;
      out.mentions_approval_ = out.mentions_approval_ || facts.mentions.approval;
    }
    std::ranges::sort(out.approval_uses_, {}, [](const ApprovalUse& use) {
      return std::tuple<std::string, std::string, int>(use.rule, use.file, use.line);
    });
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
        if (!is_identifier(annotation.value))
          problem(name, at, "@id has 1 to 100 letters, digits and any of - _ . : /");
        facts.id = annotation.value;
      } else if (annotation.key == "approval") {
        approval(policy, annotation, at, facts);
      } else if (annotation.key == "reason") {
        facts.reason = annotation.value.substr(0, 500);
      } else if (annotation.key != "description" && annotation.key != "allow") {
        std::string_view near = closest(annotation.key, {"id", "approval", "reason", "description", "allow"});
        problem(name, at,
                "unknown annotation @" + annotation.key +
                    (near.empty() ? "" : "; did you mean @" + std::string(near) + "?"),
                Severity::warning);
      }
    }
    return facts;
  }

  void approval(const cedar::Policy& policy, const cedar::ast::Annotation& annotation, cedar::Position at,
                PolicyFacts& facts) {
    const std::string& name = policy.source().name();
    if (facts.floor)
      return problem(name, at, "@approval is not allowed in the floor: nothing releases what stands there");
    if (policy.effect() == cedar::Effect::permit)
      return problem(name, at, "@approval belongs to a forbid: on a permit it would hold nothing back");
    if (!is_identifier(annotation.value))
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

  // Types come from everything that was read, so this is last; without a policy set there is nothing to hold to them.
  void schema(const SnapshotSource& source, const std::vector<config::Upstream>& upstreams) {
    Declarations declared;
    if (source.declarations)
      declared = read_declarations(source.declarations->path, source.declarations->text, problems);
    SchemaParts parts = collect_schema(source.entities ? source.entities->path : "entities.yaml", declared,
                                       out.directory_, out.inventory_, upstreams, out.policies_, problems);
    out.schema_ = PolicySchema::make(std::move(parts), problems);
    if (out.schema_) validate_policies(out.policies_, out.schema_->parts(), problems);
  }

  void digest(const SnapshotSource& source) {
    FieldDigest digest("countersign/policies/1");
    // All files in the order of their names.
    std::vector<const FileText*> files;
    for (const FileText& file : source.policies) files.push_back(&file);
    if (source.entities) files.push_back(&*source.entities);
    if (source.declarations) files.push_back(&*source.declarations);
    digest.field(std::to_string(files.size()));
    std::ranges::sort(files, {}, [](const FileText* file) -> const std::string& { return file->name; });
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
  std::shared_ptr<Snapshot> snapshot(new Snapshot);
  SnapshotBuilder builder{*snapshot, found};
  builder.entities_file(source, upstreams);
  builder.policy_files(source);
  builder.entities();
  builder.schema(source, upstreams);
  builder.digest(source);
  // Lints look at policies that are valid.
  if (!has_errors(found)) check(*snapshot, Severity::error, found);
  sort_problems(found);
  bool sound = !has_errors(found);
  problems.insert(problems.end(), found.begin(), found.end());
  return sound ? snapshot : nullptr;
}

bool Snapshot::mentions_input(const cedar::EntityUid& action, std::string_view protocol, Effect effect) const {
  if (!mentions_input_) return false;
  auto any = [this](std::span<const cedar::PolicyRef> refs) {
    return std::ranges::any_of(refs, [this](cedar::PolicyRef ref) { return facts(ref).mentions.input; });
  };
  const Vocabulary& words = vocabulary();
  return any(policies_.for_any_action()) || any(policies_.for_action(action)) ||
         any(policies_.for_action_group(action)) ||
         any(policies_.for_action_group(words.effects[static_cast<std::size_t>(effect)])) ||
         (is_change(effect) && any(policies_.for_action_group(words.change))) ||
         any(policies_.for_action_group(cedar::EntityUid(words.action, protocol)));
}

bool is_reserved_type(std::string_view type) {
  return type == "Action" || type == "Agent" || type == "Approval" || type == "Team" || type == "Upstream" ||
         type == "User";
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
