#include "proxy/lineage.h"

#include <algorithm>
#include <array>

#include "core/json_reader.h"
#include "proxy/adapters/aws_arn.h"

namespace countersign::proxy {
namespace {

constexpr TimeMs kMinutes = 600'000;  // Session::minutes
constexpr std::size_t kMostListed = 1'024;
constexpr std::size_t kMostContainers = 1'024;
constexpr int kMostLevels = 16;
constexpr TimeMs kSweep = 60'000;

// Of a thing that has no name of its own ("every instance"), what it is in.
std::string_view named(std::string_view id) {
  if (!id.ends_with('*')) return id;
  id.remove_suffix(1);
  if (id.ends_with('/') || id.ends_with(':')) id.remove_suffix(1);
  return id;
}

bool is_everything(std::string_view id) {
  return id.ends_with('*');
}

std::string_view arn_of(std::string_view id) {
  const std::size_t slash = id.find('/');
  const std::string_view rest = slash == std::string_view::npos ? std::string_view() : id.substr(slash + 1);
  return rest.starts_with("arn:") ? rest : std::string_view();
}

bool begins(std::string_view name, std::initializer_list<std::string_view> verbs) {
  return std::ranges::any_of(verbs, [&](std::string_view verb) { return name.starts_with(verb); });
}

std::string_view last_part(std::string_view action) {
  return action.substr(action.rfind(':') + 1);
}

bool puts_object(std::string_view action) {
  return action == "aws:s3:PutObject" || action == "aws:s3:CopyObject" || action == "aws:s3:CompleteMultipartUpload";
}

bool is_fresh(TimeMs at, TimeMs now) {
  return at != 0 && now - at < Lineage::kWindow;
}

}  // namespace

std::string_view container_of(std::string_view id) {
  const std::string_view arn = arn_of(id);
  std::size_t cut = id.rfind('/');
  if (!arn.empty()) {
    const std::size_t start = id.size() - arn.size();
    const std::size_t bucket = arn.find(":s3:::");
    const std::size_t slash = id.find('/', start);
    // What is in a bucket is in all of it: prefixes of keys are no folders.
    cut = bucket != std::string_view::npos && slash != std::string_view::npos ? slash : id.find_last_of("/:");
    if (cut == std::string_view::npos || cut < start) return {};
  }
  return cut == std::string_view::npos ? std::string_view() : id.substr(0, cut);
}

Deed::Deed(const Operation& described) : operation(described) {
  if (operation.protocol != "aws" || !is_change(operation.effect())) return;
  const std::string_view name = last_part(operation.action);
  spares_things = name == "DeleteItem";
  ends_things = begins(name, {"Delete", "Deregister", "Destroy", "Release", "Remove", "Terminate"});
  if (operation.action.starts_with("aws:s3:"))
    ends_things = name == "DeleteBucket" || name == "DeleteObject" || name == "DeleteObjects";
  const auto document = JsonDocument::parse(operation.input);
  if (!document) return;
  for (JsonValue flag = document->root().member("flags").first(); flag; flag = flag.next()) {
    const std::string_view word = flag.string().value_or("");
    unprotects = unprotects || word == "protection_off" || word == "backups_off" || word == "versioning_suspended";
    spares_things = spares_things || word == "deletes_items";
    overwrites = overwrites || word == "may_overwrite";
  }
}

bool Deed::creates(const Access& access) const {
  const std::string& action = operation.action_of(access);
  if (action == "git:create_ref" || action == "git:create_tag") return true;
  if (operation.protocol != "aws" || overwrites || !may_create(access)) return false;
  // A backup is made of a table that is there, a listener at a balancer, a route in a table.
  if (!puts_object(action) && !adapters::is_made_by(action, adapters::parse_aws_arn(arn_of(access.resource.id))))
    return false;
  // Of several things it is not known which one is new: an instance comes with the subnet it is in.
  return std::ranges::count_if(operation.accesses, [](const Access& each) { return is_change(each.effect); }) == 1;
}

bool Deed::may_create(const Access& access) const {
  if (!is_change(access.effect) || access.effect == Effect::destroy || is_everything(access.resource.id)) return false;
  if (operation.protocol != "aws") return access.effect == Effect::write || access.effect == Effect::execute;
  const std::string& action = operation.action_of(access);
  const std::string_view name = last_part(action);
  if (puts_object(action)) return true;
  return begins(name, {"Allocate", "Create", "Import", "Launch", "Provision", "Register", "Restore", "Run"});
}

bool Deed::unprotects_by(const Access& access) const {
  return unprotects || (operation.protocol != "aws" && access.effect == Effect::administer);
}

TimeMs Lineage::Mark::latest() const {
  TimeMs out = std::max({created, destroyed, unprotected});
  for (const Refusal& each : refused) out = std::max(out, each.at);
  for (const Refusal& each : inside) out = std::max(out, each.at);
  return out;
}

const Lineage::Mark* Lineage::find(std::string_view id) const {
  const auto found = marks_.find(named(id));
  return found == marks_.end() ? nullptr : &found->second;
}

Lineage::Mark& Lineage::mark(std::string_view id, TimeMs now, std::size_t most) {
  const auto found = marks_.find(named(id));
  if (found != marks_.end()) return found->second;
  if (marks_.size() >= most) forget_oldest(now, most);
  return marks_[std::string(named(id))];
}

void Lineage::forget_oldest(TimeMs now, std::size_t most) {
  std::erase_if(marks_,
                [&](const auto& each) { return each.second.created == 0 && !is_fresh(each.second.latest(), now); });
  const std::size_t keep = most - most / 8 - 1;
  if (marks_.size() <= keep) return;
  std::vector<TimeMs> times;
  times.reserve(marks_.size());
  for (const auto& [name, each] : marks_) times.push_back(each.latest());
  const auto cut = times.begin() + static_cast<std::ptrdiff_t>(marks_.size() - keep - 1);
  std::ranges::nth_element(times, cut);
  std::erase_if(marks_, [&](const auto& each) { return each.second.latest() <= *cut; });
  blurred_until_ = std::max(blurred_until_, *cut + kWindow);
}

void Lineage::read(std::string_view id, TimeMs now) {
  const auto found = listed_.find(named(id));
  if (found != listed_.end()) {
    found->second = std::max(found->second, now);
    return;
  }
  if (listed_.size() >= kMostListed) {
    std::erase_if(listed_, [&](const auto& each) { return !is_fresh(each.second, now); });
    if (listed_.size() >= kMostListed) {
      listed_.clear();
      all_listed_until_ = now + kWindow;
    }
  }
  listed_.emplace(named(id), now);
}

bool Lineage::is_listed(std::string_view id, TimeMs now) const {
  if (now < all_listed_until_) return true;
  std::string_view at = container_of(named(id));
  for (int level = 0; !at.empty() && level < kMostLevels; ++level, at = container_of(at)) {
    const auto found = listed_.find(at);
    if (found != listed_.end() && is_fresh(found->second, now)) return true;
  }
  return false;
}

bool Lineage::is_unprotected(std::string_view id, TimeMs now) const {
  std::string_view at = named(id);
  for (int level = 0; !at.empty() && level < kMostLevels; ++level, at = container_of(at)) {
    const Mark* found = find(at);
    if (found && is_fresh(found->unprotected, now)) return true;
  }
  return false;
}

bool Lineage::is_refused(const Access& access, const std::string& action, TimeMs now) const {
  auto counts = [&](const Refusal& each) {
    const bool weaker = each.waits ? each.effect < access.effect : each.effect <= access.effect;
    return weaker && is_fresh(each.at, now) && each.action != action;
  };
  const std::string_view id = named(access.resource.id);
  const Mark* its = find(id);
  if (its && (std::ranges::any_of(its->refused, counts) || std::ranges::any_of(its->inside, counts))) return true;
  const Mark* around = find(container_of(id));
  return around && std::ranges::any_of(around->refused, counts);
}

bool Lineage::is_own(std::string_view id) const {
  const Mark* found = find(id);
  return found && found->created != 0;
}

std::int64_t Lineage::destroyed_in(std::string_view container, TimeMs now) const {
  const auto found = destroyed_in_.find(container);
  return found != destroyed_in_.end() ? found->second.total(now) : destroyed_elsewhere_.total(now);
}

void Lineage::add_refusal(std::vector<Refusal>& list, Effect effect, bool waits, const std::string& action,
                          TimeMs now) {
  const auto same = [&](const Refusal& each) { return each.effect == effect && each.waits == waits; };
  const auto found = std::ranges::find_if(list, same);
  if (found == list.end()) {
    list.push_back({effect, waits, now, action});
    return;
  }
  if (found->action != action) found->action = is_fresh(found->at, now) ? std::string() : action;
  found->at = std::max(found->at, now);
}

policies::Session Lineage::look(const Deed& deed, TimeMs now) const {
  const Operation& operation = deed.operation;
  policies::Session out;
  auto counts = [&](TimeMs time) {
    return policies::Session::Counts{reads_.within(time, now), changes_.within(time, now), destroys_.within(time, now),
                                     denials_.within(time, now), holds_.within(time, now)};
  };
  out.hour = counts(kWindow);
  out.minutes = counts(kMinutes);
  out.age = std::max<TimeMs>(0, now - first_) / 60'000;
  if (!is_change(operation.effect())) return out;

  const bool blurred = now < blurred_until_;
  std::map<std::string_view, std::int64_t> together;  // destroyed by this operation, by container
  for (const Access& access : operation.accesses) {
    const std::string_view id = named(access.resource.id);
    if (access.effect == Effect::destroy && !is_own(id)) ++together[container_of(id)];
  }
  out.things.reserve(operation.accesses.size());
  for (const Access& access : operation.accesses) {
    policies::Session::Thing& thing = out.things.emplace_back();
    if (!is_change(access.effect)) continue;
    const std::string_view id = named(access.resource.id);
    const Mark* its = find(id);
    thing.created = its && its->created != 0;
    thing.recreates = deed.may_create(access) && !thing.created && (blurred || (its && is_fresh(its->destroyed, now)));
    thing.unprotected = blurred || is_unprotected(id, now);
    thing.listed = is_listed(id, now);
    thing.denied = blurred || is_refused(access, operation.action_of(access), now);
    const std::string_view container = container_of(id);
    const auto beside = together.find(container);
    const bool counted = access.effect == Effect::destroy && !thing.created;
    thing.siblings_destroyed =
        destroyed_in(container, now) + (beside == together.end() ? 0 : beside->second) - (counted ? 1 : 0);
  }
  return out;
}

void Lineage::decided(const Deed& deed, const policies::Decision& decision, TimeMs now, std::size_t most) {
  const auto things = static_cast<std::uint32_t>(deed.operation.accesses.size());
  // A scope says what a token is for, a freeze is about the time, a conflict about others, a budget about how much:
  // none of them is a word about what was asked for.
  const bool meant = begins(decision.code, {"policy.", "approval."});
  switch (decision.verdict) {
    case policies::Verdict::allow:
      return done(deed, By::itself, now, most);
    case policies::Verdict::hold:
      holds_.add(now, things);
      if (meant) refused(deed, decision.about, true, now, most);
      break;
    case policies::Verdict::deny:
      denials_.add(now, things);
      if (meant) refused(deed, decision.about, false, now, most);
  }
}

void Lineage::done(const Deed& deed, By by, TimeMs now, std::size_t most) {
  std::uint32_t reads = 0;
  std::uint32_t changes = 0;
  std::uint32_t destroys = 0;
  for (const Access& access : deed.operation.accesses) {
    const std::string_view id = access.resource.id;
    if (!is_change(access.effect)) {
      ++reads;
      read(id, now);
      continue;
    }
    ++changes;
    if (deed.unprotects_by(access)) mark(id, now, most).unprotected = now;
    if (access.effect != Effect::destroy) continue;
    ++destroys;
    if (deed.spares_things) continue;
    const bool own = is_own(id);
    if (own && deed.ends_things) mark(id, now, most).created = 0;  // and making it again is its own business, too
    if (own) continue;
    if (deed.ends_things && !is_everything(id)) mark(id, now, most).destroyed = now;
    if (by == By::approval) continue;
    const std::string_view container = container_of(named(id));
    auto found = destroyed_in_.find(container);
    if (found == destroyed_in_.end() && destroyed_in_.size() >= kMostContainers && now - swept_ > kSweep) {
      std::erase_if(destroyed_in_, [&](const auto& each) { return each.second.total(now) == 0; });
      swept_ = now;
    }
    if (found == destroyed_in_.end() && destroyed_in_.size() < kMostContainers)
      found = destroyed_in_.emplace(container, Tally(kWindow)).first;
    // What has no room counts for all that have none.
    (found == destroyed_in_.end() ? destroyed_elsewhere_ : found->second).add(now, 1);
  }
  if (reads > 0) reads_.add(now, reads);
  if (changes > 0) changes_.add(now, changes);
  if (destroys > 0) destroys_.add(now, destroys);
}

void Lineage::refused(const Deed& deed, const std::vector<std::size_t>& about, bool waits, TimeMs now,
                      std::size_t most) {
  const std::vector<Access>& accesses = deed.operation.accesses;
  std::vector<bool> meant(accesses.size(), about.empty());
  for (std::size_t each : about) {
    if (each < meant.size()) meant[each] = true;
  }
  for (std::size_t i = 0; i < accesses.size(); ++i) {
    const Access& access = accesses[i];
    // "Everything of the service" is what is not known, and says nothing about one of them.
    if (!meant[i] || is_everything(access.resource.id)) continue;
    const std::string& action = deed.operation.action_of(access);
    const std::string_view id = named(access.resource.id);
    add_refusal(mark(id, now, most).refused, access.effect, waits, action, now);
    const std::string_view container = container_of(id);
    if (!container.empty()) add_refusal(mark(container, now, most).inside, access.effect, waits, action, now);
  }
}

void Lineage::waits_no_more(const Deed& deed) {
  for (const Access& access : deed.operation.accesses) {
    const std::string& action = deed.operation.action_of(access);
    const auto over = [&](const Refusal& each) {
      return each.waits && each.effect == access.effect && each.action == action;
    };
    const std::string_view id = named(access.resource.id);
    if (const auto its = marks_.find(id); its != marks_.end()) std::erase_if(its->second.refused, over);
    if (const auto around = marks_.find(container_of(id)); around != marks_.end())
      std::erase_if(around->second.inside, over);
  }
}

void Lineage::succeeded(const Deed& deed, TimeMs now, std::size_t most) {
  for (const Access& access : deed.operation.accesses) {
    if (!deed.may_create(access)) continue;
    const Mark* its = find(access.resource.id);
    const bool again = its && its->destroyed != 0;
    if (!again && !deed.creates(access)) continue;
    Mark& made = mark(access.resource.id, now, most);
    made.created = now;
    made.destroyed = 0;
  }
}

}  // namespace countersign::proxy
