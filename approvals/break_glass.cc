#include "approvals/break_glass.h"

#include <algorithm>

#include "core/json.h"
#include "core/sha256.h"
#include "core/words.h"

namespace countersign::approvals {
namespace {

constexpr TimeMs kMinute = 60'000;
constexpr std::size_t kMostListed = 100;
constexpr std::size_t kMostNameBytes = 200;
constexpr std::size_t kLeastReason = 10;
constexpr std::size_t kMostReason = 4'000;

template <class T>
bool has(const std::vector<T>& list, const T& one) {
  return std::ranges::find(list, one) != list.end();
}

template <class T>
bool within(const std::vector<T>& wanted, const std::vector<T>& allowed) {
  return allowed.empty() || std::ranges::all_of(wanted, [&](const T& each) { return has(allowed, each); });
}

std::unexpected<Error> bad_terms(std::string why) {
  return fail(ErrorKind::invalid, "break_glass.terms", std::move(why));
}

bool are_names(const std::vector<std::string>& names) {
  return !names.empty() && names.size() <= kMostListed && std::ranges::all_of(names, [](const std::string& name) {
    return !name.empty() && name.size() <= kMostNameBytes;
  });
}

std::vector<std::string> names_of(const std::vector<Effect>& effects) {
  std::vector<std::string> out;
  for (Effect effect : effects) out.emplace_back(effect_name(effect));
  return out;
}

Status read_names(const Json& json, const char* key, std::vector<std::string>& out) {
  const Json* list = find_member(json, key);
  if (list == nullptr || !list->is_array()) return bad_terms("`" + std::string(key) + "` is a list");
  for (const Json& each : *list) {
    if (!each.is_string()) return bad_terms("`" + std::string(key) + "` lists names");
    out.push_back(each.get<std::string>());
  }
  return {};
}

}  // namespace

Status check_terms(const EmergencyTerms& terms, const Rules& rules) {
  if (!rules.break_glass) return fail(ErrorKind::forbidden, "break_glass.off", "approvals.yaml has no `break_glass`");
  const BreakGlass& glass = *rules.break_glass;
  if (terms.agent.empty() || terms.agent.size() > kMostNameBytes) return bad_terms("`agent` names one agent");
  if (!are_names(terms.upstreams) || !are_names(terms.environments))
    return bad_terms("`upstreams` and `environments` have 1 to 100 names each");
  if (terms.effects.empty() || !std::ranges::all_of(terms.effects, is_change))
    return bad_terms("`effects` are write, execute, mint, administer and destroy");
  if (terms.reason.size() < kLeastReason || terms.reason.size() > kMostReason)
    return bad_terms("`reason` has 10 to 4,000 bytes: say what is burning");
  if (terms.duration < kMinute) return bad_terms("`duration_ms` is at least a minute");
  const bool inside = terms.duration <= glass.longest && within(terms.upstreams, glass.upstreams) &&
                      within(terms.environments, glass.environments) && within(terms.effects, glass.effects);
  if (inside) return {};
  return fail(ErrorKind::forbidden, "break_glass.beyond",
              "that is longer or wider than `break_glass` in approvals.yaml allows");
}

std::string text_of(const EmergencyTerms& terms) {
  const Json json{{"agent", terms.agent},
                  {"duration_ms", terms.duration},
                  {"effects", names_of(terms.effects)},
                  {"environments", terms.environments},
                  {"opened_by", terms.opened_by},
                  {"reason", terms.reason},
                  {"upstreams", terms.upstreams}};
  return canonical_json(json).value_or("");
}

Result<EmergencyTerms> parse_terms(std::string_view text) {
  Result<Json> json = parse_json(text);
  if (!json || !json->is_object()) return bad_terms("the terms are a JSON object");
  EmergencyTerms terms;
  terms.agent = string_or(*json, "agent", "");
  terms.opened_by = string_or(*json, "opened_by", "");
  terms.reason = string_or(*json, "reason", "");
  terms.duration = integer_or(*json, "duration_ms", 0);
  std::vector<std::string> effects;
  for (Status read : {read_names(*json, "upstreams", terms.upstreams), read_names(*json, "effects", effects),
                      read_names(*json, "environments", terms.environments)}) {
    if (!read) return fail(read.error());
  }
  for (const std::string& name : effects) {
    std::optional<Effect> effect = effect_from_name(name);
    if (!effect) return bad_terms("`" + name.substr(0, 40) + "` is no effect");
    terms.effects.push_back(*effect);
  }
  return terms;
}

HeldRequest emergency_draft(const EmergencyTerms& terms, std::string_view owner, std::string_view id, bool debt,
                            const Rules& rules, TimeMs now) {
  const BreakGlass& glass = *rules.break_glass;
  HeldRequest draft;
  draft.requester.agent = terms.agent;
  draft.requester.owner = owner;
  draft.requester.chain = {std::string(kBreakGlassAction) + "/" + std::string(id)};
  draft.action = kBreakGlassAction;
  draft.effect = effect_name(Effect::administer);
  draft.environment = joined(terms.environments);
  draft.summary = terms.opened_by + " breaks the glass: for " + std::to_string(terms.duration / kMinute) + " minutes " +
                  terms.agent + " may " + joined(names_of(terms.effects)) + " in " + joined(terms.upstreams) + " (" +
                  joined(terms.environments) + ") without waiting: " + terms.reason;
  draft.resources = {"BreakGlass::" + std::string(kBreakGlassUpstream) + "/" + terms.agent};
  draft.input = text_of(terms);
  draft.frozen.protocol = kBreakGlassProtocol;
  draft.frozen.upstream = kBreakGlassUpstream;
  draft.frozen.head = draft.input;
  draft.frozen.body_sha256 = to_hex(sha256(std::string_view()));
  draft.frozen.identity = std::string(id) + draft.input;
  draft.rules = {glass.rule};
  if (debt && !glass.in_debt.empty() && glass.in_debt != glass.rule) draft.rules.push_back(glass.in_debt);
  std::ranges::sort(draft.rules);
  draft.operation = id;
  draft.expires = now + rules.expires_after(draft.rules);
  return draft;
}

bool covers(const EmergencyTerms& terms, const EmergencyQuestion& question) {
  return terms.agent == question.agent && has(terms.upstreams, std::string(question.upstream)) &&
         has(terms.effects, question.effect) && !question.environments.empty() &&
         std::ranges::all_of(question.environments,
                             [&](const std::string& environment) { return has(terms.environments, environment); });
}

}  // namespace countersign::approvals
