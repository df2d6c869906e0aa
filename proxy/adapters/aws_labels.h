// What the tags of a thing say about its environment, tier and owner (docs/aws.md, "Labels from tags"). Pure functions,
// any thread.
//
// Whoever writes tags makes mistakes, and some would like to: what can be read two ways is read the strict way. Keys
// are compared without regard to case, since AWS lets `Environment` and `environment` stand side by side.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"

namespace countersign::adapters {

struct AwsTag {
  std::string key;
  std::string value;
};

// The labels of a thing with these tags, to be laid over those of its upstream (Access::tags); absent is what the tags
// do not say.
//   environment: of the keys in `config.environment` that the thing has, the value in small letters, or what
//                `config.values` has for it. Two that differ, one that is no name, and whatever looks like production
//                ("prod-eu", "prd", "live") are production, unless `config.values` says otherwise.
//   tier:        digits; the lowest of several. Without keys for it, the upstream's own, for what is not production.
//   owner:       as it stands. Two that differ are none, and make the thing production.
[[nodiscard]] config::LabelSet labels_of_tags(const config::AwsTags& config, const config::LabelSet& upstream,
                                              const std::vector<AwsTag>& tags);

// Whether a tag of this key is one that labels_of_tags reads.
[[nodiscard]] bool is_label_key(const config::AwsTags& config, std::string_view key);

}  // namespace countersign::adapters
