// The entities policies ask about: attributes, tags, and who is inside what.
//
// `Entities` is the immutable base (people, teams, inventory): built once, shared, read by any number of threads.
// `EntityOverlay` puts a few entities of one request on top of it (the resource with its labels, the action in its
// groups) without copying the base.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/result.h"
#include "policies/cedar/value.h"

namespace cedar {

using countersign::Error;
using countersign::ErrorKind;
using countersign::Result;
using countersign::Status;

// What an entity is made from. `attributes` and `tags` are records; values in them may be unknown.
struct Entity {
  EntityUid uid;
  std::vector<EntityUid> parents;  // need not exist themselves
  Value attributes = Value::record({});
  Value tags = Value::record({});
};

// An entity inside a store, with everything it is in.
class StoredEntity {
 public:
  StoredEntity(Entity entity, std::vector<EntityUid> ancestors);

  const EntityUid& uid() const { return uid_; }
  const Value& attributes() const { return attributes_; }
  const Value& tags() const { return tags_; }
  const std::vector<EntityUid>& parents() const { return parents_; }
  std::span<const EntityUid> ancestors() const { return ancestors_; }  // all of them, transitively; sorted by hash
  bool is_in(const detail::EntityUidData& ancestor) const;             // strictly: not reflexive

 private:
  EntityUid uid_;
  Value attributes_;
  Value tags_;
  std::vector<EntityUid> parents_;
  std::vector<EntityUid> ancestors_;
  std::vector<std::uint64_t> hashes_;  // of the ancestors, side by side
};

struct EntityLimits {
  std::size_t entities = 1'000'000;
  std::size_t ancestors = 20'000'000;  // counted over all entities
};

class Entities {
 public:
  Entities() = default;  // empty

  // Errors: entity.duplicate, entity.cycle, entity.too_many.
  static Result<Entities> make(std::vector<Entity> entities, const EntityLimits& limits = {});

  const StoredEntity* find(const detail::EntityUidData& uid) const;
  const StoredEntity* find(const EntityUid& uid) const { return find(uid.data()); }
  // Whether some entity here is in `uid`.
  bool is_ancestor(const EntityUid& uid) const { return all_ancestors_.contains(uid); }
  std::span<const StoredEntity> all() const { return entities_; }
  std::size_t size() const { return entities_.size(); }

 private:
  // Open addressing over hashes: 0 is free, otherwise position in entities_ plus one.
  void index();

  std::vector<StoredEntity> entities_;
  std::vector<std::uint32_t> slots_;
  std::unordered_set<EntityUid> all_ancestors_;
};

// A base plus some entities of one request, which shadow those of the base. Used by one thread; the base must outlive
// it.
class EntityOverlay {
 public:
  explicit EntityOverlay(const Entities& base) : base_(&base) {}

  // Add parents before their children. Errors: entity.duplicate (added before), entity.cycle, entity.order (an entity
  // added before, or one of the base, is in this one, and this one's parents would change what that is in).
  Status add(Entity entity);

  const StoredEntity* find(const detail::EntityUidData& uid) const;
  const StoredEntity* find(const EntityUid& uid) const { return find(uid.data()); }
  const Entities& base() const { return *base_; }
  std::span<const StoredEntity> added() const { return added_; }

 private:
  const Entities* base_;
  std::vector<StoredEntity> added_;
};

}  // namespace cedar
