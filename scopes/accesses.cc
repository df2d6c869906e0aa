#include "scopes/accesses.h"

#include <algorithm>
#include <array>
#include <set>

namespace countersign {
namespace {

std::unexpected<Error> malformed(std::string message) {
  return fail(ErrorKind::invalid, "accesses.malformed", std::move(message));
}

Result<Access> access_from(Json json, std::string_view upstream) {
  Access out;
  out.action = string_or(json, "action", "");
  auto effect = effect_from_name(string_or(json, "effect", ""));
  const std::string resource = string_or(json, "resource", "");
  const std::size_t colons = resource.find("::");
  const std::string prefix = std::string(upstream) + "/";
  if (out.action.empty() || !effect || colons == std::string::npos)
    return malformed("it needs `action`, `effect` and `resource`");
  out.effect = *effect;
  out.resource.type = resource.substr(0, colons);
  out.resource.id = resource.substr(colons + 2);
  if (!out.resource.id.starts_with(prefix)) return malformed("its resource is not of the upstream");
  out.resource.name = out.resource.id.substr(prefix.size());
  for (const char* key : {"action", "effect", "resource"}) json.erase(key);
  out.input = json.dump();
  return out;
}

// Takes away from each of `refs` the members of which `is_spare` says so; their names.
template <class Spare>
void leave_out(Json& refs, std::set<std::string>& names, Spare is_spare) {
  for (Json& ref : refs) {
    for (auto member = ref.begin(); member != ref.end();) {
      if (!is_spare(member.key(), member.value())) {
        ++member;
        continue;
      }
      names.insert(member.key());
      member = ref.erase(member);
    }
  }
}

bool is_name(std::string_view key) {
  constexpr std::array<std::string_view, 6> kNames = {"action", "effect", "resource", "ref", "old", "new"};
  return std::ranges::find(kNames, key) != kNames.end();
}

}  // namespace

Result<std::string> accesses_json(const Operation& operation, std::size_t bytes) {
  Json refs = Json::array();
  for (const Access& access : operation.accesses) {
    const std::string& input = operation.input_of(access);
    auto one = parse_json(input.empty() ? "{}" : input);
    if (!one) return fail(one.error());
    if (!one->is_object()) return malformed("the parameters of " + access.resource.id + " are no object");
    (*one)["action"] = operation.action_of(access);
    (*one)["effect"] = effect_name(access.effect);
    (*one)["resource"] = access.resource.type + "::" + access.resource.id;
    refs.push_back(std::move(*one));
  }
  std::set<std::string> left_out;
  auto written = [&] {
    Json out = {{"refs", refs}};
    if (!left_out.empty()) out["left_out"] = left_out;
    return canonical_json(out);
  };
  auto text = written();
  if (!text || text->size() <= bytes) return text;
  leave_out(refs, left_out, [](std::string_view, const Json& value) { return value.is_array(); });
  text = written();
  if (!text || text->size() <= bytes) return text;
  leave_out(refs, left_out, [](std::string_view key, const Json&) { return !is_name(key); });
  return written();
}

Result<StoredAccesses> accesses_from_json(const Json& json, std::string_view upstream) {
  StoredAccesses out;
  const Json* refs = find_member(json, "refs");
  if (refs == nullptr) return out;
  if (!refs->is_array()) return malformed("`refs` is no list");
  for (const Json& each : *refs) {
    const std::string where = "`refs[" + std::to_string(out.accesses.size()) + "]`";
    if (!each.is_object()) return malformed(where + " is no object");
    auto access = access_from(each, upstream);
    if (!access) return malformed(where + ": " + access.error().message);
    out.accesses.push_back(std::move(*access));
  }
  const Json* left_out = find_member(json, "left_out");
  if (left_out == nullptr) return out;
  bool texts =
      left_out->is_array() && std::ranges::all_of(*left_out, [](const Json& name) { return name.is_string(); });
  if (!texts) return malformed("`left_out` is no list of texts");
  out.left_out = left_out->get<std::vector<std::string>>();
  return out;
}

}  // namespace countersign
