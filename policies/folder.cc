#include "policies/folder.h"

#include <algorithm>
#include <set>

#include "core/json_reader.h"
#include "policies/declarations.h"
#include "policies/links.h"
#include "policies/proof.h"

namespace countersign::policies {
namespace {

constexpr std::size_t kNameBytes = 100;

// The files of one folder with one ending; what is there and cannot be listed is a problem.
void list_files(const std::filesystem::path& folder, std::string_view ending, const std::string& prefix,
                Severity severity, std::vector<FileText>& out, Problems& problems) {
  auto problem = [&](const std::string& where, std::string message) {
    problems.push_back({.file = where, .message = std::move(message), .severity = severity});
  };
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ending) names.push_back(it->path().filename().string());
  }
  if (error) problem(folder.string(), "cannot read the folder: " + error.message());
  std::ranges::sort(names);
  for (const std::string& name : names) {
    if (out.size() == kMostFiles)
      return problem(folder.string(), "more than " + std::to_string(kMostFiles) + " policy files");
    std::string path = (folder / name).string();
    Result<std::string> text = read_file(path, kFileBytes);
    if (text) {
      out.push_back({prefix + name, path, std::move(*text)});
    } else {
      problem(path, text.error().message);
    }
  }
}

// Only what is certainly absent may be left out: a floor that cannot be seen is an error, not no floor.
void list_subfolder(const std::filesystem::path& folder, std::string_view prefix, std::string_view ending,
                    Severity severity, std::vector<FileText>& out, Problems& problems) {
  std::error_code error;
  std::filesystem::path path = folder / prefix.substr(0, prefix.size() - 1);
  if (std::filesystem::status(path, error).type() == std::filesystem::file_type::not_found) return;
  list_files(path, ending, std::string(prefix), severity, out, problems);
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

// Where a file of this name belongs; nullptr for one that is none of ours.
enum class Kind { policy, role, test, entities, declarations, links, approvals, none };

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytes && name.front() != '.' && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

Kind kind_of(std::string_view name) {
  if (name == kEntitiesFile) return Kind::entities;
  if (name == kApprovalsFile) return Kind::approvals;
  if (name == kLinksFile) return Kind::links;
  if (name == kDeclarationsFile) return Kind::declarations;
  Kind kind = Kind::policy;
  std::string_view ending = ".cedar";
  if (name.starts_with(kFloor)) {
    name.remove_prefix(kFloor.size());
  } else if (name.starts_with(kRolesFolder)) {
    name.remove_prefix(kRolesFolder.size());
    kind = Kind::role;
  } else if (name.starts_with(kTestsFolder)) {
    name.remove_prefix(kTestsFolder.size());
    kind = Kind::test;
    ending = ".json";
  }
  bool proper = is_plain_name(name) && name.size() > ending.size() && name.ends_with(ending);
  return proper ? kind : Kind::none;
}

void place(Kind kind, FileText file, SnapshotSource& out) {
  switch (kind) {
    case Kind::policy:
      out.policies.push_back(std::move(file));
      break;
    case Kind::role:
      out.roles.push_back(std::move(file));
      break;
    case Kind::test:
      out.tests.push_back(std::move(file));
      break;
    case Kind::entities:
      out.entities = std::move(file);
      break;
    case Kind::declarations:
      out.declarations = std::move(file);
      break;
    case Kind::links:
      out.links = std::move(file);
      break;
    case Kind::approvals:
      out.approvals = std::move(file);
      break;
    case Kind::none:
      break;
  }
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return text;
}

}  // namespace

std::vector<const FileText*> SnapshotSource::all() const {
  std::vector<const FileText*> out;
  for (const auto* list : {&policies, &roles, &tests}) {
    for (const FileText& file : *list) out.push_back(&file);
  }
  for (const auto* file : {&entities, &declarations, &links, &approvals}) {
    if (*file) out.push_back(&**file);
  }
  std::ranges::sort(out, {}, [](const FileText* file) -> const std::string& { return file->name; });
  return out;
}

SnapshotSource read_folder(const std::filesystem::path& folder, Problems& problems) {
  SnapshotSource source;
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    problems.push_back({folder.string(), 0, 0, "there is no folder " + folder.string()});
    return source;
  }
  list_files(folder, ".cedar", "", Severity::error, source.policies, problems);
  list_subfolder(folder, kFloor, ".cedar", Severity::error, source.policies, problems);
  std::ranges::sort(source.policies, {}, &FileText::name);
  list_subfolder(folder, kRolesFolder, ".cedar", Severity::error, source.roles, problems);
  list_subfolder(folder, kTestsFolder, ".json", Severity::warning, source.tests, problems);
  source.entities = read_optional(folder, kEntitiesFile, problems);
  source.declarations = read_optional(folder, kDeclarationsFile, problems);
  source.links = read_optional(folder, kLinksFile, problems);
  source.approvals = read_optional(folder, kApprovalsFile, problems);
  return source;
}

SnapshotSource read_draft(const std::vector<DraftFile>& files, Problems& problems) {
  SnapshotSource out;
  auto problem = [&problems](const DraftFile& file, std::string code, std::string message) {
    problems.push_back({.file = bounded(file.path, kNameBytes + 20),
                        .message = std::move(message),
                        .code = "draft." + std::move(code)});
  };
  std::set<std::string> seen;
  std::size_t bytes = 0;
  std::size_t count = 0;
  for (const DraftFile& file : files) {
    Kind kind = kind_of(file.path);
    if (kind == Kind::none) {
      problem(file, "file_name",
              "a policy set holds *.cedar, floor/*.cedar, roles/*.cedar, tests/*.json, entities.yaml, approvals.yaml, "
              "links.yaml and inputs.cedarschema");
      continue;
    }
    if (!seen.insert(lower(file.path)).second) {
      problem(file, "file_twice", "there are two files of this name");
      continue;
    }
    if (++count > kMostFiles) {
      problem(file, "too_many_files", "a draft has at most " + std::to_string(kMostFiles) + " files");
      break;
    }
    bytes += file.text.size();
    if (file.text.size() > kFileBytes || bytes > kSetBytes) {
      problem(file, "too_large", "a file has at most 4 MiB, and all together 32 MiB");
      continue;
    }
    if (!is_utf8(file.text) || file.text.contains('\0')) {
      problem(file, "not_text", "the file is not UTF-8 text");
      continue;
    }
    place(kind, {file.path, file.path, file.text}, out);
  }
  for (auto* list : {&out.policies, &out.roles, &out.tests}) std::ranges::sort(*list, {}, &FileText::name);
  return out;
}

bool is_policy_file(std::string_view name) {
  return kind_of(name) != Kind::none;
}

}  // namespace countersign::policies
