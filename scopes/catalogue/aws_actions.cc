#include "scopes/catalogue/aws_actions.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/http_head.h"
#include "core/problem.h"
#include "scopes/catalogue/aws_catalogue.h"

namespace countersign {
namespace {

constexpr std::string_view kPrefix = "aws:";
constexpr std::size_t kMostSuggestions = 3;

struct Name {
  std::string_view service;
  std::string_view operation;  // empty: a group's
};

Name split(std::string_view text) {
  if (!text.starts_with(kPrefix)) return {};
  text.remove_prefix(kPrefix.size());
  std::size_t colon = std::min(text.find(':'), text.size());
  return {text.substr(0, colon), colon == text.size() ? std::string_view() : text.substr(colon + 1)};
}

// Every effect that an access of the operation may have, as a bit each. What changes something may turn out to be worse
// by any of its parameters (a protection taken away, a role passed, a policy that lets everybody in).
unsigned effects_of(const AwsOperation& one) {
  unsigned out = 0;
  for (std::size_t i = 0; i < kEffectCount; ++i) {
    Effect effect = static_cast<Effect>(i);
    if (one.effects.contains(effect) || (is_change(one.effect) && effect > one.effect)) out |= 1U << i;
  }
  return out;
}

EffectSet effects_of(unsigned bits) {
  EffectSet out;
  for (std::size_t i = 0; i < kEffectCount; ++i)
    if ((bits >> i) & 1U) out.add(static_cast<Effect>(i));
  return out;
}

class Shapes {
 public:
  Shapes() {
    std::set<std::pair<std::string_view, unsigned>> found;
    for (const AwsService& service : AwsCatalogue::embedded().services())
      for (const AwsOperation& one : service.operations) found.emplace(service.iam_prefix, effects_of(one));
    groups_.reserve(found.size());
    shapes_.reserve(found.size());
    for (const auto& key : found) {
      const std::string& group = groups_.emplace_back(std::string(kPrefix) + std::string(key.first));
      shapes_.push_back({group, effects_of(key.second), kAwsInput, {"AwsResource"}, group});
      index_.push_back(key);
    }
  }

  const ProtocolAction* of(const AwsOperation& one) const {
    auto at = std::ranges::lower_bound(index_, std::pair(one.service->iam_prefix, effects_of(one)));
    return &shapes_[static_cast<std::size_t>(at - index_.begin())];
  }
  std::span<const ProtocolAction> all() const { return shapes_; }

 private:
  std::vector<std::string> groups_;  // reserved: names point into it
  std::vector<ProtocolAction> shapes_;
  std::vector<std::pair<std::string_view, unsigned>> index_;
};

const Shapes& shapes() {
  static const Shapes all;
  return all;
}

std::string quoted(std::string_view service, std::string_view operation) {
  std::string out = "`aws:" + std::string(service);
  if (!operation.empty()) out.append(":").append(operation);
  return out + "`";
}

// IAM calls some of its actions otherwise than the operations that need them: s3:ListAllMyBuckets, s3:ListBuckets.
std::string operations_of_action(Name name) {
  std::string action = std::string(name.service) + ":" + std::string(name.operation);
  std::vector<std::string> found;
  for (const AwsOperation* one : AwsCatalogue::embedded().by_iam_action(action)) {
    std::string text = quoted(one->service->iam_prefix, one->name);
    if (std::ranges::find(found, text) == found.end()) found.push_back(std::move(text));
  }
  if (found.empty()) return {};
  if (found.size() == 1 && equal_ignoring_case(found.front(), quoted(name.service, name.operation)))
    return "did you mean " + found.front() + "?";
  std::string out = "an action of IAM; the operations that need it are ";
  for (std::size_t i = 0; i < std::min(found.size(), kMostSuggestions); ++i) out += (i > 0 ? ", " : "") + found[i];
  return out + (found.size() > kMostSuggestions ? ", …" : "");
}

}  // namespace

const ProtocolAction* find_aws_action(std::string_view action) {
  Name name = split(action);
  if (name.operation.empty()) return nullptr;
  auto found = AwsCatalogue::embedded().named(name.service, name.operation);
  return found.empty() ? nullptr : shapes().of(*found.front());
}

std::span<const ProtocolAction> aws_action_shapes() {
  return shapes().all();
}

bool is_aws_group(std::string_view name) {
  Name parts = split(name);
  return parts.operation.empty() && !name.ends_with(':') &&
         !AwsCatalogue::embedded().by_iam_prefix(parts.service).empty();
}

std::vector<std::string> examples_of_aws_group(std::string_view group) {
  std::map<unsigned, std::string> examples;
  if (!is_aws_group(group)) return {};
  for (const AwsService* service : AwsCatalogue::embedded().by_iam_prefix(split(group).service))
    for (const AwsOperation& one : service->operations)
      examples.emplace(effects_of(one), std::string(group) + ":" + std::string(one.name));
  std::vector<std::string> out;
  for (auto& [effects, action] : examples) out.push_back(std::move(action));
  return out;
}

std::string advice_on_aws_name(std::string_view name) {
  Name parts = split(name);
  const AwsCatalogue& all = AwsCatalogue::embedded();
  auto services = all.by_iam_prefix(parts.service);
  std::vector<std::string_view> candidates;
  if (services.empty()) {
    for (const AwsService& service : all.services()) candidates.push_back(service.iam_prefix);
    std::string_view near = closest(parts.service, candidates);
    // Services are often called as their command is: elbv2, stepfunctions.
    if (const AwsService* by_key = all.by_key(parts.service)) near = by_key->iam_prefix;
    if (near.empty()) return {};
    bool known = !parts.operation.empty() && !all.named(near, parts.operation).empty();
    return "did you mean " + quoted(near, known ? parts.operation : std::string_view()) + "?";
  }
  if (std::string needed = operations_of_action(parts); !needed.empty()) return needed;
  for (const AwsService* service : services)
    for (const AwsOperation& one : service->operations) candidates.push_back(one.name);
  std::string_view near = closest(parts.operation, candidates);
  return near.empty() ? std::string() : "did you mean " + quoted(parts.service, near) + "?";
}

}  // namespace countersign
