// What the gateway remembers of upstream repositories, so that judging a push usually costs no round trip: what their
// servers can do, and the refs that were seen a moment ago. Only ever what an upstream said itself, to the gateway's
// credential. Bounded in entries and bytes; what was not used for longest goes first. Any thread.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "proxy/adapters/doors.h"
#include "proxy/adapters/git/refs.h"

namespace countersign::adapters {

struct GitRefs {
  git::ObjectFormat format = git::ObjectFormat::sha1;
  std::vector<git::ListedRef> refs;  // without HEAD; ascending by name
  // What HEAD stands for: "refs/heads/main"; also where that has no commit yet. Empty: unknown.
  std::string default_branch;

  [[nodiscard]] const git::ListedRef* find(std::string_view name) const;  // nullptr: there is none
  // What the refs point to, each once, that of the default branch first. Tags stand for what they point to where the
  // upstream says it.
  [[nodiscard]] std::vector<std::string> tips() const;
};

struct GitMemoryLimits {
  std::size_t entries = 1'000;
  std::size_t bytes = 64U << 20;       // of all of it
  std::size_t refs_bytes = 16U << 20;  // of the refs of one repository: more are not kept
  TimeMs capabilities_age = 600'000;   // and of the default branch
  TimeMs refs_age = 60'000;
};

class GitMemory {
 public:
  // `clock` outlives it.
  explicit GitMemory(const Clock& clock, GitMemoryLimits limits = {}) : clock_(clock), limits_(limits) {}

  // Where a repository is: the upstream's name, and the path as it is spelt in requests ("/team/app.git").
  struct Place {
    std::string upstream;
    std::string path;
    friend auto operator<=>(const Place&, const Place&) = default;
  };

  // Capabilities as last advertised, without refs; null: unknown, or too old.
  [[nodiscard]] std::shared_ptr<const git::Advertisement> capabilities(const Place& place, git::Service service);
  void saw_capabilities(const Place& place, git::Service service, const git::Advertisement& advertisement);

  // Branches and tags as last seen whole, at most `limits.refs_age` ago; null: unknown. The default branch may be from
  // earlier than the refs are.
  [[nodiscard]] std::shared_ptr<const GitRefs> refs(const Place& place);
  void saw_refs(const Place& place, GitRefs refs);  // all branches and tags; others are left out

  // What HEAD stood for when it was last asked for: empty where the upstream does not say it; nullopt: not asked, or
  // too long ago.
  [[nodiscard]] std::optional<std::string> default_branch(const Place& place);
  void saw_default_branch(const Place& place, const std::string& name);  // remembered refs learn it too

  // An answer to info/refs?service=git-receive-pack that was read whole: its capabilities and refs.
  void saw_push_advertisement(const Place& place, git::Advertisement advertisement);

  // Refs have changed: after a push was forwarded, whatever came of it. Capabilities stay.
  void forget_refs(const Place& place);
  // The repository answered otherwise than what is remembered leads to expect.
  void forget(const Place& place);

  [[nodiscard]] std::size_t entries() const;
  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] std::size_t refs_bytes() const { return limits_.refs_bytes; }

 private:
  template <class T>
  struct Seen {
    TimeMs at = 0;
    T what{};
  };
  struct Entry {
    Seen<std::shared_ptr<const git::Advertisement>> fetch;
    Seen<std::shared_ptr<const git::Advertisement>> push;
    Seen<std::shared_ptr<const GitRefs>> refs;
    Seen<std::optional<std::string>> default_branch;
    std::size_t bytes = 0;
    std::list<Place>::iterator used;
  };
  using Entries = std::map<Place, Entry>;

  // All with the mutex held.
  Entry* find(const Place& place);
  Entry& make(const Place& place);
  void keep_refs(Entry& entry, GitRefs refs, TimeMs now);
  void keep_capabilities(Entry& entry, git::Service service, git::Advertisement advertisement, TimeMs now);
  void settle(const Place& place, Entry& entry);
  void drop(Entries::iterator entry);
  [[nodiscard]] static bool is_fresh(TimeMs at, TimeMs age, TimeMs now);

  const Clock& clock_;
  GitMemoryLimits limits_;
  mutable std::mutex mutex_;
  Entries entries_;
  std::list<Place> uses_;  // last used first
  std::size_t bytes_ = 0;
};

// An answer to info/refs?service=git-receive-pack on its way to a client, read along: passes every piece on unchanged,
// and tells the memory when the answer was sound and whole. What cannot be read, or is too much to keep, is not
// remembered; the relaying never notices. `reply` and `memory` outlive it.
class WatchedAdvertisement final : public HttpReply {
 public:
  WatchedAdvertisement(HttpReply& reply, GitMemory& memory, GitMemory::Place place);
  [[nodiscard]] const ResponseHead& head() const override { return reply_.head(); }
  Task<Result<ByteView>> read() override;

 private:
  HttpReply& reply_;
  GitMemory& memory_;
  GitMemory::Place place_;
  std::optional<git::AdvertisementReader> reader_;  // empty: given up, or done
};

}  // namespace countersign::adapters
