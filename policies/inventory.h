// Inventory: which environment, tier and owner a resource has, by patterns over "<upstream>/<name>".
//
//   inventory:
//     - { match: "files/staging/**", environment: staging, tier: 3, owner: platform, data: synthetic }
//
// A pattern is segments between slashes: `*` stands for any run of characters within one, `**` alone for any number of
// them, also none, so that "files/staging/**" is the folder too. The pattern with the longest text before its first
// star wins, of equals the later one; what it leaves out is as the upstream's labels say, and what those leave out is
// production, tier 1.
//
// Nothing is ever classified as less dangerous than it might be:
//   - a name that could mean another one (`.` and `..`, empty segments, backslashes, `%`, control characters, more than
//     128 segments) gets the upstream's own labels combined with those of every pattern of that upstream;
//   - a name that fits a pattern only when case is ignored is combined with that pattern's labels;
//   - a name that stands above a pattern (the folder that holds what the pattern describes, the upstream as a whole) is
//     combined with it: removing "files" removes "files/production". (What a pattern says behind a `**` does not reach
//     upwards.)
// A thing whose upstream was asked for its tags (Access::tags) has what they say in the place of the upstream's labels:
// patterns outrank tags, and tags the upstream. What tags leave out is production, and tier 1 or the upstream's where
// that is lower: a thing without tags, or whose tags could not be had, is treated as what would hurt most.
//
// Combined means: the lower tier; the same environment if all agree, else production. Owner and free labels have no
// stricter of two: each candidate's stay together as a label set of their own, and whoever decides must judge them all.
//
// Immutable once made; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/problem.h"
#include "core/yaml.h"
#include "scopes/operation.h"

namespace countersign::policies {

struct InventoryRule {
  std::string match;
  std::vector<std::string> segments;
  std::size_t literal = 0;  // characters before the first star
  config::LabelSet labels;
};

// What a name may be labelled with. All sets have the same environment and tier, the combined ones; no two are equal.
struct LabelCandidates {
  Labels first;                // of the pattern that wins, or of the upstream when none matches
  std::vector<Labels> others;  // one for each combined pattern that differs in owner or free labels; mostly empty
};

class Inventory {
 public:
  // Reads the key `inventory` of a map. `upstreams` are those configured; a pattern for another one is a warning.
  [[nodiscard]] static Inventory read(std::string_view file, yaml::Map& root,
                                      const std::vector<config::Upstream>& upstreams, Problems& problems);

  // Every label set that "<upstream>/<name>" may have. An upstream that is not configured has the labels nobody gave:
  // production, tier 1. At most one set more than there are patterns for the upstream.
  [[nodiscard]] LabelCandidates classify_all(std::string_view upstream, std::string_view name) const;
  // The same of a thing that may have tags of its own.
  [[nodiscard]] LabelCandidates classify_all(std::string_view upstream, const Access& access) const;
  // The first of them, to be shown or to be listed by. Not enough to allow by.
  [[nodiscard]] Labels classify(std::string_view upstream, std::string_view name) const;
  [[nodiscard]] Labels classify(std::string_view upstream, const Access& access) const;
  // Labels of the upstream itself, whatever the patterns say.
  [[nodiscard]] const Labels& upstream_labels(std::string_view upstream) const;
  // Whether some pattern speaks about things in this upstream; if not, all of it has the upstream's labels.
  [[nodiscard]] bool has_rules_for(std::string_view upstream) const;

  [[nodiscard]] const std::vector<InventoryRule>& rules() const { return rules_; }

 private:
  struct Upstream {
    Labels labels;
    std::vector<std::size_t> rules;  // that may match in it: most specific first, of equals the later first
  };
  [[nodiscard]] const Upstream& find(std::string_view upstream) const;
  // `base`: the labels of what no pattern says anything about.
  [[nodiscard]] LabelCandidates candidates(const Upstream& entry, std::string_view upstream, std::string_view name,
                                           const Labels& base) const;

  std::vector<InventoryRule> rules_;
  std::map<std::string, Upstream, std::less<>> upstreams_;
  Upstream unknown_;  // production, tier 1, every rule
};

// The labels of a set laid over others.
[[nodiscard]] Labels overlay(const Labels& base, const config::LabelSet& over);
// What tags say, laid over the labels of their upstream.
[[nodiscard]] Labels overlay_tags(const Labels& upstream, const config::LabelSet& tags);

}  // namespace countersign::policies
