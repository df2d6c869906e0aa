// Root keys on disk: <state>/keys/root-<kid>.key, 32 random bytes, mode 0600, in a folder of mode 0700.
//
// The newest key (greatest kid; generated ones begin with the time) signs, all of them verify. Rotation adds a key.
// Deleting a file and reloading revokes every token it signed. Whoever can read a file can mint tokens.
//
// Any thread may call any method; `current` is what the request path uses.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>

#include "auth/token.h"
#include "core/clock.h"
#include "core/result.h"

namespace countersign::auth {

inline constexpr std::size_t kMaxRootKeys = 64;

class Keyring {
 public:
  // Reads the folder; creates it, and a first key, where there is none. Errors: keys.unreadable, keys.permissions (a
  // key or the folder is open to others than its owner, or a key is no regular file), keys.malformed (a name or a
  // length), keys.too_many.
  static Result<std::unique_ptr<Keyring>> open(std::filesystem::path folder, TimeMs now);

  Keyring(const Keyring&) = delete;
  Keyring& operator=(const Keyring&) = delete;

  // The keys as last read. Never null, never empty after open().
  [[nodiscard]] std::shared_ptr<const KeySet> current() const;
  // Adds a key that signs from now on.
  [[nodiscard]] Status rotate(TimeMs now);
  // Reads the folder again. On failure the keys stay as they were. An empty folder is keys.none: nothing verifies from
  // then on, since deleting the keys means that.
  [[nodiscard]] Status reload();

 private:
  explicit Keyring(std::filesystem::path folder) : folder_(std::move(folder)) {}
  void publish(std::shared_ptr<const KeySet> keys);

  std::filesystem::path folder_;
  mutable std::mutex lock_;  // of keys_; held for a copy of a pointer
  std::shared_ptr<const KeySet> keys_;
};

}  // namespace countersign::auth
