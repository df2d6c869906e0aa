#include "auth/attempts.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace countersign::auth {
namespace {

// The values of attempts.kind.
enum class Kind : std::int64_t { person = 0, unknown_name = 1, network = 2 };

struct Rule {
  std::int64_t free;  // attempts without waiting
  TimeMs longest_wait;
  TimeMs forgotten_after;
};
constexpr TimeMs kSecond = 1'000;
constexpr TimeMs kHour = 3'600 * kSecond;
constexpr Rule kNameRule{5, 900 * kSecond, 24 * kHour};
constexpr Rule kNetworkRule{20, 60 * kSecond, kHour};

const Rule& rule_of(Kind kind) {
  return kind == Kind::network ? kNetworkRule : kNameRule;
}

TimeMs wait_after(const Rule& rule, std::int64_t count) {
  if (count < rule.free) return 0;
  const std::int64_t doublings = std::min<std::int64_t>(count - rule.free, 20);
  return std::min(rule.longest_wait, kSecond << doublings);
}

struct Tally {
  std::int64_t count = 0;
  TimeMs last = 0;
};

// A last attempt in the future means that the clock went back: then it was just now, so that the wait is no longer than
// it ever was.
Result<Tally> read_tally(PeopleStore& store, Kind kind, std::string_view key, TimeMs now) {
  Result<sql::Statement> found =
      store.select("SELECT count, last FROM attempts WHERE kind = ? AND key = ?", static_cast<std::int64_t>(kind), key);
  if (!found) return fail(found.error());
  Result<sql::Step> step = found->step();
  if (!step) return fail(step.error());
  if (*step == sql::Step::done) return Tally{};
  Tally tally{found->integer(0), found->integer(1)};
  if (tally.last > now) {
    tally.last = now;
    Status moved =
        store.run("UPDATE attempts SET last = ? WHERE kind = ? AND key = ?", now, static_cast<std::int64_t>(kind), key);
    if (!moved) return fail(moved.error());
  }
  if (now - tally.last >= rule_of(kind).forgotten_after) return Tally{};
  return tally;
}

TimeMs wait_until(Kind kind, const Tally& tally, TimeMs now) {
  const TimeMs until = tally.last + wait_after(rule_of(kind), tally.count);
  return tally.count > 0 && until > now ? until : 0;
}

Status write_tally(PeopleStore& store, Kind kind, std::string_view key, const Tally& tally) {
  return store.run("INSERT OR REPLACE INTO attempts (kind, key, count, last) VALUES (?, ?, ?, ?)",
                   static_cast<std::int64_t>(kind), key, tally.count, tally.last);
}

// Never the one just written: otherwise, once the table is full of persistent ones, nobody new would be counted.
Status bound_table(PeopleStore& store, Kind kind, std::string_view newest, std::size_t most) {
  const auto number = static_cast<std::int64_t>(kind);
  return store.run(
      "DELETE FROM attempts WHERE kind = ? AND key IN (SELECT key FROM attempts WHERE kind = ? AND key <> ?"
      " ORDER BY count, last LIMIT max(0, (SELECT count(*) FROM attempts WHERE kind = ?) - ?))",
      number, number, newest, number, most);
}

struct Name {
  Kind kind;
  std::string key;
};

Name name_of(std::string_view user, NameKind kind) {
  if (kind == NameKind::listed) return {Kind::person, std::string(user)};
  return {Kind::unknown_name, to_hex(sha256(user))};
}

std::string prefix_text(int family, const void* address, int bits) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::inet_ntop(family, address, text.data(), text.size()) == nullptr) return {};
  return std::string(text.data()) + "/" + std::to_string(bits);
}

}  // namespace

std::string network_of(std::string_view peer) {
  constexpr std::size_t kMost = 64;
  std::string_view host = peer.substr(0, peer.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::string text(host.substr(0, host.find('%')));
  std::array<std::uint8_t, 4> v4{};
  std::array<std::uint8_t, 16> v6{};
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  bool is_v4 = ::inet_pton(AF_INET, text.c_str(), v4.data()) == 1;
  if (!is_v4 && ::inet_pton(AF_INET6, text.c_str(), v6.data()) == 1) {
    if (!std::equal(kMapped.begin(), kMapped.end(), v6.begin())) {
      std::fill(v6.begin() + 7, v6.end(), std::uint8_t{0});
      return prefix_text(AF_INET6, v6.data(), 56);
    }
    std::copy(v6.begin() + 12, v6.end(), v4.begin());
    is_v4 = true;
  }
  if (!is_v4) return std::string(peer.substr(0, kMost));
  v4[3] = 0;
  return prefix_text(AF_INET, v4.data(), 24);
}

Result<TimeMs> begin_attempt(PeopleStore& store, std::string_view user, NameKind kind, std::string_view peer,
                             TimeMs now) {
  const Name name = name_of(user, kind);
  const std::string network = network_of(peer);
  Result<Tally> of_name = read_tally(store, name.kind, name.key, now);
  if (!of_name) return fail(of_name.error());
  Result<Tally> of_network = read_tally(store, Kind::network, network, now);
  if (!of_network) return fail(of_network.error());
  const TimeMs until = std::max(wait_until(name.kind, *of_name, now), wait_until(Kind::network, *of_network, now));
  if (until > 0) return until;

  if (Status kept = write_tally(store, name.kind, name.key, {of_name->count + 1, now}); !kept)
    return fail(kept.error());
  if (Status kept = write_tally(store, Kind::network, network, {of_network->count + 1, now}); !kept)
    return fail(kept.error());
  // People of the directory are bounded by it.
  if (name.kind == Kind::unknown_name) {
    if (Status bounded = bound_table(store, name.kind, name.key, kMaxUnknownNames); !bounded)
      return fail(bounded.error());
  }
  if (Status bounded = bound_table(store, Kind::network, network, kMaxNetworks); !bounded) return fail(bounded.error());
  return TimeMs{0};
}

Status attempt_succeeded(PeopleStore& store, std::string_view user, std::string_view peer) {
  if (Status forgotten = forget_attempts(store, user); !forgotten) return forgotten;
  return store.run("UPDATE attempts SET count = max(0, count - 1) WHERE kind = ? AND key = ?",
                   static_cast<std::int64_t>(Kind::network), network_of(peer));
}

Result<TimeMs> locked_until(PeopleStore& store, std::string_view user, TimeMs now) {
  Result<Tally> tally = read_tally(store, Kind::person, user, now);
  if (!tally) return fail(tally.error());
  return wait_until(Kind::person, *tally, now);
}

Status forget_attempts(PeopleStore& store, std::string_view user) {
  return store.run("DELETE FROM attempts WHERE kind = ? AND key = ?", static_cast<std::int64_t>(Kind::person), user);
}

Status clean_up_attempts(PeopleStore& store, TimeMs now) {
  Status names = store.run("DELETE FROM attempts WHERE kind <> ? AND last <= ?",
                           static_cast<std::int64_t>(Kind::network), now - kNameRule.forgotten_after);
  if (!names) return names;
  return store.run("DELETE FROM attempts WHERE kind = ? AND last <= ?", static_cast<std::int64_t>(Kind::network),
                   now - kNetworkRule.forgotten_after);
}

}  // namespace countersign::auth
