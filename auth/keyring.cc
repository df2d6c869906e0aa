#include "auth/keyring.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "auth/durable_lines.h"

namespace countersign::auth {
namespace {

constexpr std::string_view kPrefix = "root-";
constexpr std::string_view kSuffix = ".key";

std::unexpected<Error> keys_error(std::string_view code, std::string message) {
  return fail(ErrorKind::unavailable, code, std::move(message));
}

bool only_owner(const struct stat& info) {
  return (info.st_mode & 077) == 0 && info.st_uid == ::geteuid();
}

Result<Secret> read_key(const std::filesystem::path& path) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (file < 0) return keys_error("keys.unreadable", "cannot open " + path.string() + ": " + std::strerror(errno));
  struct stat info{};
  std::array<std::uint8_t, kRootKeyBytes> key{};
  bool known = ::fstat(file, &info) == 0;
  ssize_t got = known && S_ISREG(info.st_mode) ? ::pread(file, key.data(), key.size(), 0) : 0;
  ::close(file);
  if (!known || !S_ISREG(info.st_mode) || !only_owner(info)) {
    return keys_error("keys.permissions", path.string() + " must be a regular file that only its owner can read");
  }
  if (got != static_cast<ssize_t>(key.size()) || info.st_size != static_cast<off_t>(key.size())) {
    return keys_error("keys.malformed", path.string() + " does not have 32 bytes");
  }
  Secret secret{ByteView(key)};
  OPENSSL_cleanse(key.data(), key.size());
  return secret;
}

Result<std::shared_ptr<const KeySet>> read_folder(const std::filesystem::path& folder) {
  struct stat info{};
  if (::stat(folder.c_str(), &info) != 0) {
    return keys_error("keys.unreadable", "cannot read " + folder.string() + ": " + std::strerror(errno));
  }
  if (!S_ISDIR(info.st_mode) || !only_owner(info)) {
    return keys_error("keys.permissions", folder.string() + " must be a folder that only its owner can enter");
  }
  auto keys = std::make_shared<KeySet>();
  std::error_code trouble;
  std::filesystem::directory_iterator entry(folder, trouble);
  for (; !trouble && entry != std::filesystem::directory_iterator(); entry.increment(trouble)) {
    std::string name = entry->path().filename().string();
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) continue;
    std::string kid = name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
    if (!is_key_id(kid)) return keys_error("keys.malformed", entry->path().string() + " does not name a key id");
    if (keys->keys.size() == kMaxRootKeys) return keys_error("keys.too_many", "more than 64 root keys");
    Result<Secret> key = read_key(entry->path());
    if (!key) return fail(key.error());
    keys->keys.emplace(std::move(kid), std::move(*key));
  }
  if (trouble) return keys_error("keys.unreadable", "cannot list " + folder.string() + ": " + trouble.message());
  if (!keys->keys.empty()) keys->newest = keys->keys.rbegin()->first;
  return keys;
}

// 12 hexadecimal digits of milliseconds, so that names sort by time, and 8 at random.
std::string new_key_id(TimeMs now) {
  std::array<std::uint8_t, 6> time{};
  for (std::size_t i = 0; i < time.size(); ++i) time[i] = static_cast<std::uint8_t>(now >> (8 * (5 - i)));
  return to_hex(ByteView(time)) + "-" + to_hex(random_bytes(4));
}

// Whole or not at all: a key that was written in part must never sign.
Status write_key(const std::filesystem::path& folder, TimeMs now) {
  std::string name = std::string(kPrefix) + new_key_id(now) + std::string(kSuffix);
  std::filesystem::path path = folder / name;
  std::filesystem::path draft = folder / ("." + name + ".new");
  int file = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return keys_error("keys.unwritable", "cannot create " + draft.string() + ": " + std::strerror(errno));
  Secret key{ByteView(random_bytes(kRootKeyBytes))};
  bool written =
      ::write(file, key.expose().data(), kRootKeyBytes) == static_cast<ssize_t>(kRootKeyBytes) && ::fsync(file) == 0;
  ::close(file);
  if (!written || ::rename(draft.c_str(), path.c_str()) != 0 || !sync_folder(folder)) {
    std::string why = std::strerror(errno);
    ::unlink(draft.c_str());
    return keys_error("keys.unwritable", "cannot write " + path.string() + ": " + why);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Keyring>> Keyring::open(std::filesystem::path folder, TimeMs now) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return keys_error("keys.unwritable", "cannot create " + folder.string() + ": " + std::strerror(errno));
  }
  Result<std::shared_ptr<const KeySet>> keys = read_folder(folder);
  if (!keys) return fail(keys.error());
  std::unique_ptr<Keyring> ring(new Keyring(std::move(folder)));
  ring->publish(std::move(*keys));
  if (ring->current()->keys.empty()) {
    if (Status created = ring->rotate(now); !created) return fail(created.error());
  }
  return ring;
}

std::shared_ptr<const KeySet> Keyring::current() const {
  std::lock_guard guard(lock_);
  return keys_;
}

void Keyring::publish(std::shared_ptr<const KeySet> keys) {
  std::lock_guard guard(lock_);
  keys_ = std::move(keys);
}

Status Keyring::rotate(TimeMs now) {
  if (Status written = write_key(folder_, now); !written) return written;
  return reload();
}

Status Keyring::reload() {
  Result<std::shared_ptr<const KeySet>> keys = read_folder(folder_);
  if (!keys) return fail(keys.error());
  bool none = (*keys)->keys.empty();
  publish(std::move(*keys));
  if (none) return keys_error("keys.none", "there is no root key in " + folder_.string());
  return {};
}

}  // namespace countersign::auth
