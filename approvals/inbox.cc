#include "approvals/inbox.h"

#include <algorithm>
#include <optional>

#include "core/sha256.h"

namespace countersign::approvals {

struct Inbox::Kind {
  Requester requester;
  std::vector<std::string> rules;
  std::string edited_by;
};

struct Inbox::Entry {
  Place place;
  std::shared_ptr<const Kind> kind;
  std::string id;
  TimeMs created = 0;
  TimeMs expires = 0;
  std::string documentation;
  TimeMs documented = 0;
  int reminded = 0;
  std::vector<Vote> votes;
};

namespace {

constexpr std::size_t kChunk = 1'024;

std::string spelled_out(const HeldRequest& request) {
  const Requester& from = request.requester;
  FieldDigest digest("countersign/inbox-kind");
  digest.field(from.agent).field(from.owner).field(from.issuer).field(request.edited_by);
  for (const std::vector<std::string>* list : {&from.delegates, &from.chain, &request.rules}) {
    digest.field(std::to_string(list->size()));
    for (const std::string& item : *list) digest.field(item);
  }
  return to_hex(digest.finish());
}

// The scope says what may be done, not who asks, and is large.
Requester requester_without_scope(const HeldRequest& request) {
  const Requester& from = request.requester;
  return {.agent = from.agent,
          .owner = from.owner,
          .issuer = from.issuer,
          .delegates = from.delegates,
          .chain = from.chain,
          .scope = {}};
}

// A vote as the rules count it; what it said stays in the store.
Vote light(const Vote& vote) {
  Vote out = vote;
  out.reason.clear();
  if (!out.signature.empty()) out.signature = "{}";
  return out;
}

// One kind of request, seen by one approver now.
class View {
 public:
  View(const Approver& approver, const Rules& rules, TimeMs now) : approver_(approver), rules_(rules), now_(now) {}

  void look_at(const Requester& requester, const std::vector<std::string>& rules, const std::string& edited_by) {
    probe_ = {};
    probe_.requester = requester;
    probe_.rules = rules;
    probe_.edited_by = edited_by;
    probe_.created = now_;
    probe_.expires = now_ + 1;
    // Who could never approve it cannot deny it either: that is asked once a kind.
    ever_ = may(Choice::deny);
    timeless_ = std::ranges::all_of(rules, [&](const std::string& name) {
      const Rule* rule = rules_.find(name);
      return rule == nullptr ||
             (rule->documentation.empty() &&
              std::ranges::none_of(rule->stages, [](const Stage& stage) { return stage.escalate.has_value(); }));
    });
    if (timeless_ && ever_) untouched_ = may(Choice::approve);
  }

  template <class Entry>
  bool waits(const Entry& entry) {
    if (!ever_ || now_ >= entry.expires) return false;
    if (timeless_ && entry.votes.empty()) return untouched_;
    probe_.id = entry.id;
    probe_.created = entry.created;
    probe_.expires = entry.expires;
    probe_.documentation = entry.documentation;
    probe_.documented = entry.documented;
    probe_.votes = entry.votes;
    return may(Choice::approve);
  }

 private:
  [[nodiscard]] bool may(Choice choice) const {
    if (eligibility(probe_, approver_, choice, rules_, now_)) return true;
    return std::ranges::any_of(approver_.delegators, [&](const Delegator& one) {
      return eligibility(probe_, approver_, choice, rules_, now_, one.name).has_value();
    });
  }

