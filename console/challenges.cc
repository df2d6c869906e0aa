#include "console/challenges.h"

#include <algorithm>

#include "core/sha256.h"

namespace countersign::console {
namespace {

constexpr std::size_t kRandomBytes = 16;
constexpr std::size_t kTimeBytes = 8;
constexpr std::size_t kCodeBytes = 32;

std::unexpected<Error> unknown() {
  return fail(ErrorKind::forbidden, "challenge.unknown",
              "this challenge was not made for you, was used before, or is too old: begin anew");
}

Bytes time_bytes(TimeMs time) {
  Bytes out(kTimeBytes);
  for (std::size_t at = 0; at < kTimeBytes; ++at)
    out[at] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(time) >> (8 * (kTimeBytes - 1 - at)));
  return out;
}

Digest code_of(const Secret& key, ByteView content) {
  return hmac_sha256(key.expose_bytes(), {as_bytes("countersign/sign-in-challenge"), content});
}

}  // namespace

std::string PendingChallenges::new_key() {
  return to_base64url(random_bytes(32));
}

void PendingChallenges::add(Purpose purpose, std::string_view key, std::string_view person, std::string text,
                            TimeMs expires) {
  std::lock_guard guard(lock_);
  auto& pending = of_person_[std::string(person)];
  if (pending.size() >= kMaxOfPerson) pending.pop_front();
  pending.push_back({purpose, std::string(key), std::move(text), expires});
}

Result<std::string> PendingChallenges::take(Purpose purpose, std::string_view key, std::string_view person,
                                            TimeMs now) {
  std::lock_guard guard(lock_);
  auto of_person = of_person_.find(person);
  if (of_person == of_person_.end()) return unknown();
  auto& pending = of_person->second;
  std::erase_if(pending, [&](const Pending& each) { return each.expires <= now; });
  auto found =
      std::ranges::find_if(pending, [&](const Pending& each) { return each.purpose == purpose && each.key == key; });
  Result<std::string> text = unknown();
  if (found != pending.end()) {
    text = std::move(found->text);
    pending.erase(found);
  }
  if (pending.empty()) of_person_.erase(of_person);
  return text;
}

SignInChallenges::SignInChallenges() : key_(ByteView(random_bytes(32))) {}

std::string SignInChallenges::make(TimeMs now) const {
  Bytes content = random_bytes(kRandomBytes);
  Bytes expires = time_bytes(now + kChallengeLife);
  content.insert(content.end(), expires.begin(), expires.end());
  Digest code = code_of(key_, content);
  content.insert(content.end(), code.begin(), code.end());
  return to_base64url(content);
}

Result<TimeMs> SignInChallenges::read(std::string_view challenge, TimeMs now) const {
  auto bytes = from_base64url(challenge);
  if (!bytes || bytes->size() != kRandomBytes + kTimeBytes + kCodeBytes) return unknown();
  ByteView all(*bytes);
  ByteView content = all.first(kRandomBytes + kTimeBytes);
  Digest code = code_of(key_, content);
  if (!equal_constant_time(all.subspan(content.size()), code)) return unknown();
  std::uint64_t expires = 0;
  for (std::uint8_t byte : content.subspan(kRandomBytes)) expires = expires << 8 | byte;
  if (static_cast<TimeMs>(expires) <= now) return unknown();
  return static_cast<TimeMs>(expires);
}

Status SignInChallenges::check(std::string_view challenge, TimeMs now) const {
  if (auto expires = read(challenge, now); !expires) return fail(expires.error());
  return {};
}

Status SignInChallenges::use(std::string_view challenge, TimeMs now) {
  auto expires = read(challenge, now);
  if (!expires) return fail(expires.error());
  std::lock_guard guard(lock_);
  std::erase_if(used_, [&](const auto& each) { return each.second <= now; });
  if (used_.size() >= kMaxRemembered)
    return fail(ErrorKind::unavailable, "challenge.busy", "too many sign-ins at once: try again in a few minutes");
  if (!used_.emplace(challenge, *expires).second) return unknown();
  return {};
}

}  // namespace countersign::console
