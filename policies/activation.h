// Writing a policy set into its folder, so that whoever reads the folder sees the old set or the new one and nothing
// between, also after a crash at any moment.
//
// A folder beside it is filled, made durable, and exchanged with it in one step (renameat2(2), RENAME_EXCHANGE). What
// stands in the folder and is no file of a policy set (README.md, …) is copied along. Blocking; one writer at a time.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "core/result.h"
#include "policies/folder.h"

namespace countersign::policies {

// Whether edits may be written into the folder at all. policies.read_only (conflict) with why not: it belongs to a git
// checkout (edit it there), it or the folder around it may not be written, it holds links or files that a draft cannot
// name.
// For whoever is about to edit; write_policy_folder does not ask.
[[nodiscard]] Status check_writable(const std::filesystem::path& folder);

// Called before each step, for tests that break off there: "copy", "exchange", "clean".
using ActivationProbe = std::function<Status(std::string_view step)>;

// Replaces `expected`, which must be what the folder holds (policies.folder_differs: somebody has edited it), by
// `wanted`. After an error the folder holds what it held. Errors besides: policies.read_only, policies.write_failed.
[[nodiscard]] Status write_policy_folder(const std::filesystem::path& folder, const SnapshotSource& expected,
                                         const SnapshotSource& wanted, const ActivationProbe& probe = {});

// Removes what a broken-off write has left beside the folder. For starting up.
void remove_leftovers(const std::filesystem::path& folder);

// Whether both hold the same files with the same texts.
[[nodiscard]] bool same_files(const SnapshotSource& a, const SnapshotSource& b);

}  // namespace countersign::policies
