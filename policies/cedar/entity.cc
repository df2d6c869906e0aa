#include "policies/cedar/entity.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace cedar {
namespace {

using countersign::fail;

void sort_distinct(std::vector<EntityUid>& uids) {
  std::ranges::sort(uids, [](const EntityUid& a, const EntityUid& b) {
    if (a.hash() != b.hash()) return a.hash() < b.hash();
    if (a.id() != b.id()) return a.id() < b.id();
    return a.type_name() < b.type_name();
  });
  auto repeated = std::ranges::unique(uids);
  uids.erase(repeated.begin(), repeated.end());
}

// Works out the ancestors of every entity, without recursion: depth first, parents before children.
class Closure {
 public:
  Closure(const std::vector<Entity>& entities, const EntityLimits& limits) : entities_(entities), limits_(limits) {
    for (const Entity& entity : entities) number_of(entity.uid);
    states_.resize(entities.size());
    above_.resize(entities.size());
  }

  Status run() {
    for (std::size_t i = 0; i < entities_.size(); ++i) {
      if (auto done = visit(i); !done) return done;
    }
    return {};
  }

  // Of the entity at a position; sorted. Once.
  std::vector<EntityUid> take_ancestors(std::size_t entity) {
    std::vector<EntityUid> out;
    out.reserve(above_[entity].size());
    for (std::uint32_t number : above_[entity]) out.push_back(uids_[number]);
    sort_distinct(out);
    return out;
  }

 private:
  enum class State : std::uint8_t { fresh, open, done };
  struct Frame {
    std::size_t entity;
    std::size_t next_parent;
  };

  // Uids of entities have their positions as numbers, those of parents that are not there the numbers behind.
  std::uint32_t number_of(const EntityUid& uid) {
    auto [found, fresh] = numbers_.emplace(uid, static_cast<std::uint32_t>(uids_.size()));
    if (fresh) {
      uids_.push_back(uid);
      seen_by_.push_back(kNobody);
    }
    return found->second;
  }

  Status visit(std::size_t root) {
    if (states_[root] != State::fresh) return {};
    std::vector<Frame> stack{{root, 0}};
    states_[root] = State::open;
    while (!stack.empty()) {
      std::size_t current = stack.back().entity;
      if (stack.back().next_parent == entities_[current].parents.size()) {
        if (auto finished = finish(current); !finished) return finished;
        stack.pop_back();
        continue;
      }
      std::uint32_t parent = number_of(entities_[current].parents[stack.back().next_parent++]);
      if (parent >= entities_.size() || states_[parent] == State::done) continue;
      if (states_[parent] == State::open) {
        return fail(ErrorKind::invalid, "entity.cycle",
                    "the parents of `" + uids_[parent].to_text() + "` form a cycle");
      }
      states_[parent] = State::open;
      stack.push_back({parent, 0});
    }
    return {};
  }

  Status finish(std::size_t current) {
    std::vector<std::uint32_t>& mine = above_[current];
    auto add = [&](std::uint32_t number) {
      if (std::exchange(seen_by_[number], static_cast<std::uint32_t>(current)) != current) mine.push_back(number);
    };
    for (const EntityUid& uid : entities_[current].parents) {
      std::uint32_t parent = number_of(uid);
      add(parent);
      if (parent < entities_.size()) {
        for (std::uint32_t number : above_[parent]) add(number);
        looked_at_ += above_[parent].size();
      }
      if (total_ + mine.size() > limits_.ancestors || looked_at_ > kLooks * limits_.ancestors) {
        return fail(ErrorKind::too_large, "entity.too_many", "the entities have too many ancestors in all");
      }
    }
    total_ += mine.size();
    states_[current] = State::done;
    return {};
  }

  static constexpr std::uint32_t kNobody = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::size_t kLooks = 20;  // an ancestor may be met this often, on average, by different ways

  const std::vector<Entity>& entities_;
  EntityLimits limits_;
  std::unordered_map<EntityUid, std::uint32_t> numbers_;
  std::vector<EntityUid> uids_;
  std::vector<std::uint32_t> seen_by_;             // the last entity that a number was added to
  std::vector<std::vector<std::uint32_t>> above_;  // numbers of all ancestors
  std::vector<State> states_;
  std::size_t total_ = 0;
  std::size_t looked_at_ = 0;
};

}  // namespace

StoredEntity::StoredEntity(Entity entity, std::vector<EntityUid> ancestors)
    : uid_(std::move(entity.uid)),
      attributes_(entity.attributes.owned()),
      tags_(entity.tags.owned()),
      parents_(std::move(entity.parents)),
      ancestors_(std::move(ancestors)) {
  hashes_.reserve(ancestors_.size());
  for (const EntityUid& ancestor : ancestors_) hashes_.push_back(ancestor.hash());
}

