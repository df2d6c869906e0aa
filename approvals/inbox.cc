#include "approvals/inbox.h"

#include <algorithm>
#include <optional>
#include <set>

#include "approvals/bursts.h"
#include "core/sha256.h"

namespace countersign::approvals {

struct Inbox::Entry {
  Place place;
  std::string id;
  std::uint64_t burst = 0;  // key of bursts_
  TimeMs expires = 0;
  std::string documentation;
  TimeMs documented = 0;
  std::vector<Vote> votes;
};

struct Inbox::Kind {
  std::string key;
  Requester requester;
  std::vector<std::string> rules;
  std::string edited_by;
  std::map<Past, Line> lines;  // under the Inbox's mutex; none is empty
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

// After how long reminders of all these rules are sent, in order.
std::vector<TimeMs> reminder_times(const std::vector<std::string>& names, const Rules& rules) {
  std::set<TimeMs> times;
  for (const std::string& name : names) {
    if (const Rule* rule = rules.find(name)) times.insert(rule->remind.begin(), rule->remind.end());
  }
  return {times.begin(), times.end()};
}

}  // namespace

// What the approver may do about requests of a kind, and about one of them.
class Inbox::Question {
 public:
  Question(const Approver& approver, const Rules& rules, TimeMs now) : approver_(approver), rules_(rules), now_(now) {}

  enum class Answer : std::uint8_t { no, undocumented, yes };
  // Whether a request of the kind could ever wait for them: who could never approve it cannot deny it either.
  bool could_ever(const Kind& kind) {
    turn_to(kind);
    probe_.created = now_;
    probe_.expires = now_ + 1;
    probe_.votes.clear();
    return may(Choice::deny) == Answer::yes;
  }

  Answer about(const Kind& kind, const Entry& entry) {
    turn_to(kind);
    probe_.id = entry.id;
    probe_.created = entry.place.first;
    probe_.expires = entry.expires;
    probe_.documentation = entry.documentation;
    probe_.documented = entry.documented;
    probe_.votes = entry.votes;
    return may(Choice::approve);
  }

  [[nodiscard]] TimeMs now() const { return now_; }
  // Kinds are known by their addresses: before and after those that are not kept alive.
  void forget() { kind_ = nullptr; }

 private:
  void turn_to(const Kind& kind) {
    if (kind_ == &kind) return;
    kind_ = &kind;
    probe_.requester = kind.requester;
    probe_.rules = kind.rules;
    probe_.edited_by = kind.edited_by;
  }

  [[nodiscard]] Answer may(Choice choice) const {
    auto own = eligibility(probe_, approver_, choice, rules_, now_);
    if (own) return Answer::yes;
    bool in_place = std::ranges::any_of(approver_.delegators, [&](const Delegator& one) {
      return eligibility(probe_, approver_, choice, rules_, now_, one.name).has_value();
    });
    if (in_place) return Answer::yes;
    return own.error().code == "approval.undocumented" ? Answer::undocumented : Answer::no;
  }

  const Approver& approver_;
  const Rules& rules_;
  TimeMs now_;
  const Kind* kind_ = nullptr;
  HeldRequest probe_;
};

// Through what waits for the approver in one line, oldest first.
class Inbox::Walk {
 public:
  Walk(const Inbox& inbox, std::shared_ptr<const Kind> kind, const Past& past, const Place& after, const Rules& rules)
      : inbox_(&inbox), kind_(std::move(kind)), past_(past), reached_(after) {
    bool reads_documentation = false;
    for (const std::string& name : kind_->rules) {
      const Rule* rule = rules.find(name);
      if (rule == nullptr) continue;
      if (!rule->documentation.empty()) reads_documentation = true;
      for (const Stage& stage : rule->stages) {
        if (stage.escalate) escalations_.push_back(stage.escalate->after);
      }
    }
    alike_ = past_.touched == Touched::never || (past_.touched == Touched::documented && !reads_documentation);
  }