  const Approver& approver_;
  const Rules& rules_;
  TimeMs now_;
  HeldRequest probe_;
  bool ever_ = false;
  bool timeless_ = false;   // nothing but votes changes the answer
  bool untouched_ = false;  // the answer for a timeless one without votes
};

// When the first reminder of all these rules is due, after the request was held; nullopt for none.
std::optional<TimeMs> first_reminder(const std::vector<std::string>& names, const Rules& rules) {
  std::optional<TimeMs> first;
  for (const std::string& name : names) {
    const Rule* rule = rules.find(name);
    if (rule != nullptr && !rule->remind.empty())
      first = std::min(first.value_or(rule->remind.front()), rule->remind.front());
  }
  return first;
}

}  // namespace

std::shared_ptr<const Inbox::Kind> Inbox::kind_of(const HeldRequest& request) {
  std::weak_ptr<const Kind>& known = kinds_[spelled_out(request)];
  if (std::shared_ptr<const Kind> kind = known.lock()) return kind;
  auto kind = std::make_shared<const Kind>(Kind{requester_without_scope(request), request.rules, request.edited_by});
  known = kind;
  if (kinds_.size() > 2 * held_.size() + kChunk) {
    std::erase_if(kinds_, [](const auto& one) { return one.second.expired(); });
  }
  return kind;
}

void Inbox::update(const HeldRequest& request) {
  std::lock_guard lock(mutex_);
  auto known = places_.find(request.id);
  if (request.state != State::held) {
    if (known == places_.end()) return;
    held_.erase(known->second);
    places_.erase(known);
    return;
  }
  if (known == places_.end()) known = places_.emplace(request.id, Place(request.created, ++last_)).first;
  auto entry = std::make_shared<Entry>();
  entry->kind = kind_of(request);
  entry->place = known->second;
  entry->id = request.id;
  entry->created = request.created;
  entry->expires = request.expires;
  entry->documentation = request.documentation;
  entry->documented = request.documented;
  entry->reminded = request.reminded;
  for (const Vote& vote : request.votes) entry->votes.push_back(light(vote));
  held_[known->second] = std::move(entry);
}

// In chunks, so that a walk over everything keeps nobody from committing.
Inbox::Entries Inbox::next(const Place& after, std::size_t count) const {
  Entries out;
  std::lock_guard lock(mutex_);
  for (auto at = held_.upper_bound(after); at != held_.end() && out.size() < count; ++at) out.push_back(at->second);
  return out;
}

Inbox::Place Inbox::place_of(const HeldRequest& request) const {
  std::lock_guard lock(mutex_);
  auto found = places_.find(request.id);
  return found == places_.end() ? Place(request.created, 0) : found->second;
}

std::vector<std::string> Inbox::waiting_for(const Approver& approver, const Rules& rules, TimeMs now, std::size_t limit,
                                            const Place& after) const {
  std::vector<std::string> ids;
  std::unordered_map<std::shared_ptr<const Kind>, View> views;
  Place place = after;
  for (;;) {
    Entries entries = next(place, kChunk);
    for (const std::shared_ptr<const Entry>& entry : entries) {
      if (ids.size() == limit) return ids;
      auto [view, fresh] = views.try_emplace(entry->kind, approver, rules, now);
      const Kind& kind = *entry->kind;
      if (fresh) view->second.look_at(kind.requester, kind.rules, kind.edited_by);
      if (view->second.waits(*entry)) ids.push_back(entry->id);
    }
    if (entries.size() < kChunk) return ids;
    place = entries.back()->place;
  }
}

std::vector<std::string> Inbox::to_remind(const Rules& rules, TimeMs now) const {
  std::vector<std::string> ids;
  struct Reminding {
    std::optional<TimeMs> first;
    HeldRequest probe;
  };
  std::unordered_map<std::shared_ptr<const Kind>, Reminding> kinds;
  Place place;
  for (;;) {
    Entries entries = next(place, kChunk);
    for (const std::shared_ptr<const Entry>& entry : entries) {
      auto [known, fresh] = kinds.try_emplace(entry->kind);
      auto& [first, probe] = known->second;
      if (fresh) {
        probe.rules = entry->kind->rules;
        first = first_reminder(probe.rules, rules);
      }
      if (!first || now < entry->created + *first) continue;
      probe.created = entry->created;
      probe.expires = entry->expires;
      probe.documentation = entry->documentation;
      probe.documented = entry->documented;
      if (!due_reminders(probe, rules, static_cast<std::size_t>(entry->reminded), now).empty()) {
        ids.push_back(entry->id);
      }
    }
    if (entries.size() < kChunk) return ids;
    place = entries.back()->place;
  }
}

}  // namespace countersign::approvals
