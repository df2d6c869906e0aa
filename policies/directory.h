// Directory: the people, teams and agents that policies and approval rules name, as listed in entities.yaml.
//
//   teams:
//     - platform
//     - { name: sre, parents: [platform] }
//   users:
//     - { name: alice, level: senior, teams: [platform] }
//   agents:
//     - { name: builder, owner: platform, purpose: ci }     # free attributes: principal.purpose == "ci"
//
// Names have 1 to 200 characters, none of them white space, control characters or ':', and no two users, teams or
// agents differ in ASCII case only: approvals compare people by name. A user and a team never share one either, since
// an owner is given by name alone. Immutable once made; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/problem.h"
#include "core/yaml.h"

namespace countersign::policies {

// Seniority; the number is what policies compare as `rank`.
enum class Level : std::uint8_t { junior = 1, mid, senior, principal, director, vp };
[[nodiscard]] std::string_view level_name(Level level);
[[nodiscard]] std::optional<Level> level_from_name(std::string_view name);
[[nodiscard]] constexpr std::int64_t rank_of(Level level) {
  return static_cast<std::int64_t>(level);
}

struct User {
  std::string name;
  Level level = Level::junior;
  std::vector<std::string> teams;  // as listed
};

struct Team {
  std::string name;
  std::vector<std::string> parents;  // teams it is part of
};

using AgentAttribute = std::variant<std::string, std::int64_t, bool>;

struct Agent {
  std::string name;
  std::string owner;  // a user or team
  std::map<std::string, AgentAttribute> attributes;
};

enum class OwnerKind : std::uint8_t { user, team };

class Directory {
 public:
  [[nodiscard]] const User* find_user(std::string_view name) const;
  [[nodiscard]] const Team* find_team(std::string_view name) const;
  [[nodiscard]] const Agent* find_agent(std::string_view name) const;

  // Every team the user is in, through other teams too; sorted. Empty for a user nobody listed.
  [[nodiscard]] std::vector<std::string> teams_of(std::string_view user) const;
  [[nodiscard]] bool is_member(std::string_view user, std::string_view team) const;

  // What an owner's name stands for: a listed team, otherwise a user. "team:x" and "user:x" say it themselves.
  struct Owner {
    OwnerKind kind = OwnerKind::user;
    std::string_view name;  // part of the argument
  };
  [[nodiscard]] Owner owner(std::string_view name) const;

  [[nodiscard]] const std::map<std::string, User, std::less<>>& users() const { return users_; }
  [[nodiscard]] const std::map<std::string, Team, std::less<>>& teams() const { return teams_; }
  [[nodiscard]] const std::map<std::string, Agent, std::less<>>& agents() const { return agents_; }

  // Reads the keys teams, users and agents of a map; every problem is reported.
  [[nodiscard]] static Directory read(std::string_view file, yaml::Map& root, Problems& problems);

 private:
  std::map<std::string, User, std::less<>> users_;
  std::map<std::string, Team, std::less<>> teams_;
  std::map<std::string, Agent, std::less<>> agents_;
};

}  // namespace countersign::policies