  // To the next one; false when there is none.
  bool advance(Question& question) {
    for (;;) {
      if (++at_ >= entries_.size()) {
        entries_ = inbox_->next(*kind_, past_, reached_, chunk_);
        if (entries_.empty()) return false;
        reached_ = entries_.back()->place;
        chunk_ = std::min(2 * chunk_, kChunk);
        at_ = 0;
      }
      const Entry& entry = *entries_[at_];
      if (question.now() >= entry.expires) continue;
      const Question::Answer answer = ask(question, entry);
      if (answer == Question::Answer::yes) return true;
      // Those behind it are younger, and escalation only ever adds people. What was written about them may suffice.
      const bool others_too = answer == Question::Answer::no || past_.touched == Touched::never;
      if (past_.touched != Touched::voted && others_too) return false;
    }
  }
  [[nodiscard]] const Entry& entry() const { return *entries_[at_]; }

 private:
  Question::Answer ask(Question& question, const Entry& entry) {
    const TimeMs old = question.now() - entry.place.first;
    std::size_t age = 0;
    for (TimeMs after : escalations_) age += old > after ? 2 : old == after ? 1 : 0;
    if (!alike_ || !last_ || last_->first != age) last_.emplace(age, question.about(*kind_, entry));
    return last_->second;
  }

