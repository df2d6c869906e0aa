#include "approvals/plan_match.h"

#include <algorithm>
#include <memory>
#include <span>
#include <unordered_map>

#include "approvals/plan_fit.h"
#include "approvals/plan_names.h"
#include "core/json_reader.h"

namespace countersign::approvals {
namespace {

using Changes = PlanIndex::Changes;

// How many of the changes that may be meant by a thing cost as much to list as one does to compare.
constexpr std::size_t kListedPerCompared = 8;

// "aws:ec2:RunInstances" in its parts.
std::optional<std::pair<std::string_view, std::string_view>> read_action(std::string_view action) {
  constexpr std::string_view kAws = "aws:";
  if (!action.starts_with(kAws)) return std::nullopt;
  action.remove_prefix(kAws.size());
  const std::size_t colon = action.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  return std::pair(action.substr(0, colon), action.substr(colon + 1));
}

void sort_unique(Changes& changes) {
  std::ranges::sort(changes);
  changes.erase(std::ranges::unique(changes).begin(), changes.end());
}

void add(const Changes& more, Changes& out) {
  out.insert(out.end(), more.begin(), more.end());
}

}  // namespace

PlanIndex::PlanIndex(std::vector<PlannedChange> changes) : changes_(std::move(changes)) {
  for (std::uint32_t i = 0; i < changes_.size(); ++i) {
    PlannedChange& change = changes_[i];
    for (PlannedNames* side : {&change.before, &change.after}) {
      for (std::vector<std::string>* names : {&side->own, &side->related, &side->within}) std::ranges::sort(*names);
    }
    type_of_.push_back(nullptr);
    auto found = types_.find(change.type);
    if (found == types_.end()) {
      std::optional<TerraformType> type = find_terraform_type(change.type);
      if (!type) continue;
      found = types_.emplace(change.type, OfType{change.type, std::move(*type), {}, {}}).first;
    }
    OfType& of_type = found->second;
    type_of_.back() = &of_type;
    auto is_unknown = [](const PlannedNames& names) {
      return names.own_unknown || names.related_unknown || names.within_unknown;
    };
    if (is_unknown(change.before) || is_unknown(change.after)) of_type.unknown.push_back(i);
    if (change.creates && change.after.own.empty()) of_type.unnamed.push_back(i);
    add_names(change, i, of_type.type.service);
  }
  for (std::vector<Named>* list : {&named_, &emptied_}) {
    std::ranges::sort(*list);
    list->erase(std::ranges::unique(*list).begin(), list->end());
    list->shrink_to_fit();
  }
  for (const auto& [name, of_type] : types_) {
    const TerraformType& type = of_type.type;
    std::vector<std::string> operations;
    for (const auto* list : {&type.creates, &type.changes, &type.deletes})
      operations.insert(operations.end(), list->begin(), list->end());
    for (const TerraformType::Weakening& each : type.weakens) operations.push_back(each.operation);
    for (const std::string& each : operations) of_operation_.emplace(type.service + ":" + each, &of_type);
    for (const std::string& each : type.nouns) of_noun_.emplace(type.service + ":" + each, &of_type);
  }
}

void PlanIndex::add_names(const PlannedChange& change, std::uint32_t number, const std::string& service) {
  std::vector<std::uint64_t> keys;
  for (const PlannedNames* side : {&change.before, &change.after}) {
    for (const auto* names : {&side->own, &side->related, &side->within}) {
      for (const std::string& name : *names) add_keys_of_name(service, name, keys);
    }
  }
  for (std::uint64_t key : keys) named_.push_back({key, number});
  if (!change.empties) return;
  keys.clear();
  for (const std::string& name : change.before.own) add_keys_of_name(service, name, keys);
  for (std::uint64_t key : keys) emptied_.push_back({key, number});
}

std::size_t PlanIndex::creations_of(std::string_view type) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      changes_, [&](const PlannedChange& change) { return change.creates && change.type == type; }));
}

// One operation beside a plan: for one thread, once.
class PlanLook {
 public:
  PlanLook(const PlanIndex& index, Asked& asked) : index_(index), asked_(asked) {}

