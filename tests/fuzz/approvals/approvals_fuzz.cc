// Any bytes as approvals.yaml: problems or rules that can be judged by, never a crash, and never both without a reason.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "approvals/rules.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace countersign;
  using namespace countersign::approvals;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Problems problems;
  std::optional<Rules> rules = parse_rules("approvals.yaml", text, problems);
  if (rules.has_value() == has_errors(problems)) std::abort();
  if (!rules) return 0;

  constexpr TimeMs kDay = 86'400'000;
  HeldRequest request;
  request.created = 20'000 * kDay;
  request.expires = request.created + kDay;
  for (const auto& [name, rule] : rules->rules) {
    if (rule.stages.empty() || rule.expires <= 0 || rule.expires > 30 * kDay) std::abort();
    request.rules.push_back(name);
  }
  for (TimeMs now = request.created; now < request.created + 8 * kDay; now += kDay / 2) {
    if (all_satisfied(progress_of(request, *rules, now))) std::abort();  // nobody has voted
    FreezeVerdict verdict =
        frozen(*rules, {.agent = "a", .upstream = "u", .environments = {}, .effect = Effect::read}, now);
    if (verdict.kind != FreezeVerdict::Kind::none) std::abort();
    verdict = frozen(*rules, {.agent = "a", .upstream = "u", .environments = {}, .effect = Effect::write}, now);
    const bool holds = verdict.kind == FreezeVerdict::Kind::hold;
    if (holds == verdict.rules.empty()) std::abort();
    for (const std::string& rule : verdict.rules) {
      if (rules->find(rule) == nullptr) std::abort();
    }
  }
  return 0;
}
