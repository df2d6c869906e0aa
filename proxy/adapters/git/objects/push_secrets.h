// Credentials that a push would publish: in the lines that each new commit adds, not only in what is left of them at
// the end, in messages of commits and tags, and in whatever else the pack holds, named by a commit or not. Blocking;
// any thread, a quarantine at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "proxy/adapters/git/objects/facts.h"
#include "proxy/adapters/git/objects/needs.h"
#include "proxy/adapters/git/objects/quarantine.h"
#include "proxy/adapters/git/objects/secrets.h"

namespace countersign::adapters::git {

struct SecretFinding {
  std::string commit;     // one that adds it
  std::string path;       // visible; empty: in the commit's message
  std::size_t line = 0;   // in that commit's version, from 1
  std::string_view rule;  // as in SecretMatch
  std::string_view what;
  std::string excerpt;
};

struct SecretReport {
  std::vector<SecretFinding> findings;
  std::uint64_t finding_count = 0;     // listed or not
  std::vector<std::string> unscanned;  // files too large to be looked at, binary or absent; visible, each once
  std::uint64_t unscanned_count = 0;   // versions of files, listed or not
  bool complete = false;               // all that is new was looked at, but for those files
};

struct SecretLimits {
  std::size_t findings = 200;           // listed
  std::size_t commits = 20'000;         // looked at
  std::size_t unscanned = 100;          // listed
  std::uint64_t text = 32U << 20;       // of one file
  std::uint64_t all_text = 1ULL << 30;  // of all
  TreeDiffLimits trees;
  ToolLimits tool{.time = std::chrono::minutes(5)};
};

// `facts` are those of the push, complete or not. Needs: trees and blobs. Errors: git.bad_object, git.tool_*.
Result<OrNeeds<SecretReport>> secrets_of(const Quarantine& quarantine, const PushFacts& facts,
                                         const SecretScanner& scanner, const SecretLimits& limits = {},
                                         Missing missing = Missing::report);

}  // namespace countersign::adapters::git
