// Passwords: Argon2id (RFC 9106), stored in the PHC string format.
//
// Parameters: 19 MiB, two passes, one lane (the OWASP Password Storage Cheat Sheet's first choice). At most kMaxAtOnce
// hashes run at the same time and kMaxWaiting wait, so that strangers who try passwords use a bounded amount of memory
// and threads.
//
// Errors: password.too_short, password.too_long, password.is_name, password.control (all invalid), sign_in.busy
// (unavailable), password.failed (internal: no memory).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/secret.h"

namespace countersign::auth {

inline constexpr std::size_t kMinPassword = 12;  // bytes
inline constexpr std::size_t kMaxPassword = 256;

struct Argon2Parameters {
  std::uint32_t memory_kib = 19 * 1024;
  std::uint32_t passes = 2;
  std::uint32_t lanes = 1;
};

// 12 to 256 bytes, no control characters, and not the person's name, once or repeated (in any case, with anything but
// letters and digits left out). No further rules: length is what counts (NIST SP 800-63B section 5.1.1.2).
[[nodiscard]] Status check_password(std::string_view user, const Secret& password);

// Any thread.
class PasswordHasher {
 public:
  static constexpr int kMaxAtOnce = 2;
  static constexpr int kMaxWaiting = 16;

  explicit PasswordHasher(Argon2Parameters parameters = {});

  // "$argon2id$v=19$m=19456,t=2,p=1$…$…" with a random salt of 16 bytes.
  [[nodiscard]] Result<std::string> hash(const Secret& password);

  enum class Verdict : std::uint8_t { wrong, right, right_but_old };  // old: made with weaker parameters
  // `stored` is empty for a person without a password: wrong, after the same work.
  [[nodiscard]] Result<Verdict> verify(const Secret& password, std::string_view stored);

 private:
  class Turn;

  Argon2Parameters parameters_;
  std::mutex lock_;
  std::condition_variable free_;
  int running_ = 0;  // under lock_
  int waiting_ = 0;  // under lock_
};

}  // namespace countersign::auth
