// The files of a policy set, read and not yet looked into: from a folder, or from memory (a draft).
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/problem.h"

namespace countersign::policies {

inline constexpr std::size_t kFileBytes = 4U << 20;   // of each
inline constexpr std::size_t kSetBytes = 32U << 20;   // of all together, of a draft
inline constexpr std::size_t kMostFiles = 1000;       // of each of the kinds below
inline constexpr std::string_view kFloor = "floor/";  // how the names of the floor's files begin
inline constexpr std::string_view kRolesFolder = "roles/";
inline constexpr std::string_view kTestsFolder = "tests/";
inline constexpr std::string_view kApprovalsFile = "approvals.yaml";
inline constexpr std::string_view kEntitiesFile = "entities.yaml";

struct FileText {
  std::string name;  // relative to the folder: "floor/production.cedar"
  std::string path;  // for messages
  std::string text;
};

struct SnapshotSource {
  std::vector<FileText> policies;  // sorted by name
  std::optional<FileText> entities;
  std::optional<FileText> declarations;
  std::optional<FileText> links;
  std::optional<FileText> approvals;
  std::vector<FileText> roles;  // sorted by name
  std::vector<FileText> tests;  // sorted by name; the only files that are no part of the digest

  // Every file, sorted by name.
  [[nodiscard]] std::vector<const FileText*> all() const;
};

// What is there and cannot be read is a problem (a warning, where it is a test); what is certainly not there may be
// left out, all but the folder.
[[nodiscard]] SnapshotSource read_folder(const std::filesystem::path& folder, Problems& problems);

// A file of a draft, as it came from outside.
struct DraftFile {
  std::string path;  // relative to the policy folder
  std::string text;
};

// The files of a draft: names as is_policy_file wants them, none twice (also not in another case, which some file
// systems do not tell apart), UTF-8, at most kMostFiles, kFileBytes each, kSetBytes in all. Every file that breaks a
// rule is a problem with code draft.*; it is left out.
[[nodiscard]] SnapshotSource read_draft(const std::vector<DraftFile>& files, Problems& problems);

// Whether a file of this name belongs to a policy set: *.cedar, floor/*.cedar, roles/*.cedar, tests/*.json,
// entities.yaml, approvals.yaml, links.yaml, inputs.cedarschema. Names are 1 to 100 of a-z A-Z 0-9 . _ - and do not
// begin with a dot.
[[nodiscard]] bool is_policy_file(std::string_view name);

}  // namespace countersign::policies
