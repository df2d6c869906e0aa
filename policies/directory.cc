#include "policies/directory.h"

#include <algorithm>
#include <array>
#include <set>

namespace countersign::policies {
namespace {

constexpr std::size_t kMostEntries = 100'000;
constexpr std::array<std::string_view, 6> kLevels = {"junior", "mid", "senior", "principal", "director", "vp"};
// What a request's Agent entity says itself (policies/decide.h); the file cannot override it.
constexpr std::array<std::string_view, 4> kReserved = {"name", "owner", "team", "delegates"};

bool is_name(std::string_view name) {
  constexpr std::size_t kLongest = 200;
  return !name.empty() && name.size() <= kLongest && std::ranges::none_of(name, [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7f || c == ':';
  });
}

std::string folded(std::string_view name) {
  std::string out(name);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

// One list of entries while it is read: names that are sound and new.
class Names {
 public:
  Names(std::string kind, std::set<std::string>& taken) : kind_(std::move(kind)), taken_(taken) {}

  // True when the name may be used; otherwise the problem is reported.
  bool accept(const yaml::Map& map, const yaml::Node& at, const std::string& name) {
    if (!is_name(name)) {
      map.problem(at, "the name of a " + kind_ + " has 1 to 200 characters, without spaces and colons");
      return false;
    }
    if (taken_.insert(folded(name)).second) return true;
    map.problem(at, "there is another entry named `" + name + "`");
    return false;
  }

 private:
  std::string kind_;
  std::set<std::string>& taken_;
};

// A reference to a team that must exist once everything is read.
struct Reference {
  std::string name;
  const yaml::Node* at;
};

class Reader {
 public:
  Reader(std::string_view file, Problems& problems) : file_(file), problems_(problems) {}

  void team(const yaml::Node& node, std::map<std::string, Team, std::less<>>& out) {
    Team team;
    yaml::Map map(file_, node.kind == yaml::Node::Kind::scalar ? kEmpty : node, "a team", problems_);
    const yaml::Node* at = &node;
    if (node.kind == yaml::Node::Kind::scalar) {
      team.name = node.text;
    } else {
      if (!map.require("name")) return;
      at = map.string("name", team.name);
      references(map, "parents", team.parents);
      map.finish();
    }
    if (at && team_names_.accept(map, *at, team.name)) out.emplace(team.name, team);
  }

  void user(const yaml::Node& node, std::map<std::string, User, std::less<>>& out) {
    User user;
    yaml::Map map(file_, node, "a user", problems_);
    if (!map.require("name")) return;
    const yaml::Node* at = map.string("name", user.name);
    std::string level;
    map.require("level");
    if (map.one_of("level", level, {kLevels.begin(), kLevels.end()})) user.level = *level_from_name(level);
    references(map, "teams", user.teams);
    map.finish();
    if (at && user_names_.accept(map, *at, user.name)) out.emplace(user.name, user);
  }

  void agent(const yaml::Node& node, std::map<std::string, Agent, std::less<>>& out) {
    Agent agent;
    yaml::Map map(file_, node, "an agent", problems_);
    if (!map.require("name")) return;
    const yaml::Node* at = map.string("name", agent.name);
    map.require("owner");
    if (const yaml::Node* owner = map.string("owner", agent.owner)) owners_.push_back({agent.owner, owner});
    for (const yaml::Member& member : map.members()) {
      if (member.key == "name" || member.key == "owner") continue;
      attribute(map, member, agent);
    }
    if (at && agent_names_.accept(map, *at, agent.name)) out.emplace(agent.name, agent);
  }

  void resolve(const Directory& directory) {
    for (const Reference& reference : teams_) {
      if (!directory.find_team(reference.name)) report(*reference.at, "there is no team `" + reference.name + "`");
    }
    for (const Reference& reference : owners_) {
      if (!directory.find_team(reference.name) && !directory.find_user(reference.name))
        report(*reference.at, "there is no user or team `" + reference.name + "`");
    }
  }

 private:
  void report(const yaml::Node& at, std::string message) {
    problems_.push_back({file_, at.line, at.column, std::move(message)});
  }
  void references(yaml::Map& map, std::string_view key, std::vector<std::string>& out) {
    const yaml::Node* list = map.strings(key, out);
    if (!list) return;
    for (const yaml::Node& item : list->items) teams_.push_back({item.text, &item});
  }
  void attribute(const yaml::Map& map, const yaml::Member& member, Agent& agent) {
    if (std::ranges::find(kReserved, member.key) != kReserved.end())
      return map.problem(member.value, "an agent's `" + member.key + "` is set by the gateway");
    if (member.value.kind != yaml::Node::Kind::scalar)
      return map.problem(member.value, "`" + member.key.substr(0, 60) + "` must be text, a number, true or false");
    if (auto number = yaml::as_integer(member.value)) {
      agent.attributes[member.key] = *number;
    } else if (auto flag = yaml::as_boolean(member.value)) {
      agent.attributes[member.key] = *flag;
    } else {
      agent.attributes[member.key] = member.value.text;
    }
  }

  inline static const yaml::Node kEmpty{};
  std::string file_;
  Problems& problems_;
  std::set<std::string> people_;
  std::set<std::string> programs_;
  Names team_names_{"team", people_};
  Names user_names_{"user", people_};
  Names agent_names_{"agent", programs_};
  std::vector<Reference> teams_;
  std::vector<Reference> owners_;
};

template <class Map>
auto* find_in(const Map& map, std::string_view name) {
  auto found = map.find(name);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

std::string_view level_name(Level level) {
  return kLevels[static_cast<std::size_t>(level) - 1];
}

std::optional<Level> level_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    if (kLevels[i] == name) return static_cast<Level>(i + 1);
  }
  return std::nullopt;
}

const User* Directory::find_user(std::string_view name) const {
  return find_in(users_, name);
}
const Team* Directory::find_team(std::string_view name) const {
  return find_in(teams_, name);
}
const Agent* Directory::find_agent(std::string_view name) const {
  return find_in(agents_, name);
}

std::vector<std::string> Directory::teams_of(std::string_view user) const {
  const User* found = find_user(user);
  if (!found) return {};
  std::set<std::string> seen;
  std::vector<std::string> waiting = found->teams;
  while (!waiting.empty()) {
    std::string name = std::move(waiting.back());
    waiting.pop_back();
    const Team* team = find_team(name);
    if (!team || !seen.insert(std::move(name)).second) continue;
    waiting.insert(waiting.end(), team->parents.begin(), team->parents.end());
  }
  return {seen.begin(), seen.end()};
}

bool Directory::is_member(std::string_view user, std::string_view team) const {
  std::vector<std::string> teams = teams_of(user);
  return std::ranges::find(teams, team) != teams.end();
}

Directory::Owner Directory::owner(std::string_view name) const {
  if (name.starts_with("team:")) return {OwnerKind::team, name.substr(5)};
  if (name.starts_with("user:")) return {OwnerKind::user, name.substr(5)};
  return {find_team(name) ? OwnerKind::team : OwnerKind::user, name};
}

Directory Directory::read(std::string_view file, yaml::Map& root, Problems& problems) {
  Directory out;
  Reader reader(file, problems);
  auto each = [&](std::string_view key, auto&& read_one) {
    const yaml::Node* list = root.list(key);
    if (!list) return;
    if (list->items.size() > kMostEntries)
      return root.problem(*list, "more than " + std::to_string(kMostEntries) + " " + std::string(key));
    for (const yaml::Node& item : list->items) read_one(item);
  };
  each("teams", [&](const yaml::Node& item) { reader.team(item, out.teams_); });
  each("users", [&](const yaml::Node& item) { reader.user(item, out.users_); });
  each("agents", [&](const yaml::Node& item) { reader.agent(item, out.agents_); });
  reader.resolve(out);
  return out;
}

}  // namespace countersign::policies
