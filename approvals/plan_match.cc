#include "approvals/plan_match.h"

#include <algorithm>
#include <array>

#include "core/json_reader.h"
#include "core/words.h"

namespace countersign::approvals {
namespace {

constexpr std::size_t kMostLearned = 256;
constexpr std::size_t kMostAnswer = 1U << 20;

// Operations that make something new, by the first word of their name.
constexpr std::array kCreating =
    std::to_array<std::string_view>({"Create", "Run", "Allocate", "Put", "Register", "Request", "Add", "Import",
                                     "Publish", "Provision", "Launch", "Copy"});

template <class List>
bool has(const List& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

// "arn:aws:rds:eu-central-1:123456789012:db:orders" in its parts.
struct Arn {
  std::string_view service, region, account, rest;
};

std::optional<Arn> read_arn(std::string_view text) {
  std::array<std::string_view, 5> parts;
  for (std::string_view& part : parts) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    part = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  if (parts[0] != "arn") return std::nullopt;
  return Arn{parts[2], parts[3], parts[4], text};
}

std::string_view kind_of(std::string_view rest) {
  if (rest.starts_with('/')) rest.remove_prefix(1);
  const std::size_t end = rest.find_first_of(":/");
  return end == std::string_view::npos ? std::string_view() : rest.substr(0, end);
}

// Names under which plans may know what an ARN's last part names. Each is the whole of a name.
std::vector<std::string_view> names_of(const Arn& arn) {
  std::string_view rest = arn.rest;
  if (rest.ends_with(":*")) rest.remove_suffix(2);
  if (arn.service == "s3") return {rest};  // a bucket, or bucket/key
  std::vector<std::string_view> out{rest};
  if (rest.starts_with('/')) rest.remove_prefix(1);
  if (const std::size_t end = rest.find_first_of(":/"); end != std::string_view::npos && !rest.starts_with("http"))
    out.push_back(rest.substr(end + 1));
  constexpr std::string_view kGroup = "autoScalingGroupName/";
  if (const std::size_t at = rest.find(kGroup); arn.service == "autoscaling" && at != std::string_view::npos)
    out.push_back(rest.substr(at + kGroup.size()));
  std::erase_if(out, [](std::string_view name) { return name.empty() || name.find('*') != std::string_view::npos; });
  return out;
}

// A request that names no region or account may mean ours.
bool agree(std::string_view planned, std::string_view asked) {
  return planned.empty() || asked.empty() || asked == "*" || planned == asked;
}

// Part by part, where the request's may be unknown: "autoScalingGroup:*:autoScalingGroupName/a".
bool same_rest(std::string_view planned, std::string_view asked) {
  if (asked.ends_with('*')) return false;
  for (;;) {
    const std::size_t a = std::min(planned.find(':'), planned.size());
    const std::size_t b = std::min(asked.find(':'), asked.size());
    const std::string_view one = asked.substr(0, b);
    if (one != "*" && one != planned.substr(0, a)) return false;
    if (a == planned.size() || b == asked.size()) return a == planned.size() && b == asked.size();
    planned.remove_prefix(a + 1);
    asked.remove_prefix(b + 1);
  }
}

// Whether one of `names` is the thing's. `names` of one side of a change, which its ARN places.
bool is_named(const std::vector<std::string>& names, std::string_view region, std::string_view resource) {
  const std::optional<Arn> asked = read_arn(resource);
  if (!asked) return has(names, resource);
  if (!agree(region, asked->region)) return false;
  const std::vector<std::string_view> short_names = names_of(*asked);
  std::optional<Arn> placed;
  for (const std::string& name : names) {
    const std::optional<Arn> planned = read_arn(name);
    if (!planned || planned->service != asked->service) continue;
    const bool here = agree(planned->region, asked->region) && agree(planned->account, asked->account);
    if (here && same_rest(planned->rest, asked->rest)) return true;
    placed = planned;
  }
  for (const std::string& name : names) {
    if (!has(short_names, name)) continue;
    // Two kinds of things may have one name, and one name may be in two regions: the ARN tells them apart.
    if (!placed) return true;
    const std::string_view kind = kind_of(asked->rest);
    const bool same_kind =
        kind.empty() || kind == "*" || kind_of(placed->rest).empty() || kind == kind_of(placed->rest);
    if (same_kind && agree(placed->region, asked->region) && agree(placed->account, asked->account)) return true;
  }
  return false;
}

// The same for what belongs to others: their ARNs place nothing.
bool is_related(const std::vector<std::string>& names, std::string_view region, std::string_view resource) {
  const std::optional<Arn> asked = read_arn(resource);
  if (!asked) return has(names, resource);
  const std::vector<std::string_view> short_names = names_of(*asked);
  return std::ranges::any_of(names, [&](const std::string& name) {
    const std::optional<Arn> planned = read_arn(name);
    if (!planned) return has(short_names, name) && agree(region, asked->region);
    return planned->service == asked->service && agree(planned->region, asked->region) &&
           agree(planned->account, asked->account) && same_rest(planned->rest, asked->rest);
  });
}

bool names_nothing(std::string_view resource) {
  const std::optional<Arn> arn = read_arn(resource);
  return !arn || names_of(*arn).empty();
}

bool is_learned(const std::set<std::string, std::less<>>& learned, std::string_view resource) {
  if (learned.contains(resource)) return true;
  const std::optional<Arn> arn = read_arn(resource);
  return arn && std::ranges::any_of(names_of(*arn), [&](std::string_view name) { return learned.contains(name); });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

// Whether an ARN's kind is what the type makes: "security-group/…" of aws_security_group, "db:…" of aws_db_instance.
bool is_kind_of(const TerraformType& type, std::string_view resource) {
  const std::optional<Arn> arn = read_arn(resource);
  if (!arn || arn->service != type.service) return false;
  std::string kind = lower(kind_of(arn->rest));
  std::erase(kind, '-');
  if (kind.empty() || kind == "*" || kind.starts_with("http")) return true;
  return std::ranges::any_of(type.nouns, [&](const std::string& noun) {
    return kind == noun || kind == noun + "s" || (kind.size() > 1 && (noun.starts_with(kind) || noun.ends_with(kind)));
  });
}

// Names that answers gave to what was made are of the kind that was made: an answer names other things, too.
bool is_learned_anywhere(const LearnedNames& learned, std::string_view resource) {
  return std::ranges::any_of(learned, [&](const auto& each) {
    if (!is_learned(each.second, resource)) return false;
    const std::optional<TerraformType> type = find_terraform_type(each.first);
    return !read_arn(resource) || (type && is_kind_of(*type, resource));
  });
}

// How an operation's name stands to a type: "CreateVpc" to aws_vpc.
enum class Kinship : std::uint8_t { none, below, same };

Kinship kinship(const TerraformType& type, std::string_view operation) {
  std::size_t start = 1;
  while (start < operation.size() && (operation[start] < 'A' || operation[start] > 'Z')) ++start;
  const std::string noun = lower(operation.substr(std::min(start, operation.size())));
  Kinship out = Kinship::none;
  for (const std::string& each : type.nouns) {
    if (noun == each || noun == each + "s" || noun == each + "es" ||
        (each.ends_with('y') && noun == each.substr(0, each.size() - 1) + "ies"))
      return Kinship::same;
    if (noun.starts_with(each)) out = Kinship::below;
  }
  return out;
}

// The texts at "ChangeBatch.Changes[].ResourceRecordSet.Name".
void collect(JsonValue value, std::string_view path, std::vector<std::string>& out) {
  if (path.empty()) {
    if (auto text = value.string())
      out.emplace_back(*text);
    else if (auto number = value.integer())
      out.push_back(std::to_string(*number));
    return;
  }
  const std::size_t dot = std::min(path.find('.'), path.size());
  std::string_view part = path.substr(0, dot);
  const std::string_view rest = path.substr(std::min(dot + 1, path.size()));
  const bool each = part.ends_with("[]");
  if (each) part.remove_suffix(2);
  const JsonValue member = value.is_object() ? value.member(part) : JsonValue();
  if (!member) return;
  if (!each) return collect(member, rest, out);
  for (JsonValue one = member.is_array() ? member.first() : JsonValue(); one; one = one.next()) collect(one, rest, out);
}

// An operation as a plan looks at it.
struct Asked {
  std::string_view service;    // "ec2"
  std::string_view operation;  // "RunInstances"
  JsonValue parameters;        // none where they are not all known
  const LearnedNames* learned;
};

// One change of a plan against an operation.
class Fit {
 public:
  Fit(const PlannedChange& change, const TerraformType& type, const Asked& asked, const Operation& operation)
      : change_(change),
        type_(type),
        asked_(asked),
        operation_(operation),
        kinship_(kinship(type, asked.operation)),
        may_create_(creates_by_name()) {
    anchored_ = touches([this](std::string_view thing) { return is_mine(thing); });
  }

  [[nodiscard]] bool announces(const Access& access) const {
    const std::string& thing = access.resource.name;
    if (access.effect == Effect::destroy) return deletes(thing) || weakens(thing);
    return changes(thing, access.effect) || creates(thing);
  }

  // It makes what this change creates.
  [[nodiscard]] bool is_creation() const { return may_create_; }
  // And nothing it touches is known to be that: how often it may is counted.
  [[nodiscard]] bool is_unnamed_creation() const {
    return may_create_ && !anchored_ &&
           !(type_.is_part() && touches([this](std::string_view thing) { return names(change_.after, thing); }));
  }
  // What this operation itself calls a new thing.
  [[nodiscard]] bool is_name_of_new(std::string_view thing) const {
    return may_create_ && (is_own(change_.after, thing) || is_generated(thing));
  }
  [[nodiscard]] bool is_generated(std::string_view thing) const {
    return may_create_ && change_.after.own.empty() && change_.after.own_unknown && looks_like_one(thing) &&
           !names(change_.after, thing);
  }

 private:
  template <class Condition>
  [[nodiscard]] bool touches(Condition condition) const {
    return std::ranges::any_of(operation_.accesses, [&](const Access& access) {
      return is_change(access.effect) && condition(access.resource.name);
    });
  }
  [[nodiscard]] bool listed(const std::vector<std::string>& operations) const {
    return has(operations, asked_.operation);
  }
  [[nodiscard]] static bool is_own(const PlannedNames& names, std::string_view thing) {
    return is_named(names.own, names.region, thing);
  }
  // Made under this plan, as one of the resources of this type whose names were not known before.
  [[nodiscard]] bool is_new(std::string_view thing) const {
    if (!change_.creates || !change_.after.own_unknown) return false;
    const auto mine = asked_.learned->find(change_.type);
    return mine != asked_.learned->end() && is_learned(mine->second, thing) && is_kind_of(type_, thing);
  }
  [[nodiscard]] bool is_mine(std::string_view thing) const {
    return is_own(change_.before, thing) || is_own(change_.after, thing) || is_new(thing) || is_in_something_new(thing);
  }
  // Of a name made of two the first was not known: it must have been made under this plan. A key in a new bucket.
  [[nodiscard]] bool is_in_something_new(std::string_view thing) const {
    const std::optional<Arn> arn = read_arn(thing);
    if (!arn || arn->service != type_.service || !change_.after.related_unknown) return false;
    return std::ranges::any_of(names_of(*arn), [&](std::string_view name) {
      const std::size_t slash = std::min(name.find('/'), name.size());
      return has(change_.after.own, std::string(kUnknownPart) + std::string(name.substr(slash))) &&
             std::ranges::any_of(*asked_.learned,
                                 [&](const auto& each) { return each.second.contains(name.substr(0, slash)); });
    });
  }
  // Another thing, which this resource names.
  [[nodiscard]] bool names(const PlannedNames& names, std::string_view thing) const {
    if (type_.is_part())
      return is_related(names.within, names.region, thing) ||
             (names.within_unknown && is_learned_anywhere(*asked_.learned, thing));
    return is_related(names.related, names.region, thing) ||
           (names.related_unknown && is_learned_anywhere(*asked_.learned, thing));
  }

  // Of another kind than this resource, which the same operation touches too: the role of a function.
  [[nodiscard]] bool is_beside_mine(std::string_view thing) const {
    const std::optional<Arn> other = read_arn(thing);
    return anchored_ && other && !touches([&](std::string_view each) {
             const std::optional<Arn> arn = read_arn(each);
             return arn && is_mine(each) && arn->service == other->service &&
                    kind_of(arn->rest) == kind_of(other->rest);
           });
  }

  // What the request says beside its ARNs names what the plan names. Of a part it must say something: two kinds of
  // parts may share a noun, as the policies of a role that are attached and those that are written into it.
  [[nodiscard]] bool right_parameters(const PlannedNames& names) const {
    if (type_.named.empty()) return true;
    if (!asked_.parameters) return false;
    const std::vector<std::string> given = named_in_request();
    if (given.empty() && type_.is_part()) return false;
    return std::ranges::all_of(given, [&](std::string_view name) {
      const bool dns = asked_.service == "route53" && name.ends_with('.');
      const std::string_view bare = dns ? name.substr(0, name.size() - 1) : name;
      return has(names.own, name) || has(names.related, name) || has(names.own, bare) || has(names.related, bare) ||
             ((names.own_unknown || names.related_unknown) && is_learned_anywhere(*asked_.learned, name));
    });
  }
  [[nodiscard]] std::vector<std::string> named_in_request() const {
    std::vector<std::string> out;
    for (const std::string& path : type_.named) collect(asked_.parameters, path, out);
    return out;
  }

  [[nodiscard]] bool deletes(const std::string& thing) const {
    if (!change_.deletes) return false;
    const bool is_listed = listed(type_.deletes);
    if (is_own(change_.before, thing)) return is_listed || kinship_ != Kinship::none;
    if (is_in_emptied_bucket(thing)) return true;
    if ((!is_listed && kinship_ != Kinship::same) || !right_parameters(change_.before)) return false;
    if (names(change_.before, thing)) return type_.is_part() || (is_listed && is_beside_mine(thing));
    return names_nothing(thing) && is_listed && !named_in_request().empty();
  }

  // A bucket is emptied before it is deleted, where the plan says so.
  [[nodiscard]] bool is_in_emptied_bucket(const std::string& thing) const {
    if (!change_.empties || change_.type != "aws_s3_bucket" || !asked_.operation.starts_with("DeleteObject"))
      return false;
    const std::size_t slash = thing.find('/');
    return slash != std::string::npos && is_own(change_.before, std::string_view(thing).substr(0, slash));
  }

  // It destroys something, and the plan says that what it destroys changes.
  [[nodiscard]] bool weakens(const std::string& thing) const {
    const auto found = std::ranges::find(type_.weakens, asked_.operation, &TerraformType::Weakening::operation);
    if (found == type_.weakens.end()) return false;
    const bool said = change_.creates || found->attributes.empty() ||
                      std::ranges::any_of(found->attributes, [&](const std::string& attribute) {
                        return has(change_.changed, attribute);
                      });
    if (!said) return false;
    if (!type_.is_part()) return is_mine(thing);
    return std::ranges::any_of(std::to_array({&change_.before, &change_.after}), [&](const PlannedNames* side) {
      return right_parameters(*side) && names(*side, thing);
    });
  }

  [[nodiscard]] bool changes(const std::string& thing, Effect effect) const {
    const bool is_listed = listed(type_.changes) || listed(type_.creates) || (change_.deletes && listed(type_.deletes));
    const bool akin = is_listed || kinship_ != Kinship::none;
    // Who may do what, and what code runs, is changed by the type's very own operations only.
    if (is_mine(thing) && effect != Effect::write) return is_listed || kinship_ == Kinship::same;
    if (is_own(change_.before, thing)) return true;
    // Nothing tells kinds of things of one name apart before they have an ARN, so the operation must be this type's.
    if (is_mine(thing)) return akin || asked_.operation.find("Tag") != std::string::npos;
    if (!akin || (type_.is_part() && !is_listed && kinship_ != Kinship::same)) return false;
    if (!type_.is_part() && !is_beside_mine(thing) && !(may_create_ && change_.after.own.empty())) return false;
    return std::ranges::any_of(std::to_array({&change_.before, &change_.after}), [&](const PlannedNames* side) {
      return names(*side, thing) && right_parameters(*side);
    });
  }

  [[nodiscard]] bool creates_by_name() const {
    if (!change_.creates || !makes_one()) return false;
    if (listed(type_.creates)) return true;
    return kinship_ == Kinship::same && std::ranges::any_of(kCreating, [&](std::string_view verb) {
             return asked_.operation.starts_with(verb) && asked_.operation.size() > verb.size() &&
                    asked_.operation[verb.size()] >= 'A' && asked_.operation[verb.size()] <= 'Z';
           });
  }

  // Of what it touches the new thing is not named, or by a name that was generated.
  [[nodiscard]] bool creates(const std::string& thing) const {
    if (!may_create_ || !right_parameters(change_.after)) return false;
    return is_generated(thing) || (names_nothing(thing) && says_right_name() && refers_to_the_same());
  }

  // Where the plan knows what it will be called, the request calls it so.
  [[nodiscard]] bool says_right_name() const {
    if (change_.after.own.empty()) return true;
    for (JsonValue each = asked_.parameters ? asked_.parameters.first() : JsonValue(); each; each = each.next()) {
      if (auto text = each.string(); text && has(change_.after.own, *text)) return true;
    }
    return false;
  }

  // What it refers to by ARN is what the plan refers to.
  [[nodiscard]] bool refers_to_the_same() const {
    const PlannedNames& names = change_.after;
    for (JsonValue each = asked_.parameters ? asked_.parameters.first() : JsonValue(); each; each = each.next()) {
      const std::string_view text = each.string().value_or("");
      if (!text.starts_with("arn:") || has(names.own, text) || has(names.related, text)) continue;
      if (!names.related_unknown || !is_learned_anywhere(*asked_.learned, text)) return false;
    }
    return true;
  }

  // A name of this kind of thing: "table/orders" of aws_dynamodb_table.
  [[nodiscard]] bool looks_like_one(std::string_view thing) const {
    const std::optional<Arn> arn = read_arn(thing);
    if (!arn || arn->service != type_.service || names_of(*arn).empty()) return false;
    std::string kind = lower(kind_of(arn->rest));
    std::erase(kind, '-');
    if (kind.empty())
      return change_.type == "aws_s3_bucket" || change_.type == "aws_sqs_queue" || change_.type == "aws_sns_topic";
    return std::ranges::any_of(type_.nouns, [&](const std::string& noun) { return noun == kind; });
  }

  // A call that makes several at once is not what Terraform does.
  [[nodiscard]] bool makes_one() const {
    for (std::string_view count : {"MaxCount", "InstanceCount"}) {
      const JsonValue given = asked_.parameters ? asked_.parameters.member(count) : JsonValue();
      if (given && given.integer().value_or(2) > 1) return false;
    }
    return true;
  }

  const PlannedChange& change_;
  const TerraformType& type_;
  const Asked& asked_;
  const Operation& operation_;
  Kinship kinship_;
  bool may_create_;
  bool anchored_ = false;  // what it touches is, or is among other things, this resource itself
};

// "aws:ec2:RunInstances" in its parts.
std::optional<std::pair<std::string_view, std::string_view>> read_action(std::string_view action) {
  constexpr std::string_view kAws = "aws:";
  if (!action.starts_with(kAws)) return std::nullopt;
  action.remove_prefix(kAws.size());
  const std::size_t colon = action.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  return std::pair(action.substr(0, colon), action.substr(colon + 1));
}

}  // namespace

PlanIndex::PlanIndex(std::vector<PlannedChange> changes) : changes_(std::move(changes)) {
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    auto [type, fresh] = types_.try_emplace(changes_[i].type);
    if (fresh) type->second = find_terraform_type(changes_[i].type);
    if (type->second) of_service_[type->second->service].push_back(i);
  }
}

std::size_t PlanIndex::creations_of(std::string_view type) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      changes_, [&](const PlannedChange& change) { return change.creates && change.type == type; }));
}

