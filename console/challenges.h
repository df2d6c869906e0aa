// Challenges: what the server asked a browser to sign, kept until it comes back.
//
// PendingChallenges are those of people who are signed in: a vote's statement, the registration of a passkey. In
// memory, five minutes, used once, only by the person they were made for, at most kMaxOfPerson each (the oldest goes).
//
// SignInChallenges are those of strangers, who must not be able to fill a memory or to push each other's out: a
// challenge carries its own expiry and a code that only this process can make, and only those that somebody signed in
// with are remembered, until they expire.
//
// Any thread may call any method. After a restart, what was asked before is unknown.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/result.h"
#include "core/secret.h"

namespace countersign::console {

inline constexpr TimeMs kChallengeLife = 5LL * 60'000;

class PendingChallenges {
 public:
  static constexpr std::size_t kMaxOfPerson = 32;

  enum class Purpose : std::uint8_t { vote, passkey };

  // Keeps `text` under `key`, 32 random bytes in base64url (new_key()) that the text has inside.
  void add(Purpose purpose, std::string_view key, std::string_view person, std::string text, TimeMs expires);
  // The text, once. challenge.unknown (forbidden): never made, for another purpose or person, used, or too old. What
  // somebody else asks for stays where it is.
  Result<std::string> take(Purpose purpose, std::string_view key, std::string_view person, TimeMs now);

  [[nodiscard]] static std::string new_key();

 private:
  struct Pending {
    Purpose purpose;
    std::string key;
    std::string text;
    TimeMs expires;
  };
  std::mutex lock_;
  std::map<std::string, std::deque<Pending>, std::less<>> of_person_;
};

class SignInChallenges {
 public:
  static constexpr std::size_t kMaxRemembered = 10'000;

  SignInChallenges();
  // In base64url: 16 random bytes, the expiry, and a code over both.
  [[nodiscard]] std::string make(TimeMs now) const;
  // challenge.unknown (forbidden): not ours, or too old. Remembers nothing, since nothing is proven yet.
  [[nodiscard]] Status check(std::string_view challenge, TimeMs now) const;
  // For an answer that a person's key has signed: from now on the challenge is used up. challenge.unknown as above, and
  // when it was used before. challenge.busy (unavailable): too many signed in within five minutes.
  Status use(std::string_view challenge, TimeMs now);

 private:
  // When it expires.
  [[nodiscard]] Result<TimeMs> read(std::string_view challenge, TimeMs now) const;

  const Secret key_;
  std::mutex lock_;
  std::map<std::string, TimeMs, std::less<>> used_;  // until they expire
};

}  // namespace countersign::console
