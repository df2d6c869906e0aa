// The held requests in memory, as little of each as it takes to say whom they wait for and when somebody is to be
// reminded: a page of 100,000 of them must neither read rows nor look at them one by one.
//
// Requests of one kind have the requester and the rules in common; those of one line of a kind also what has happened
// to them so far, so that, as long as nobody has voted, only age makes a difference, and an older one waits for
// everybody that a younger one waits for. Whoever a line's oldest does not wait for passes over the line; pages are
// merged from the lines that are left. What a question costs grows with the kinds, the requests that somebody has voted
// on, and the answer, not with what is held.
//
// Of a burst (approvals/bursts.h) people see one entry, so a line that nothing has happened to has the oldest of each
// burst only; of members in several lines, or on which somebody has voted, the oldest that waits for the approver
// stands for all. A burst takes memory of its own from its second member on.
//
// Any thread. The Queue fills it when it is opened and keeps it with every commit.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "approvals/eligibility.h"
#include "approvals/request.h"
#include "approvals/rules.h"
#include "core/clock.h"

namespace countersign::approvals {

class Inbox {
 public:
  // Oldest first: when it was held, and a number that grows with every one.
  using Place = std::pair<TimeMs, std::uint64_t>;

  // Adds or replaces a held request, removes any other.
  void update(const HeldRequest& request);

  // Where the walk goes on after this one, which may be held no more.
  [[nodiscard]] Place place_of(const HeldRequest& request) const;
  // Ids of what waits for the approver's approval, from `after` (exclusive), oldest first, at most `limit`; of a burst
  // one id.
  [[nodiscard]] std::vector<std::string> waiting_for(const Approver& approver, const Rules& rules, TimeMs now,
                                                     std::size_t limit, const Place& after) const;
  // Ids of those that a reminder is due for, which is more than have been sent; oldest first.
  [[nodiscard]] std::vector<std::string> to_remind(const Rules& rules, TimeMs now) const;

  // What is held now.
  struct Held {
    std::size_t count = 0;
    std::optional<TimeMs> oldest;  // when it was held
  };
  [[nodiscard]] Held held() const;

 private:
  struct Entry;  // one request
  using Entries = std::vector<std::shared_ptr<const Entry>>;
  using Line = std::map<Place, std::shared_ptr<const Entry>>;
  enum class Touched : std::uint8_t { never, documented, voted };
  struct Past {  // what has happened to the requests of a line
    Touched touched = Touched::never;
    int reminded = 0;
    auto operator<=>(const Past&) const = default;
  };
  struct Kind;  // what many requests have in common, and their lines
  struct Where {
    Kind* kind = nullptr;  // one of kinds_
    Past past;
    Place place;
    std::uint64_t burst = 0;  // key of bursts_; 0 for none, and for one that is alone in its burst
  };
  struct Member {  // of a burst
    std::shared_ptr<const Kind> kind;
    Past past;
    std::shared_ptr<const Entry> entry;
  };
  struct Burst {
    std::string id;
    std::map<Place, Member> members;  // not empty
  };
  class Question;  // one approver's, now
  class Walk;      // through one line

  std::shared_ptr<Kind>& kind_of(const HeldRequest& request);
  [[nodiscard]] static bool bundles(const Past& past);
  void put(const std::shared_ptr<Kind>& kind, const Past& past, std::shared_ptr<Entry> entry);
  void remove(const Where& where);
  // 0 for none, and for the first that is there of a burst.
  std::uint64_t burst_of(const HeldRequest& request);
  // The members of its burst that its entry in a line stands for, itself among them.
  [[nodiscard]] Entries stands_for(const Kind& kind, const Past& past, const std::shared_ptr<const Entry>& lead) const;
  // Which of the burst's entries in lines is the one that the approver sees.
  [[nodiscard]] std::optional<Place> seen_of(std::uint64_t burst, Question& question) const;
  // In chunks, so that a walk over everything keeps nobody from committing.
  [[nodiscard]] std::vector<std::shared_ptr<const Kind>> kinds() const;
  [[nodiscard]] std::vector<Past> lines_of(const Kind& kind) const;
  [[nodiscard]] Entries next(const Kind& kind, const Past& past, const Place& after, std::size_t count) const;

  mutable std::mutex mutex_;
  std::uint64_t last_ = 0;
  std::unordered_map<std::string, Where> places_;       // by id
  std::map<std::string, std::shared_ptr<Kind>> kinds_;  // by what they have in common, digested; none is empty
  std::unordered_map<std::uint64_t, Burst> bursts_;
  std::unordered_map<std::string, std::uint64_t> burst_numbers_;  // by their ids
  std::uint64_t last_burst_ = 0;
};

}  // namespace countersign::approvals