  std::optional<Announced> find() {
    find_akin();
    std::vector<Changes> meant;
    const Changes* fewest = nullptr;
    meant.reserve(asked_.touched.size());
    for (const Thing& thing : asked_.touched) {
      meant.push_back(changes_for(thing));
      if (meant.back().empty() || asked_.work.over()) return std::nullopt;
      if (!fewest || meant.back().size() < fewest->size()) fewest = &meant.back();
    }
    // Names that belong together (a role and its policy) must come from one change, so one that fits all comes first.
    for (std::uint32_t number : *fewest) {
      const bool announces_all = std::ranges::all_of(asked_.touched, [&](const Thing& thing) {
        asked_.work.add();
        return !asked_.work.over() && fit(number).announces(thing);
      });
      if (asked_.work.over()) return std::nullopt;
      if (announces_all) return announced_by(number);
    }
    return each_by_its_own(meant);
  }

  [[nodiscard]] std::size_t looked_at() const { return fits_.size(); }

 private:
  const Fit& fit(std::uint32_t number) {
    std::unique_ptr<Fit>& out = fits_[number];
    if (!out) out = std::make_unique<Fit>(index_.changes_[number], index_.type_of_[number]->type, asked_);
    return *out;
  }

  Announced announced_by(std::uint32_t number) {
    const Fit& all = fit(number);
    Announced out{.changes = {number}, .type = {}, .counted = all.is_unnamed_creation(), .names = {}, .input = {}};
    if (all.is_creation()) out.type = index_.changes_[number].type;
    for (const Thing& thing : asked_.touched) {
      if (!all.is_name_of_new(thing)) continue;
      out.names.emplace_back(thing.text);
      for (std::string_view name : thing.names) out.names.emplace_back(name);
    }
    return out;
  }

  std::optional<Announced> each_by_its_own(const std::vector<Changes>& meant) {
    Announced out;
    for (std::size_t i = 0; i < meant.size(); ++i) {
      const auto found = std::ranges::find_if(meant[i], [&](std::uint32_t number) {
        asked_.work.add();
        const TerraformType& type = index_.type_of_[number]->type;
        if (asked_.work.over() || type.is_part() || !type.named.empty()) return false;
        return !fit(number).is_creation() && fit(number).announces(asked_.touched[i]);
      });
      if (found == meant[i].end() || asked_.work.over()) return std::nullopt;
      out.changes.push_back(*found);
    }
    std::ranges::sort(out.changes);
    out.changes.erase(std::ranges::unique(out.changes).begin(), out.changes.end());
    return out;
  }

  // Types that the operation belongs to: others are changed by it where they are named only.
  void find_akin() {
    const std::string service = std::string(asked_.service) + ":";
    auto take = [this](const auto& map, const std::string& key) {
      for (auto [at, end] = map.equal_range(key); at != end; ++at) akin_.push_back(at->second);
    };
    take(index_.of_operation_, service + std::string(asked_.operation));
    const std::string noun = noun_of(asked_.operation);
    for (std::size_t size = 0; size <= std::min(noun.size(), kMostNoun); ++size)
      take(index_.of_noun_, service + noun.substr(0, size));
    if (noun.ends_with("ies")) take(index_.of_noun_, service + noun.substr(0, noun.size() - 3) + "y");
    std::ranges::sort(akin_);
    akin_.erase(std::ranges::unique(akin_).begin(), akin_.end());
    asked_.work.add(akin_.size());
  }

  void add_named(const std::vector<PlanIndex::Named>& list, std::uint64_t key, Changes& out) const {
    for (const auto& each : std::ranges::equal_range(list, key, {}, &PlanIndex::Named::key)) out.push_back(each.change);
  }
  void add_named(const std::vector<PlanIndex::Named>& list, const Thing& thing, Changes& out) const {
    std::vector<std::uint64_t> keys;
    add_keys_of_thing(asked_.service, thing, keys);
    for (std::uint64_t key : keys) add_named(list, key, out);
  }