bool StoredEntity::is_in(const detail::EntityUidData& ancestor) const {
  constexpr std::size_t kScan = 16;
  std::size_t at = 0;
  if (hashes_.size() > kScan) {
    at = static_cast<std::size_t>(std::ranges::lower_bound(hashes_, ancestor.hash) - hashes_.begin());
  }
  for (; at < hashes_.size() && hashes_[at] <= ancestor.hash; ++at) {
    if (hashes_[at] == ancestor.hash && ancestors_[at].data() == ancestor) return true;
  }
  return false;
}

Result<Entities> Entities::make(std::vector<Entity> entities, const EntityLimits& limits) {
  if (entities.size() > limits.entities) {
    return fail(ErrorKind::too_large, "entity.too_many",
                "too many entities: at most " + std::to_string(limits.entities) + " are allowed");
  }
  std::unordered_set<EntityUid> seen;
  for (const Entity& entity : entities) {
    if (!seen.insert(entity.uid).second) {
      return fail(ErrorKind::invalid, "entity.duplicate", "the entity `" + entity.uid.to_text() + "` is given twice");
    }
  }
  Closure closure(entities, limits);
  if (auto done = closure.run(); !done) return fail(done.error());
  Entities out;
  out.entities_.reserve(entities.size());
  for (std::size_t i = 0; i < entities.size(); ++i) {
    // One object for each group, however many are in it: it is compared by address, and stays in the cache.
    std::vector<EntityUid> ancestors = closure.take_ancestors(i);
    for (EntityUid& ancestor : ancestors) ancestor = *out.all_ancestors_.insert(ancestor).first;
    out.entities_.emplace_back(std::move(entities[i]), std::move(ancestors));
  }
  out.index();
  return out;
}

void Entities::index() {
  std::size_t size = 4;
  while (size < entities_.size() * 2) size *= 2;
  slots_.assign(size, 0);
  for (std::size_t i = 0; i < entities_.size(); ++i) {
    std::size_t at = entities_[i].uid().hash() & (size - 1);
    while (slots_[at] != 0) at = (at + 1) & (size - 1);
    slots_[at] = static_cast<std::uint32_t>(i + 1);
  }
}

const StoredEntity* Entities::find(const detail::EntityUidData& uid) const {
  if (slots_.empty()) return nullptr;
  std::size_t mask = slots_.size() - 1;
  for (std::size_t at = uid.hash & mask; slots_[at] != 0; at = (at + 1) & mask) {
    const StoredEntity& entity = entities_[slots_[at] - 1];
    if (entity.uid().data() == uid) return &entity;
  }
  return nullptr;
}

Status EntityOverlay::add(Entity entity) {
  for (const StoredEntity& other : added_) {
    if (other.uid() == entity.uid) {
      return fail(ErrorKind::invalid, "entity.duplicate", "the entity `" + entity.uid.to_text() + "` is given twice");
    }
  }
  std::vector<EntityUid> ancestors;
  for (const EntityUid& parent : entity.parents) {
    ancestors.push_back(parent);
    if (const StoredEntity* found = find(parent)) {
      ancestors.insert(ancestors.end(), found->ancestors().begin(), found->ancestors().end());
    }
  }
  sort_distinct(ancestors);
  if (std::ranges::find(ancestors, entity.uid) != ancestors.end()) {
    return fail(ErrorKind::invalid, "entity.cycle", "the parents of `" + entity.uid.to_text() + "` form a cycle");
  }
  bool someone_is_in_it = base_->is_ancestor(entity.uid) || std::ranges::any_of(added_, [&](const StoredEntity& other) {
                            return other.is_in(entity.uid.data());
                          });
  if (someone_is_in_it) {
    const StoredEntity* before = base_->find(entity.uid);
    std::span<const EntityUid> known = before == nullptr ? std::span<const EntityUid>() : before->ancestors();
    if (!std::ranges::equal(known, ancestors)) {
      return fail(ErrorKind::invalid, "entity.order",
                  "`" + entity.uid.to_text() + "` has children already, so its parents cannot change");
    }
  }
  added_.emplace_back(std::move(entity), std::move(ancestors));
  return {};
}

const StoredEntity* EntityOverlay::find(const detail::EntityUidData& uid) const {
  for (const StoredEntity& entity : added_) {
    if (&entity.uid().data() == &uid) return &entity;
  }
  for (const StoredEntity& entity : added_) {
    if (entity.uid().data() == uid) return &entity;
  }
  return base_->find(uid);
}

}  // namespace cedar
