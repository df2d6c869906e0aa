#include "auth/frozen_agents.h"

#include "core/json.h"

namespace countersign::auth {
namespace {

constexpr std::string_view kCode = "agent.freeze_unavailable";

struct Line {
  bool frozen = true;
  Freeze freeze;
};

std::string key_of(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

std::optional<Line> parse_line(std::string_view text) {
  auto json = parse_json(text, {.bytes = kMaxDurableLineBytes, .depth = 2, .values = 16});
  if (!json || !json->is_object()) return std::nullopt;
  Line line;
  std::string state = string_or(*json, "state", "");
  if (state != "frozen" && state != "thawed") return std::nullopt;
  line.frozen = state == "frozen";
  line.freeze.agent = string_or(*json, "agent", "");
  line.freeze.by = string_or(*json, "by", "");
  line.freeze.reason = string_or(*json, "reason", "");
  auto at = parse_time(string_or(*json, "at", ""));
  if (!at || line.freeze.agent.empty()) return std::nullopt;
  line.freeze.at = *at;
  return line;
}

// Cut without splitting a character.
std::string cut(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return std::string(text);
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80) --limit;
  return std::string(text.substr(0, limit));
}

}  // namespace

std::unique_ptr<FrozenAgents> FrozenAgents::open(const std::filesystem::path& path) {
  std::unique_ptr<FrozenAgents> agents(new FrozenAgents());
  auto file = DurableLines::open(path, kCode, [](std::string_view line) { return parse_line(line).has_value(); });
  if (!file) {
    agents->problem_ = file.error().message;
    return agents;
  }
  std::size_t number = 0;
  for (const std::string& text : file->take_lines()) {
    ++number;
    std::optional<Line> line = parse_line(text);
    if (!line) {
      if (agents->problem_.empty()) agents->problem_ = path.string() + ":" + std::to_string(number) + ": not a freeze";
      continue;
    }
    std::string key = key_of(line->freeze.agent);
    if (line->frozen) {
      agents->frozen_.try_emplace(std::move(key), std::move(line->freeze));
    } else {
      agents->frozen_.erase(key);
    }
  }
  agents->file_ = std::move(*file);
  return agents;
}

Status FrozenAgents::write(std::string_view state, const Freeze& freeze) {
  auto line = canonical_json({{"agent", freeze.agent},
                              {"at", format_time(freeze.at)},
                              {"by", freeze.by},
                              {"reason", freeze.reason},
                              {"state", state}});
  if (!line) return fail(line.error());
  if (!file_) return fail(ErrorKind::unavailable, kCode, "in force here, but not on disk: " + problem_);
  return file_->append(*line);
}

Status FrozenAgents::freeze(std::string_view agent, std::string_view by, std::string_view reason, TimeMs now) {
  if (agent.empty() || agent.size() > kMaxNameBytes || !canonical_json(Json(agent)))
    return fail(ErrorKind::invalid, "agent.bad_name", "an agent's name has 1 to 200 bytes of UTF-8");
  Freeze freeze{std::string(agent), now, cut(by, kMaxNameBytes), cut(reason, kMaxReasonBytes)};
  // One writer at a time through both steps, so that whoever finds an agent frozen also finds it written.
  std::lock_guard writing(writing_);
  {
    std::unique_lock guard(lock_);
    if (!frozen_.try_emplace(key_of(agent), freeze).second && healthy()) return {};
  }
  return write("frozen", freeze);
}

Status FrozenAgents::thaw(std::string_view agent, std::string_view by, std::string_view reason, TimeMs now) {
  std::lock_guard writing(writing_);
  if (!is_frozen(agent)) return fail(ErrorKind::conflict, "agent.not_frozen", "the agent is not frozen");
  Freeze thaw{std::string(agent), now, cut(by, kMaxNameBytes), cut(reason, kMaxReasonBytes)};
  if (Status written = write("thawed", thaw); !written) return written;
  std::unique_lock guard(lock_);
  frozen_.erase(key_of(agent));
  return {};
}

bool FrozenAgents::is_frozen(std::string_view agent) const {
  std::shared_lock guard(lock_);
  return !frozen_.empty() && frozen_.contains(key_of(agent));
}

std::optional<Freeze> FrozenAgents::find(std::string_view agent) const {
  std::shared_lock guard(lock_);
  auto found = frozen_.find(key_of(agent));
  return found == frozen_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Freeze> FrozenAgents::list() const {
  std::shared_lock guard(lock_);
  std::vector<Freeze> out;
  for (const auto& [key, freeze] : frozen_) out.push_back(freeze);
  return out;
}

bool FrozenAgents::healthy() const {
  return problem_.empty() && file_ && file_->healthy();
}

}  // namespace countersign::auth