  // All changes that could announce what is done to the thing, in their order; some may be among them that do not.
  Changes changes_for(const Thing& thing) {
    Changes out;
    add_named(index_.named_, thing, out);
    for (std::string_view name : thing.names) {
      const std::size_t slash = std::min(name.find('/'), name.size());
      const std::string in_unknown = std::string(kUnknownPart) + std::string(name.substr(slash));
      add_named(index_.named_, key_of(asked_.service, in_unknown), out);
    }
    const std::size_t slash = thing.text.find('/');
    if (asked_.operation.starts_with("DeleteObject") && slash != std::string_view::npos)
      add_named(index_.emptied_, read_thing(thing.text.substr(0, slash)), out);
    add_learned(thing, out);
    add_unnamed(thing, out);
    asked_.work.add(1 + out.size() / kListedPerCompared);
    sort_unique(out);
    return out;
  }

  // Those that have, or name, what was not known, where the thing was made under the plan.
  void add_learned(const Thing& thing, Changes& out) const {
    asked_.work.add(asked_.learned.size());
    for (const auto& [name, made] : asked_.learned) {
      const auto found = index_.types_.find(name);
      if (found == index_.types_.end() || found->second.type.service != asked_.service || !is_learned(made, thing))
        continue;
      add(found->second.unknown, out);
    }
    if (!asked_.is_learned_anywhere(thing)) return;
    for (const PlanIndex::OfType* each : akin_) add(each->unknown, out);
  }

  // Those that may create it, or delete it, though it does not say what it is called.
  void add_unnamed(const Thing& thing, Changes& out) {
    const bool deletes = thing.effect == Effect::destroy;
    for (const PlanIndex::OfType* each : akin_) {
      const AskedOfType& of_type = asked_.of(each->name, each->type);
      if (!deletes && of_type.makes && (thing.names_nothing() || looks_like_one(each->name, each->type, thing)))
        add(each->unnamed, out);
      if (!deletes || !thing.names_nothing() || !of_type.deletes || of_type.given.empty()) continue;
      const std::string& given = of_type.given.front();
      add_named(index_.named_, key_of(asked_.service, given), out);
      if (given.ends_with('.'))
        add_named(index_.named_, key_of(asked_.service, std::string_view(given).substr(0, given.size() - 1)), out);
      if (asked_.is_learned_anywhere(given)) add(each->unknown, out);
    }
    if (deletes || !thing.names_nothing()) return;
    if (!said_) {
      said_.emplace();
      for (std::string_view text : asked_.texts) add_named(index_.named_, key_of(asked_.service, text), *said_);
      asked_.work.add(asked_.texts.size());
      sort_unique(*said_);
    }
    add(*said_, out);
  }

  static constexpr std::size_t kMostNoun = 128;

  const PlanIndex& index_;
  Asked& asked_;
  std::vector<const PlanIndex::OfType*> akin_;
  std::optional<Changes> said_;  // whose names stand among the parameters
  std::unordered_map<std::uint32_t, std::unique_ptr<Fit>> fits_;
};

Looked PlanIndex::look(const Operation& operation, const LearnedNames& learned) const {
  Looked out;
  const auto action = read_action(operation.action);
  if (operation.protocol != "aws" || !action) return out;
  auto input = JsonDocument::parse(operation.input.empty() ? "{}" : operation.input);
  if (!input) return out;
  Asked asked(action->first, action->second, input->root(), learned);
  for (const Access& access : operation.accesses) {
    if (!is_change(access.effect)) continue;
    // What is done by another operation's right is announced by none.
    if (!access.action.empty() && access.action != operation.action) return out;
    asked.touched.push_back(read_thing(access.resource.name, access.effect));
  }
  if (asked.touched.empty()) return out;
  PlanLook look(*this, asked);
  out.announced = look.find();
  out.changes = look.looked_at();
  out.compared = asked.work.done;
  out.too_much = asked.work.over();
  if (out.too_much) out.announced.reset();
  if (out.announced && !out.announced->type.empty()) out.announced->input = operation.input;
  return out;
}

}  // namespace countersign::approvals