std::optional<Announced> PlanIndex::announced(const Operation& operation, const LearnedNames& learned) const {
  const auto action = read_action(operation.action);
  if (operation.protocol != "aws" || !action) return std::nullopt;
  auto input = JsonDocument::parse(operation.input.empty() ? "{}" : operation.input);
  if (!input) return std::nullopt;
  const Asked asked{action->first, action->second, input->root().member("parameters"), &learned};
  const auto here = of_service_.find(asked.service);
  if (here == of_service_.end()) return std::nullopt;
  std::vector<const Access*> touched;
  for (const Access& access : operation.accesses) {
    if (!is_change(access.effect)) continue;
    // What is done by another operation's right is announced by none.
    if (!access.action.empty() && access.action != operation.action) return std::nullopt;
    touched.push_back(&access);
  }
  if (touched.empty()) return std::nullopt;

  // Names that belong together (a role and its policy) must come from one change, so one that fits all comes first.
  for (std::size_t index : here->second) {
    const Fit fit(changes_[index], *types_.find(changes_[index].type)->second, asked, operation);
    if (!std::ranges::all_of(touched, [&](const Access* access) { return fit.announces(*access); })) continue;
    Announced out{.changes = {index}};
    if (fit.is_creation()) out.type = changes_[index].type;
    out.counted = fit.is_unnamed_creation();
    for (const Access* access : touched) {
      if (!fit.is_name_of_new(access->resource.name)) continue;
      out.names.push_back(access->resource.name);
      const std::optional<Arn> arn = read_arn(access->resource.name);
      for (std::string_view name : arn ? names_of(*arn) : std::vector<std::string_view>()) out.names.emplace_back(name);
    }
    return out;
  }
  Announced out;
  for (const Access* access : touched) {
    const auto found = std::ranges::find_if(here->second, [&](std::size_t index) {
      const TerraformType& type = *types_.find(changes_[index].type)->second;
      if (type.is_part() || !type.named.empty()) return false;
      const Fit fit(changes_[index], type, asked, operation);
      return !fit.is_creation() && fit.announces(*access);
    });
    if (found == here->second.end()) return std::nullopt;
    out.changes.push_back(*found);
  }
  std::ranges::sort(out.changes);
  out.changes.erase(std::ranges::unique(out.changes).begin(), out.changes.end());
  return out;
}

std::vector<std::string> names_in_answer(std::string_view answer, std::string_view request) {
  answer = answer.substr(0, kMostAnswer);
  auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.:/").contains(c);
  };
  std::vector<std::string> out;
  for (std::size_t at = 0; at < answer.size() && out.size() < kMostLearned;) {
    std::size_t end = at;
    while (end < answer.size() && is_part(answer[end])) ++end;
    const std::string_view word = answer.substr(at, end - at);
    at = std::max(end, at + 1);
    if (end < answer.size() && answer[end] == '=') continue;  // an attribute of XML
    const bool has_digit = std::ranges::any_of(word, [](char c) { return c >= '0' && c <= '9'; });
    if (!has_digit || word.size() < 5 || word.size() > kMostNameBytes || word.starts_with('/')) continue;
    if (request.find(word) == std::string_view::npos && !has(out, word)) out.emplace_back(word);
  }
  return out;
}

}  // namespace countersign::approvals
