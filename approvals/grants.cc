#include "approvals/grants.h"

#include <algorithm>
#include <optional>

#include "core/json.h"
#include "core/sha256.h"

namespace countersign::approvals {
namespace {

constexpr std::size_t kMostResources = 100;
constexpr std::size_t kMostResourceBytes = 4'096;
constexpr std::size_t kMostArguments = 50;
constexpr std::size_t kMostArgumentBytes = 16U << 10;
constexpr std::string_view kType = "countersign/grant/v1";

std::unexpected<Error> bad_terms(std::string message) {
  return fail(ErrorKind::invalid, "grant.terms", std::move(message));
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// "prod" in front is enough: a name that looks like production is taken for it.
bool is_production(std::string_view environment) {
  std::string name(trimmed(environment));
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return name.empty() || name == "unknown" || name.starts_with("prod");
}

// Whether the resource says more than its type: "Type::name", and "Type::name/*" but not "Type::/*" nor "Type::*".
bool is_resource(std::string_view text) {
  std::size_t colons = text.find("::");
  if (colons == std::string_view::npos || colons == 0) return false;
  std::string_view name = text.substr(colons + 2);
  if (name.ends_with("/*")) name.remove_suffix(2);
  return !name.empty() && name != "*" && !name.starts_with('/');
}

// Exactly one spelling for each value that JSON tells apart: integers keep all their digits, 1 is not 1.0.
std::optional<std::string> spelled(std::string_view json) {
  Result<Json> value = parse_json(json);
  if (!value) return std::nullopt;
  return value->dump();
}

bool stands_at(const Json& input, const std::string& pointer, const std::string& value) {
  // The library throws for what is not a pointer, or not one into this value.
  try {
    const nlohmann::json::json_pointer at(pointer);
    return input.contains(at) && input.at(at).dump() == value;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

bool covers_input(const std::map<std::string, std::string>& arguments, std::string_view input) {
  if (arguments.empty()) return true;
  Result<Json> json = parse_json(input);
  if (!json) return false;
  return std::ranges::all_of(arguments,
                             [&](const auto& argument) { return stands_at(*json, argument.first, argument.second); });
}

Status check_arguments(std::map<std::string, std::string>& arguments) {
  if (arguments.size() > kMostArguments) return bad_terms("a grant fixes at most 50 arguments");
  std::size_t bytes = 0;
  for (auto& [pointer, value] : arguments) {
    std::optional<std::string> one = spelled(value);
    if (!one) return bad_terms("the value of argument \"" + pointer + "\" is not JSON");
    value = std::move(*one);
    bytes += pointer.size() + value.size();
  }
  if (bytes > kMostArgumentBytes) return bad_terms("the arguments of a grant have at most 16 KiB");
  return {};
}

Status check_resources(const std::vector<std::string>& resources) {
  if (resources.empty() || resources.size() > kMostResources) return bad_terms("a grant names 1 to 100 resources");
  for (const std::string& resource : resources) {
    if (resource.size() > kMostResourceBytes || !is_resource(resource)) {
      return bad_terms("\"" + resource.substr(0, 200) + "\" is not a resource: it is Type::id, or Type::id/*");
    }
  }
  return {};
}

GrantQuestion question_of(const HeldRequest& request) {
  return {.agent = request.requester.agent,
          .owner = request.requester.owner,
          .delegates = request.requester.delegates,
          .root = request.requester.chain.empty() ? std::string() : request.requester.chain.front(),
          .upstream = request.frozen.upstream,
          .action = request.action,
          .effect = request.effect,
          .environment = request.environment,
          .resources = request.resources,
          .input = request.input,
          .rules = request.rules};
}

bool names_all(const std::vector<std::string>& names, const std::vector<std::string>& wanted) {
  return std::ranges::all_of(wanted,
                             [&](const std::string& one) { return std::ranges::find(names, one) != names.end(); });
}

std::unexpected<Error> corrupt() {
  return fail(ErrorKind::internal, "store.corrupt", "a stored grant is not one");
}

}  // namespace

bool may_be_granted(std::string_view effect, std::string_view environment) {
  if (effect == "read" || effect == "write") return true;
  if (effect != "destroy" && effect != "administer" && effect != "mint" && effect != "execute") return false;
  for (;;) {
    std::size_t comma = environment.find(',');
    if (is_production(environment.substr(0, comma))) return false;
    if (comma == std::string_view::npos) return true;
    environment.remove_prefix(comma + 1);
  }
}

Result<Grant> make_grant(const HeldRequest& request, GrantTerms terms, TimeMs now) {
  if (!may_be_granted(request.effect, request.environment)) {
    return fail(ErrorKind::forbidden, "grant.effect",
                "what destroys, administers, mints credentials or runs code in production is approved each time");
  }
  if (terms.max_uses < 1 || terms.max_uses > Grant::kMostUses) return bad_terms("a grant is for 1 to 1,000 uses");
  if (terms.until <= now || terms.until - now > Grant::kLongest) {
    return bad_terms("a grant ends at some time in the next 30 days");
  }
  if (Status resources = check_resources(terms.resources); !resources) return fail(resources.error());
  if (Status arguments = check_arguments(terms.arguments); !arguments) return fail(arguments.error());
  GrantQuestion itself = question_of(request);
  Grant grant;
  grant.request = request.id;
  grant.agent = itself.agent;
  grant.owner = itself.owner;
  grant.delegates = itself.delegates;
  grant.root = itself.root;
  grant.upstream = itself.upstream;
  grant.action = itself.action;
  grant.effect = itself.effect;
  grant.environment = itself.environment;
  grant.rules = itself.rules;
  grant.terms = std::move(terms);
  if (!covers(grant, itself)) return bad_terms("the grant does not cover the request that it is proposed with");
  Result<std::string> text = grant_text(grant);
  if (!text) return fail(text.error());
  grant.digest = to_hex(sha256(*text));
  return grant;
}

Result<std::string> grant_text(const Grant& grant) {
  return canonical_json(Json{{"type", kType},
                             {"request", grant.request},
                             {"agent", grant.agent},
                             {"owner", grant.owner},
                             {"delegates", grant.delegates},
                             {"root", grant.root},
                             {"upstream", grant.upstream},
                             {"action", grant.action},
                             {"effect", grant.effect},
                             {"environment", grant.environment},
                             {"rules", grant.rules},
                             {"resources", grant.terms.resources},
                             {"arguments", Json(grant.terms.arguments)},
                             {"max_uses", grant.terms.max_uses},
                             {"until", grant.terms.until}});
}

Result<Grant> parse_grant(std::string_view text) {
  Result<Json> json = parse_json(text);
  if (!json || !json->is_object() || string_or(*json, "type", "") != kType) return corrupt();
  Grant grant;
  for (auto [name, out] : {std::pair{"request", &grant.request},
                           {"agent", &grant.agent},
                           {"owner", &grant.owner},
                           {"root", &grant.root},
                           {"upstream", &grant.upstream},
                           {"action", &grant.action},
                           {"effect", &grant.effect},
                           {"environment", &grant.environment}}) {
    const Json* value = find_member(*json, name);
    if (value == nullptr || !value->is_string()) return corrupt();
    *out = value->get<std::string>();
  }
  for (auto [name, out] :
       {std::pair{"delegates", &grant.delegates}, {"rules", &grant.rules}, {"resources", &grant.terms.resources}}) {
    const Json* value = find_member(*json, name);
    if (value == nullptr || !value->is_array()) return corrupt();
    for (const Json& item : *value) {
      if (!item.is_string()) return corrupt();
      out->push_back(item.get<std::string>());
    }
  }
  const Json* arguments = find_member(*json, "arguments");
  if (arguments == nullptr || !arguments->is_object()) return corrupt();
  for (const auto& [pointer, value] : arguments->items()) {
    if (!value.is_string()) return corrupt();
    grant.terms.arguments.emplace(pointer, value.get<std::string>());
  }
  grant.terms.max_uses = integer_or(*json, "max_uses", 0);
  grant.terms.until = integer_or(*json, "until", 0);
  grant.digest = to_hex(sha256(text));
  return grant;
}

bool covers_resource(std::string_view pattern, std::string_view resource) {
  if (pattern == resource) return true;
  if (!pattern.ends_with("/*")) return false;
  std::string_view folder = pattern.substr(0, pattern.size() - 1);
  if (!resource.starts_with(folder)) return false;
  // One name: anything that could be read as a way out of the folder, or deeper into it, is not one.
  std::string_view name = resource.substr(folder.size());
  if (name.empty() || name == "." || name == "..") return false;
  return std::ranges::none_of(name, [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return c == '/' || c == '\\' || c == '%' || c == '?' || c == '#' || byte < 0x20 || byte == 0x7f;
  });
}

bool covers(const Grant& grant, const GrantQuestion& question) {
  if (grant.agent != question.agent || grant.owner != question.owner || grant.delegates != question.delegates ||
      grant.root != question.root || grant.upstream != question.upstream || grant.action != question.action ||
      grant.effect != question.effect || grant.environment != question.environment) {
    return false;
  }
  if (question.agent.empty() || question.root.empty() || question.resources.empty() || question.rules.empty()) {
    return false;
  }
  if (!names_all(grant.rules, question.rules)) return false;
  bool resources = std::ranges::all_of(question.resources, [&](const std::string& resource) {
    return std::ranges::any_of(grant.terms.resources,
                               [&](const std::string& pattern) { return covers_resource(pattern, resource); });
  });
  return resources && covers_input(grant.terms.arguments, question.input);
}

}  // namespace countersign::approvals
