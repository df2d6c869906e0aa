// Labels from tags: asks AWS what the things that a request changes are tagged with, before it is decided (docs/aws.md,
// "Labels from tags").
//
// Only changes are looked at, and only what the cache does not know is asked for: as a rule one call upstream, of two
// seconds at most. What cannot be found out in that time is unknown, which policies take for production. One reader an
// upstream; any thread.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/log.h"
#include "core/metrics.h"
#include "proxy/adapters/aws_tag_cache.h"
#include "proxy/adapters/aws_tag_questions.h"
#include "proxy/adapters/aws_wire.h"
#include "scopes/operation.h"

namespace countersign::adapters {

inline constexpr TimeMs kTagPatience = 2'000;
inline constexpr std::size_t kMostTagCalls = 24;  // upstream, for one request; what is left is unknown

class AwsTagReader {
 public:
  enum class From : std::uint8_t { cache, upstream };

  // `upstream.aws.tags` is set. `log` and `metrics` may be nullptr; all outlive the reader.
  AwsTagReader(const config::Upstream& upstream, const Clock& clock, const Log* log, Metrics* metrics);

  // Sets Access::tags of everything that `operation`, made of `call`, changes. From::upstream: whatever the cache says,
  // as for what runs long after it was asked for. What a request makes has no tags yet: nobody is asked where it has no
  // name, and where nothing of its name is found the upstream's labels stand. What has no labels is counted in the
  // operation's summary.
  Task<void> read(Doors& doors, const AwsCall& call, std::string_view region, From from, Operation& operation);

  // Before a request is sent and after it was answered: where it may have changed tags, or made something, what is
  // known of its things is forgotten.
  void forget_if_changed(const AwsCall& call, std::string_view region);

 private:
  struct Wanted {
    AwsTagQuestion question;
    AwsThingLabels found = {};
    bool open = true;  // not known yet
  };
  Task<void> ask(Doors& doors, std::vector<Wanted>& wanted);
  Task<Result<std::vector<AwsTagAnswer>>> call(Doors& doors, std::vector<AwsTagQuestion> batch, TimeMs patience);
  void count(bool answered, std::string_view why, std::size_t things);

  const std::string upstream_;
  const config::AwsAccount account_;
  const config::LabelSet labels_;  // of the upstream
  const Clock& clock_;
  const Log* log_;
  Counter* answered_ = nullptr;
  Counter* failed_ = nullptr;
  AwsTagCache cache_;
  std::atomic<TimeMs> complained_ = 0;
};

}  // namespace countersign::adapters
