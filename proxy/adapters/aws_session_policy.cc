#include "proxy/adapters/aws_session_policy.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "core/http_head.h"
#include "core/json_reader.h"
#include "core/visible.h"
#include "scopes/scope.h"

namespace countersign::adapters {
namespace {

constexpr std::size_t kMostShown = 120;

std::unexpected<Error> refuse(std::string why) {
  return fail(ErrorKind::invalid, "aws.session_policy",
              "the session policy cannot be made a condition of a token: " + std::move(why) +
                  ". Leave it out, or narrow the token with `countersign token narrow --actions`");
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// A text, or a list of texts.
std::optional<std::vector<std::string_view>> texts(JsonValue value) {
  std::vector<std::string_view> out;
  if (auto one = value.string()) return std::vector{*one};
  if (!value.is_array()) return std::nullopt;
  for (JsonValue each = value.first(); each; each = each.next()) {
    auto text = each.string();
    if (!text) return std::nullopt;
    out.push_back(*text);
  }
  return out;
}

// The actions of one statement.
Result<std::vector<std::string_view>> actions_of(JsonValue statement) {
  if (!statement.is_object()) return refuse("a statement is no object");
  for (JsonValue member = statement.first(); member; member = member.next()) {
    const std::string_view key = member.key();
    if (key != "Sid" && key != "Effect" && key != "Action" && key != "Resource")
      return refuse("it has a " + printable(key, kMostShown));
  }
  if (statement.member("Effect").string() != "Allow") return refuse("a statement does something else than Allow");
  const auto resources = texts(statement.member("Resource"));
  if (!resources || resources->empty() || std::ranges::any_of(*resources, [](auto text) { return text != "*"; }))
    return refuse("a statement names other resources than \"*\"");
  auto actions = texts(statement.member("Action"));
  if (!actions || actions->empty()) return refuse("a statement names no actions");
  return std::move(*actions);
}

// IAM's actions that a policy allows, of one service: patterns in small letters, and as they were written.
struct Allowed {
  std::vector<std::string> patterns;
  std::vector<std::string> written;
};

// S3's operations on Outposts and on directory buckets have other prefixes at IAM and no names of their own in a scope:
// they are allowed with S3's.
bool allows(const Allowed& allowed, std::string_view prefix, std::string_view iam_action) {
  const std::string action = lower(std::string(prefix) + std::string(iam_action.substr(iam_action.find(':'))));
  return std::ranges::any_of(allowed.patterns, [&](const std::string& one) { return glob_matches(one, action); });
}

// What the operations of a prefix are called, and whether all of a name are allowed.
std::map<std::string_view, bool> operations_of(std::span<const AwsService* const> services, const Allowed& allowed) {
  std::map<std::string_view, bool> out;
  for (const AwsService* service : services) {
    for (const AwsOperation& operation : service->operations) {
      const bool admitted = std::ranges::all_of(
          operation.iam_actions, [&](std::string_view action) { return allows(allowed, service->iam_prefix, action); });
      auto [found, fresh] = out.emplace(operation.name, admitted);
      if (!fresh) found->second = found->second && admitted;
    }
  }
  return out;
}

// The shortest beginning of a name that begins no name which is not admitted: what a policy with wildcards allows is
// said with few patterns. The name itself where there is none.
std::string_view stem_of(std::string_view name, const std::map<std::string_view, bool>& operations) {
  for (std::size_t size = 1; size < name.size(); ++size) {
    const std::string_view stem = name.substr(0, size);
    bool clean = true;
    for (auto one = operations.lower_bound(stem); one != operations.end() && one->first.starts_with(stem); ++one)
      clean = clean && one->second;
    if (clean) return stem;
  }
  return name;
}

Status add_patterns(std::string_view prefix, const Allowed& allowed, std::map<std::string_view, bool> operations,
                    std::vector<std::string>& out) {
  const std::string head = "aws:" + std::string(prefix) + ":";
  std::set<std::string_view> left;
  for (const auto& [name, admitted] : operations) {
    if (admitted) left.insert(name);
  }
  if (left.size() == operations.size()) {
    out.push_back(head + "*");
    return {};
  }
  // A pattern that means the same for names of operations stays one.
  for (const std::string& written : allowed.written) {
    const std::string pattern = written.substr(written.find(':') + 1);
    if (!pattern.contains('*')) continue;
    std::vector<std::string_view> matched;
    for (const auto& [name, admitted] : operations) {
      if (!glob_matches(pattern, name)) continue;
      if (!admitted) {
        matched.clear();
        break;
      }
      matched.push_back(name);
    }
    if (matched.empty()) continue;
    out.push_back(head + pattern);
    for (std::string_view name : matched) left.erase(name);
  }
  const bool open = std::ranges::any_of(allowed.written, [](const std::string& one) { return one.contains('*'); });
  while (!left.empty()) {
    const std::string_view name = *left.begin();
    const std::string_view stem = open ? stem_of(name, operations) : name;
    out.push_back(head + std::string(stem) + (stem.size() < name.size() ? "*" : ""));
    std::erase_if(left, [&](std::string_view one) { return one == name || (stem != name && one.starts_with(stem)); });
  }
  if (out.size() <= kSessionPolicyActions) return {};
  return fail(ErrorKind::invalid, "aws.session_policy_too_long",
              "the session policy allows more different actions than a token can name; use wildcards, or leave it out");
}

// An action that the policy allows by its name, while an operation that it is the action of may need another one that
// the policy does not allow.
Status check_fineness(const AwsCatalogue& catalogue, const Allowed& allowed) {
  for (const std::string& written : allowed.written) {
    if (written.contains('*')) continue;
    for (const AwsOperation* operation : catalogue.by_iam_action(written)) {
      if (!equal_ignoring_case(operation->iam_action(), written)) continue;
      for (std::string_view other : operation->iam_actions) {
        if (!allows(allowed, operation->service->iam_prefix, other))
          return refuse(printable(written, kMostShown) + " by itself is finer than the operation " +
                        std::string(operation->name) + "; allow " + std::string(other) + " as well");
      }
    }
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> actions_of_session_policy(const AwsCatalogue& catalogue, std::string_view policy) {
  if (policy.size() > kSessionPolicyBytes)
    return fail(ErrorKind::invalid, "aws.session_policy_too_long", "the session policy is longer than is read");
  Result<JsonDocument> document = JsonDocument::parse(policy);
  if (!document || !document->root().is_object()) return refuse("it is not strict JSON");
  const JsonValue root = document->root();
  for (JsonValue member = root.first(); member; member = member.next()) {
    if (member.key() != "Version" && member.key() != "Id" && member.key() != "Statement")
      return refuse("it has a " + printable(member.key(), kMostShown));
  }
  const JsonValue statements = root.member("Statement");
  std::map<std::string, Allowed, std::less<>> services;
  bool everything = false;
  for (JsonValue one = statements.is_array() ? statements.first() : statements; one;
       one = statements.is_array() ? one.next() : JsonValue()) {
    auto actions = actions_of(one);
    if (!actions) return fail(actions.error());
    for (std::string_view action : *actions) {
      if (action == "*") {
        everything = true;
        continue;
      }
      const std::size_t colon = action.find(':');
      const std::string prefix = lower(action.substr(0, std::min(colon, action.size())));
      if (colon == std::string_view::npos || catalogue.by_iam_prefix(prefix).empty())
        return refuse(printable(action, kMostShown) + " is an action of no service");
      if (action.find('?') != std::string_view::npos) return refuse("an action has a \"?\"");
      services[prefix].patterns.push_back(lower(action));
      services[prefix].written.emplace_back(prefix + std::string(action.substr(colon)));
    }
  }
  if (everything) return std::vector<std::string>();
  std::vector<std::string> out;
  for (const auto& [prefix, allowed] : services) {
    const auto operations = operations_of(catalogue.by_iam_prefix(prefix), allowed);
    if (Status fit = check_fineness(catalogue, allowed); !fit) return fail(fit.error());
    if (Status added = add_patterns(prefix, allowed, operations, out); !added) return fail(added.error());
  }
  if (out.empty()) return refuse("it allows no operation");
  return out;
}

}  // namespace countersign::adapters