  const Inbox* inbox_;
  std::shared_ptr<const Kind> kind_;
  Past past_;
  Place reached_;
  Entries entries_;
  std::size_t at_ = 0;
  std::size_t chunk_ = 1;
  std::vector<TimeMs> escalations_;
  bool alike_ = false;  // nothing but age makes a difference: how many escalations are behind them
  std::optional<std::pair<std::size_t, Question::Answer>> last_;
};

std::shared_ptr<Inbox::Kind>& Inbox::kind_of(const HeldRequest& request) {
  std::string key = spelled_out(request);
  std::shared_ptr<Kind>& known = kinds_[key];
  if (!known) {
    known = std::make_shared<Kind>();
    known->key = std::move(key);
    known->requester = requester_without_scope(request);
    known->rules = request.rules;
    known->edited_by = request.edited_by;
  }
  return known;
}

// The first of a burst was put in by itself; with the second it becomes a member too.
std::uint64_t Inbox::burst_of(const HeldRequest& request) {
  if (request.burst.empty()) return 0;
  if (auto known = burst_numbers_.find(request.burst); known != burst_numbers_.end()) return known->second;
  if (begins_burst(request)) return 0;
  const std::uint64_t number = ++last_burst_;
  auto first = places_.find(first_of_burst(request.burst));
  if (first != places_.end()) {
    const Where where = first->second;
    auto line = where.kind->lines.find(where.past);
    auto entry = std::make_shared<Entry>(*line->second.at(where.place));
    const std::shared_ptr<Kind> kind = kinds_.at(where.kind->key);
    remove(where);
    entry->burst = number;
    first->second.burst = number;
    kinds_[kind->key] = kind;
    bursts_[number].id = request.burst;
    put(kind, where.past, std::move(entry));
  }
  bursts_[number].id = request.burst;
  burst_numbers_[request.burst] = number;
  return number;
}

// Whether of a burst's requests in such a line only the oldest is there: people would be asked the same about all.
bool Inbox::bundles(const Past& past) {
  return past.touched == Touched::never;
}

void Inbox::put(const std::shared_ptr<Kind>& kind, const Past& past, std::shared_ptr<Entry> entry) {
  const Place place = entry->place;
  Line& line = kind->lines[past];
  if (entry->burst != 0) {
    std::map<Place, Member>& members = bursts_[entry->burst].members;
    members[place] = {kind, past, entry};
    if (bundles(past)) {
      for (const auto& [other_place, other] : members) {
        if (other_place == place || other.kind != kind || other.past != past) continue;
        if (other_place < place) return;  // that one is in the line, or another before it
        line.erase(other_place);
      }
    }
  }
  line[place] = std::move(entry);
}

void Inbox::remove(const Where& where) {
  auto line = where.kind->lines.find(where.past);
  const bool was_there = line->second.erase(where.place) > 0;
  if (where.burst != 0) {
    auto burst = bursts_.find(where.burst);
    std::map<Place, Member>& members = burst->second.members;
    members.erase(where.place);
    if (was_there && bundles(where.past)) {
      auto next = std::ranges::find_if(members, [&](const auto& each) {
        return each.second.kind.get() == where.kind && each.second.past == where.past;
      });
      if (next != members.end()) line->second[next->first] = next->second.entry;
    }
    if (members.empty()) {
      burst_numbers_.erase(burst->second.id);
      bursts_.erase(burst);
    }
  }
  if (line->second.empty()) where.kind->lines.erase(line);
  if (where.kind->lines.empty()) kinds_.erase(kinds_.find(where.kind->key));
}

void Inbox::update(const HeldRequest& request) {
  std::lock_guard lock(mutex_);
  auto known = places_.find(request.id);
  Place place;
  if (known != places_.end()) {
    place = known->second.place;
    remove(known->second);
    if (request.state != State::held) places_.erase(known);
  } else if (request.state == State::held) {
    place = {request.created, ++last_};
  }
  if (request.state != State::held) return;
  auto entry = std::make_shared<Entry>();
  entry->place = place;
  entry->id = request.id;
  entry->expires = request.expires;
  entry->documentation = request.documentation;
  entry->documented = request.documented;
  for (const Vote& vote : request.votes) entry->votes.push_back(light(vote));
  const Touched touched = !request.votes.empty()          ? Touched::voted
                          : request.documentation.empty() ? Touched::never
                                                          : Touched::documented;
  const Past past{touched, request.reminded};
  entry->burst = burst_of(request);
  const std::shared_ptr<Kind> kind = kind_of(request);
  places_[request.id] = {kind.get(), past, place, entry->burst};
  put(kind, past, std::move(entry));
}

std::vector<std::shared_ptr<const Inbox::Kind>> Inbox::kinds() const {
  std::vector<std::shared_ptr<const Kind>> out;
  std::string after;
  for (bool more = true; more;) {
    std::lock_guard lock(mutex_);
    auto at = kinds_.upper_bound(after);
    for (std::size_t taken = 0; taken < kChunk && at != kinds_.end(); ++taken, ++at) out.push_back(at->second);
    more = at != kinds_.end();
    if (more) after = out.back()->key;
  }
  return out;
}

std::vector<Inbox::Past> Inbox::lines_of(const Kind& kind) const {
  std::lock_guard lock(mutex_);
  std::vector<Past> out;
  for (const auto& [past, line] : kind.lines) out.push_back(past);
  return out;
}

Inbox::Entries Inbox::next(const Kind& kind, const Past& past, const Place& after, std::size_t count) const {
  Entries out;
  std::lock_guard lock(mutex_);
  auto line = kind.lines.find(past);
  if (line == kind.lines.end()) return out;
  auto at = line->second.upper_bound(after);
  for (; at != line->second.end() && out.size() < count; ++at) out.push_back(at->second);
  return out;
}

Inbox::Entries Inbox::stands_for(const Kind& kind, const Past& past, const std::shared_ptr<const Entry>& lead) const {
  Entries out{lead};
  std::lock_guard lock(mutex_);
  auto burst = bursts_.find(lead->burst);
  if (!bundles(past) || burst == bursts_.end()) return out;
  for (const auto& [place, member] : burst->second.members) {
    if (place > lead->place && member.kind.get() == &kind && member.past == past) out.push_back(member.entry);
  }
  return out;
}

std::optional<Inbox::Place> Inbox::seen_of(std::uint64_t burst, Question& question) const {
  std::vector<Member> there;
  {
    std::lock_guard lock(mutex_);
    auto found = bursts_.find(burst);
    if (found == bursts_.end()) return std::nullopt;
    for (const auto& [place, member] : found->second.members) {
      if (member.kind->lines.at(member.past).contains(place)) there.push_back(member);
    }
  }
  question.forget();
  std::optional<Place> seen;
  for (const Member& member : there) {
    const bool waits =
        question.now() < member.entry->expires && question.about(*member.kind, *member.entry) == Question::Answer::yes;
    if (waits) seen = member.entry->place;
    if (seen) break;
  }
  question.forget();
  return seen;
}

Inbox::Place Inbox::place_of(const HeldRequest& request) const {
  std::lock_guard lock(mutex_);
  auto found = places_.find(request.id);
  return found == places_.end() ? Place(request.created, 0) : found->second.place;
}

Inbox::Held Inbox::held() const {
  std::lock_guard lock(mutex_);
  Held out{.count = places_.size(), .oldest = std::nullopt};
  for (const auto& [key, kind] : kinds_) {
    for (const auto& [past, line] : kind->lines) {
      const TimeMs first = line.begin()->first.first;
      out.oldest = std::min(out.oldest.value_or(first), first);
    }
  }
  return out;
}

std::vector<std::string> Inbox::waiting_for(const Approver& approver, const Rules& rules, TimeMs now, std::size_t limit,
                                            const Place& after) const {
  Question question(approver, rules, now);
  std::vector<Walk> walks;
  for (std::shared_ptr<const Kind>& kind : kinds()) {
    std::optional<bool> ever;
    for (const Past& past : lines_of(*kind)) {
      if (past.touched != Touched::never) {
        if (!ever) ever = question.could_ever(*kind);
        if (!*ever) continue;
      }
      Walk walk(*this, kind, past, after, rules);
      if (walk.advance(question)) walks.push_back(std::move(walk));
    }
  }
  auto is_later = [](const Walk& one, const Walk& other) { return one.entry().place > other.entry().place; };
  std::ranges::make_heap(walks, is_later);
  std::vector<std::string> ids;
  std::unordered_map<std::uint64_t, std::optional<Place>> seen;
  auto stands_for_its_burst = [&](const Entry& entry) {
    if (entry.burst == 0) return true;
    auto [known, is_new] = seen.try_emplace(entry.burst);
    if (is_new) known->second = seen_of(entry.burst, question);
    return known->second == entry.place;
  };
  Place last = after;
  while (!walks.empty() && ids.size() < limit) {
    std::ranges::pop_heap(walks, is_later);
    Walk& oldest = walks.back();
    // One that is voted on meanwhile may stand in two lines' walks.
    if (oldest.entry().place > last) {
      last = oldest.entry().place;
      if (stands_for_its_burst(oldest.entry())) ids.push_back(oldest.entry().id);
    }
    if (oldest.advance(question)) {
      std::ranges::push_heap(walks, is_later);
    } else {
      walks.pop_back();
    }
  }
  return ids;
}

std::vector<std::string> Inbox::to_remind(const Rules& rules, TimeMs now) const {
  std::vector<std::pair<Place, std::string>> due;
  for (const std::shared_ptr<const Kind>& kind : kinds()) {
    const std::vector<TimeMs> times = reminder_times(kind->rules, rules);
    const bool needs_documentation = !missing_documentation(rules, kind->rules, "", 0).empty();
    HeldRequest probe;
    probe.rules = kind->rules;
    for (const Past& past : lines_of(*kind)) {
      const std::size_t sent = static_cast<std::size_t>(past.reminded);
      if (sent >= times.size() || (needs_documentation && past.touched == Touched::never)) continue;
      Place reached;
      std::size_t chunk = 1;
      for (bool more = true; more;) {
        const Entries entries = next(*kind, past, reached, chunk);
        more = entries.size() == chunk;
        chunk = kChunk;
        for (const std::shared_ptr<const Entry>& lead : entries) {
          reached = lead->place;
          if (now < lead->place.first + times[sent]) {
            more = false;
            break;
          }
          for (const std::shared_ptr<const Entry>& entry : stands_for(*kind, past, lead)) {
            probe.created = entry->place.first;
            probe.expires = entry->expires;
            probe.documentation = entry->documentation;
            probe.documented = entry->documented;
            if (!due_reminders(probe, rules, sent, now).empty()) due.emplace_back(entry->place, entry->id);
          }
        }
      }
    }
  }
  std::ranges::sort(due);
  std::vector<std::string> ids;
  for (auto& [place, id] : due) ids.push_back(std::move(id));
  return ids;
}

}  // namespace countersign::approvals
