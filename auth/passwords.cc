#include "auth/passwords.h"

#include <argon2.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace countersign::auth {
namespace {

constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;
constexpr std::size_t kMaxStored = 512;
// What a stored value may ask for: the file is ours, but a damaged one must not take the memory of the machine.
constexpr std::uint32_t kMostMemoryKib = 1024 * 1024;
constexpr std::uint32_t kMostPasses = 64;
constexpr std::uint32_t kMostLanes = 64;

bool is_ascii_mark(char c) {
  const bool letter_or_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
  return static_cast<unsigned char>(c) < 0x80 && !letter_or_digit;
}

// Without marks and in lower case: "Al.Ice" and "alice" are the same word.
std::string plain(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!is_ascii_mark(c)) out += c;
  }
  return out;
}

// Whether `text` is `word`, once or many times over.
bool repeats(std::string_view text, std::string_view word) {
  if (word.empty() || text.empty() || text.size() % word.size() != 0) return false;
  while (text.starts_with(word)) text.remove_prefix(word.size());
  return text.empty();
}

bool take(std::string_view& text, std::string_view what) {
  if (!text.starts_with(what)) return false;
  text.remove_prefix(what.size());
  return true;
}

bool take(std::string_view& text, std::uint32_t& number) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

// The parameters of "$argon2id$v=19$m=…,t=…,p=…$salt$hash".
std::optional<Argon2Parameters> parameters_of(std::string_view stored) {
  Argon2Parameters out;
  const bool sound = stored.size() <= kMaxStored && take(stored, "$argon2id$v=19$m=") && take(stored, out.memory_kib) &&
                     take(stored, ",t=") && take(stored, out.passes) && take(stored, ",p=") &&
                     take(stored, out.lanes) && take(stored, "$");
  if (!sound || out.memory_kib > kMostMemoryKib || out.passes > kMostPasses || out.lanes > kMostLanes)
    return std::nullopt;
  return out;
}

std::unexpected<Error> broken() {
  return fail(ErrorKind::internal, "password.failed", "the password could not be hashed");
}

}  // namespace

Status check_password(std::string_view user, const Secret& password) {
  const std::string_view text = password.expose();
  if (text.size() < kMinPassword) {
    return fail(ErrorKind::invalid, "password.too_short",
                "a password has at least " + std::to_string(kMinPassword) + " characters");
  }
  if (text.size() > kMaxPassword) {
    return fail(ErrorKind::invalid, "password.too_long",
                "a password has at most " + std::to_string(kMaxPassword) + " bytes");
  }
  if (std::ranges::any_of(text, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }))
    return fail(ErrorKind::invalid, "password.control", "a password has no control characters");
  const Secret reduced(plain(text));
  if (repeats(reduced.expose(), plain(user)))
    return fail(ErrorKind::invalid, "password.is_name", "the password must not be your name");
  return {};
}

// One of the kMaxAtOnce places; waits for it.
class PasswordHasher::Turn {
 public:
  static Result<Turn> take(PasswordHasher& hasher) {
    std::unique_lock lock(hasher.lock_);
    if (hasher.running_ >= kMaxAtOnce) {
      if (hasher.waiting_ >= kMaxWaiting)
        return fail(ErrorKind::unavailable, "sign_in.busy", "too many passwords are being checked; try again");
      ++hasher.waiting_;
      hasher.free_.wait(lock, [&] { return hasher.running_ < kMaxAtOnce; });
      --hasher.waiting_;
    }
    ++hasher.running_;
    return Turn(hasher);
  }
  Turn(Turn&& other) noexcept : hasher_(std::exchange(other.hasher_, nullptr)) {}
  Turn& operator=(Turn&&) = delete;
  ~Turn() {
    if (hasher_ == nullptr) return;
    {
      std::lock_guard lock(hasher_->lock_);
      --hasher_->running_;
    }
    hasher_->free_.notify_one();
  }

 private:
  explicit Turn(PasswordHasher& hasher) : hasher_(&hasher) {}
  PasswordHasher* hasher_;
};

PasswordHasher::PasswordHasher(Argon2Parameters parameters) : parameters_(parameters) {}

Result<std::string> PasswordHasher::hash(const Secret& password) {
  Result<Turn> turn = Turn::take(*this);
  if (!turn) return fail(turn.error());
  const Bytes salt = random_bytes(kSaltBytes);
  std::string encoded(kMaxStored, '\0');
  const int done = argon2id_hash_encoded(parameters_.passes, parameters_.memory_kib, parameters_.lanes,
                                         password.expose().data(), password.expose().size(), salt.data(), salt.size(),
                                         kHashBytes, encoded.data(), encoded.size());
  if (done != ARGON2_OK) return broken();
  encoded.resize(encoded.find('\0'));
  return encoded;
}

Result<PasswordHasher::Verdict> PasswordHasher::verify(const Secret& password, std::string_view stored) {
  if (stored.empty()) {
    Result<std::string> same_work = hash(password);
    if (!same_work) return fail(same_work.error());
    return Verdict::wrong;
  }
  const std::optional<Argon2Parameters> made_with = parameters_of(stored);
  if (!made_with) return broken();
  Result<Turn> turn = Turn::take(*this);
  if (!turn) return fail(turn.error());
  const std::string encoded(stored);
  const int done = argon2id_verify(encoded.c_str(), password.expose().data(), password.expose().size());
  if (done == ARGON2_VERIFY_MISMATCH) return Verdict::wrong;
  if (done != ARGON2_OK) return broken();
  const bool old = made_with->memory_kib < parameters_.memory_kib || made_with->passes < parameters_.passes;
  return old ? Verdict::right_but_old : Verdict::right;
}

}  // namespace countersign::auth
