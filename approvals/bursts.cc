#include "approvals/bursts.h"

#include <algorithm>
#include <array>

#include "core/sha256.h"

namespace countersign::approvals {
namespace {

constexpr std::string_view kRequest = "req_";
constexpr std::string_view kBurst = "bst_";
constexpr TimeMs kSweepEvery = 60'000;
constexpr std::array<std::string_view, 6> kMildFirst{"read", "write", "execute", "mint", "administer", "destroy"};

std::string renamed(std::string_view id, std::string_view from, std::string_view to) {
  if (!id.starts_with(from)) return {};
  return std::string(to).append(id.substr(from.size()));
}

}  // namespace

std::string burst_begun_by(std::string_view request) {
  return renamed(request, kRequest, kBurst);
}

std::string first_of_burst(std::string_view burst) {
  return renamed(burst, kBurst, kRequest);
}

bool begins_burst(const HeldRequest& request) {
  return request.burst.empty() || request.id == first_of_burst(request.burst);
}

std::size_t BurstCount::all() const {
  std::size_t sum = 0;
  for (const auto& [effect, count] : effects) sum += count;
  return sum;
}

std::string burst_sentence(const HeldRequest& any_member, const BurstCount& count) {
  std::string out = std::to_string(count.all()) + (count.all() == 1 ? " change" : " changes") + " by agent " +
                    any_member.requester.agent + " on " + any_member.frozen.upstream;
  if (!any_member.environment.empty()) out += " (" + any_member.environment + ")";
  return out + ": " + burst_effects(count);
}

std::string burst_effects(const BurstCount& count) {
  std::string out;
  auto add = [&](std::string_view effect, std::size_t number) {
    out.append(out.empty() ? "" : ", ").append(std::to_string(number)).append(" ").append(effect);
  };
  for (std::string_view effect : kMildFirst) {
    if (auto found = count.effects.find(std::string(effect)); found != count.effects.end()) add(effect, found->second);
  }
  for (const auto& [effect, number] : count.effects) {
    if (std::ranges::find(kMildFirst, effect) == kMildFirst.end()) add(effect, number);
  }
  return out;
}

std::string OpenBursts::key_of(const HeldRequest& request) {
  FieldDigest digest("countersign/burst-key");
  digest.field(request.requester.chain.front()).field(request.requester.agent).field(request.requester.owner);
  digest.field(request.frozen.protocol).field(request.frozen.upstream).field(request.environment);
  std::vector<std::string> rules = request.rules;
  std::ranges::sort(rules);
  for (const std::string& rule : rules) digest.field(rule);
  return to_hex(digest.finish());
}

std::string OpenBursts::join(const HeldRequest& draft, const BurstLimits& limits, TimeMs now) const {
  if (limits.window <= 0 || limits.most < 2) return {};
  auto found = open_.find(key_of(draft));
  const bool joins = found != open_.end() && now < found->second.closes && found->second.count < limits.most;
  return joins ? found->second.id : burst_begun_by(draft.id);
}

void OpenBursts::held(const HeldRequest& request, const BurstLimits& limits, TimeMs now) {
  if (request.burst.empty()) return;
  if (now - swept_ >= kSweepEvery) {
    std::erase_if(open_, [&](const auto& each) { return now >= each.second.closes; });
    swept_ = now;
  }
  Open& burst = open_[key_of(request)];
  if (burst.id != request.burst) burst = {.id = request.burst, .first = now, .closes = 0, .count = 0};
  ++burst.count;
  burst.closes = std::min(now + limits.window, burst.first + kLongestBurst);
  if (burst.count >= limits.most) burst.closes = now;
  if (burst.count > 1) closing_[burst.id] = burst.closes;
}

std::vector<std::string> OpenBursts::to_tell(TimeMs now) const {
  std::vector<std::pair<TimeMs, std::string>> due;
  for (const auto& [id, closes] : closing_) {
    if (now >= closes) due.emplace_back(closes, id);
  }
  std::ranges::sort(due);
  std::vector<std::string> out;
  for (auto& [closes, id] : due) out.push_back(std::move(id));
  return out;
}

}  // namespace countersign::approvals
