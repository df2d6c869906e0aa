#include "scopes/accesses.h"

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

}  // namespace

Result<std::string> accesses_json(const Operation& operation) {
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
  return canonical_json({{"refs", std::move(refs)}});
}

Result<std::vector<Access>> accesses_from_json(const Json& json, std::string_view upstream) {
  std::vector<Access> out;
  const Json* refs = find_member(json, "refs");
  if (refs == nullptr) return out;
  if (!refs->is_array()) return malformed("`refs` is no list");
  for (const Json& each : *refs) {
    if (!each.is_object()) return malformed("`refs[" + std::to_string(out.size()) + "]` is no object");
    auto access = access_from(each, upstream);
    if (!access) return malformed("`refs[" + std::to_string(out.size()) + "]`: " + access.error().message);
    out.push_back(std::move(*access));
  }
  return out;
}

}  // namespace countersign
