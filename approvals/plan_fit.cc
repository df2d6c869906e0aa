#include "approvals/plan_fit.h"

#include <algorithm>
#include <array>

#include "core/words.h"

namespace countersign::approvals {
namespace {

// Operations that make something new, by the first word of their name.
constexpr std::array kCreating =
    std::to_array<std::string_view>({"Create", "Run", "Allocate", "Put", "Register", "Request", "Add", "Import",
                                     "Publish", "Provision", "Launch", "Copy"});
// Attributes that hold tags.
constexpr std::array kTags = std::to_array<std::string_view>({"tags", "tags_all"});

template <class List>
bool has(const List& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

Kinship kinship(const TerraformType& type, std::string_view noun) {
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

bool is_named_as_making(std::string_view operation) {
  return std::ranges::any_of(kCreating, [&](std::string_view verb) {
    return operation.starts_with(verb) && operation.size() > verb.size() && operation[verb.size()] >= 'A' &&
           operation[verb.size()] <= 'Z';
  });
}

}  // namespace

std::string noun_of(std::string_view operation) {
  std::size_t start = 1;
  while (start < operation.size() && (operation[start] < 'A' || operation[start] > 'Z')) ++start;
  return lower(operation.substr(std::min(start, operation.size())));
}

bool looks_like_one(std::string_view type_name, const TerraformType& type, const Thing& thing) {
  if (!thing.arn || thing.arn->service != type.service || thing.names.empty()) return false;
  if (thing.plain_kind.empty())
    return type_name == "aws_s3_bucket" || type_name == "aws_sqs_queue" || type_name == "aws_sns_topic";
  return has(type.nouns, thing.plain_kind);
}

Asked::Asked(std::string_view asked_service, std::string_view asked_operation, JsonValue input,
             const LearnedNames& learned_names)
    : service(asked_service),
      operation(asked_operation),
      parameters(input.member("parameters")),
      learned(learned_names) {
  const JsonValue flags = input.member("flags");
  for (JsonValue each = flags.is_array() ? flags.first() : JsonValue(); each; each = each.next())
    relabels = relabels || each.string() == "relabels";
  if (!parameters) return;
  for (std::string_view count : {"MaxCount", "InstanceCount"}) {
    const JsonValue given = parameters.member(count);
    if (given && given.integer().value_or(2) > 1) makes_one = false;
  }
  for (JsonValue each = parameters.first(); each; each = each.next()) {
    const std::optional<std::string_view> text = each.string();
    if (!text) continue;
    texts.push_back(*text);
    if (text->starts_with("arn:")) arns.push_back(read_thing(*text));
  }
  std::ranges::sort(texts);
}

const AskedOfType& Asked::of(const std::string& name, const TerraformType& type) const {
  auto [found, is_fresh] = types_.try_emplace(name);
  AskedOfType& out = found->second;
  if (!is_fresh) return out;
  out.kinship = kinship(type, noun_of(operation));
  out.creates = has(type.creates, operation);
  out.changes = has(type.changes, operation);
  out.deletes = has(type.deletes, operation);
  out.makes = out.creates || (out.kinship == Kinship::same && is_named_as_making(operation));
  const auto weakening = std::ranges::find(type.weakens, operation, &TerraformType::Weakening::operation);
  if (weakening != type.weakens.end()) out.weakening = &*weakening;
  if (parameters) {
    for (const std::string& path : type.named) collect(parameters, path, out.given);
    sort_unique(out.given);
  }
  if (const auto made = learned.find(name); made != learned.end()) out.learned = &made->second;
  return out;
}

bool Asked::is_learned_anywhere(const Thing& thing) const {
  const auto [known, is_fresh] = known_.try_emplace(thing.text, false);
  if (!is_fresh) return known->second;
  work.add(learned.size());
  known->second = std::ranges::any_of(learned, [&](const auto& each) {
    if (!is_learned(each.second, thing)) return false;
    const std::optional<TerraformType> type = find_terraform_type(each.first);
    return !thing.arn || (type && is_kind_of(*type, thing));
  });
  return known->second;
}

bool Asked::is_learned_anywhere(std::string_view text) const {
  const auto known = known_.find(text);
  return known != known_.end() ? known->second : is_learned_anywhere(read_thing(text));
}

Fit::Fit(const PlannedChange& change, const TerraformType& type, const Asked& asked)
    : change_(change),
      type_(type),
      asked_(asked),
      of_type_(asked.of(change.type, type)),
      may_create_(change.creates && asked.makes_one && of_type_.makes) {}

bool Fit::announces(const Thing& thing) const {
  if (thing.effect == Effect::destroy) return deletes(thing) || weakens(thing);
  return changes(thing) || creates(thing);
}

bool Fit::is_unnamed_creation() const {
  if (!may_create_ || mine().any) return false;
  return !type_.is_part() ||
         !std::ranges::any_of(asked_.touched, [&](const Thing& thing) { return names(change_.after, thing); });
}

bool Fit::is_name_of_new(const Thing& thing) const {
  return may_create_ && (is_own(change_.after, thing) || is_generated(thing));
}

bool Fit::is_generated(const Thing& thing) const {
  return may_create_ && change_.after.own.empty() && change_.after.own_unknown &&
         looks_like_one(change_.type, type_, thing) && !names(change_.after, thing);
}

bool Fit::is_own(const PlannedNames& names, const Thing& thing) const {
  return is_named(names.own, names.region, thing, asked_.work);
}

// Made under this plan, as one of the resources of this type whose names were not known before.
bool Fit::is_new(const Thing& thing) const {
  if (!change_.creates || !change_.after.own_unknown || !of_type_.learned) return false;
  asked_.work.add();
  return is_learned(*of_type_.learned, thing) && is_kind_of(type_, thing);
}

bool Fit::is_mine(const Thing& thing) const {
  return is_own(change_.before, thing) || is_own(change_.after, thing) || is_new(thing) || is_in_something_new(thing);
}

// Of a name made of two the first was not known: it must have been made under this plan. A key in a new bucket.
bool Fit::is_in_something_new(const Thing& thing) const {
  if (!thing.arn || thing.arn->service != type_.service || !change_.after.related_unknown) return false;
  return std::ranges::any_of(thing.names, [&](std::string_view name) {
    const std::size_t slash = std::min(name.find('/'), name.size());
    asked_.work.add();
    if (!holds(change_.after.own, std::string(kUnknownPart) + std::string(name.substr(slash)))) return false;
    asked_.work.add(asked_.learned.size());
    return std::ranges::any_of(asked_.learned,
                               [&](const auto& each) { return each.second.contains(name.substr(0, slash)); });
  });
}

// Another thing, which this resource names.
bool Fit::names(const PlannedNames& names, const Thing& thing) const {
  if (type_.is_part())
    return is_related(names.within, names.region, thing, asked_.work) ||
           (names.within_unknown && asked_.is_learned_anywhere(thing));
  return is_related(names.related, names.region, thing, asked_.work) ||
         (names.related_unknown && asked_.is_learned_anywhere(thing));
}

const Fit::Mine& Fit::mine() const {
  if (mine_) return *mine_;
  mine_ = Mine();
  for (const Thing& thing : asked_.touched) {
    if (asked_.work.over()) break;
    if (!is_mine(thing)) continue;
    mine_->any = true;
    if (thing.arn) mine_->kinds.emplace(thing.arn->service, thing.kind);
  }
  return *mine_;
}

// Of another kind than this resource, which the same operation touches too: the role of a function.
bool Fit::is_beside_mine(const Thing& thing) const {
  return thing.arn && mine().any && !mine().kinds.contains(std::pair(thing.arn->service, thing.kind));
}

bool Fit::right_parameters(const PlannedNames& names) const {
  std::optional<bool>& known = &names == &change_.before ? right_before_ : right_after_;
  if (!known) known = find_right_parameters(names);
  return *known;
}

// What the request says beside its ARNs names what the plan names. Of a part it must say something: two kinds of
// parts may share a noun, as the policies of a role that are attached and those that are written into it.
bool Fit::find_right_parameters(const PlannedNames& names) const {
  if (type_.named.empty()) return true;
  if (!asked_.parameters || (of_type_.given.empty() && type_.is_part())) return false;
  return std::ranges::all_of(of_type_.given, [&](std::string_view name) {
    asked_.work.add();
    const bool dns = asked_.service == "route53" && name.ends_with('.');
    const std::string_view bare = dns ? name.substr(0, name.size() - 1) : name;
    return holds(names.own, name) || holds(names.related, name) || holds(names.own, bare) ||
           holds(names.related, bare) ||
           ((names.own_unknown || names.related_unknown) && asked_.is_learned_anywhere(name));
  });
}

bool Fit::deletes(const Thing& thing) const {
  if (!change_.deletes) return false;
  if (is_own(change_.before, thing)) return of_type_.deletes || of_type_.kinship != Kinship::none;
  if (is_in_emptied_bucket(thing)) return true;
  if ((!of_type_.deletes && of_type_.kinship != Kinship::same) || !right_parameters(change_.before)) return false;
  if (names(change_.before, thing)) return type_.is_part() || (of_type_.deletes && is_beside_mine(thing));
  return thing.names_nothing() && of_type_.deletes && !of_type_.given.empty();
}

// A bucket is emptied before it is deleted, where the plan says so.
bool Fit::is_in_emptied_bucket(const Thing& thing) const {
  if (!change_.empties || change_.type != "aws_s3_bucket" || !asked_.operation.starts_with("DeleteObject"))
    return false;
  const std::size_t slash = thing.text.find('/');
  return slash != std::string_view::npos && is_own(change_.before, read_thing(thing.text.substr(0, slash)));
}

// It destroys something, and the plan says that what it destroys changes.
bool Fit::weakens(const Thing& thing) const {
  if (!of_type_.weakening) return false;
  const std::vector<std::string>& attributes = of_type_.weakening->attributes;
  const bool said =
      change_.creates || attributes.empty() ||
      std::ranges::any_of(attributes, [&](const std::string& each) { return has(change_.changed, each); });
  if (!said) return false;
  if (!type_.is_part()) return is_mine(thing);
  return std::ranges::any_of(std::to_array({&change_.before, &change_.after}),
                             [&](const PlannedNames* side) { return right_parameters(*side) && names(*side, thing); });
}

// The plan gives this thing its tags: it is new, or its tags are among what changes.
bool Fit::announces_tags(const Thing& thing) const {
  const bool says_tags =
      change_.updates && std::ranges::any_of(kTags, [&](std::string_view each) { return has(change_.changed, each); });
  if (says_tags) return is_mine(thing);
  return change_.creates && (is_own(change_.after, thing) || is_new(thing) || is_in_something_new(thing));
}

bool Fit::changes(const Thing& thing) const {
  const bool is_listed = of_type_.changes || of_type_.creates || (change_.deletes && of_type_.deletes);
  const bool akin = is_listed || of_type_.kinship != Kinship::none;
  const bool mine = is_mine(thing);
  // Whoever says what a thing is, says who may do what with it: just where the plan says so of its tags.
  if (mine && asked_.relabels && thing.effect == Effect::administer) return announces_tags(thing);
  // Who may do what, and what code runs, is changed by the type's very own operations only.
  if (mine && thing.effect != Effect::write) return is_listed || of_type_.kinship == Kinship::same;
  if (is_own(change_.before, thing)) return true;
  // Nothing tells kinds of things of one name apart before they have an ARN, so the operation must be this type's.
  if (mine) return akin || asked_.operation.find("Tag") != std::string_view::npos;
  if (!akin || (type_.is_part() && !is_listed && of_type_.kinship != Kinship::same)) return false;
  if (!type_.is_part() && !is_beside_mine(thing) && !(may_create_ && change_.after.own.empty())) return false;
  return std::ranges::any_of(std::to_array({&change_.before, &change_.after}),
                             [&](const PlannedNames* side) { return names(*side, thing) && right_parameters(*side); });
}

// Of what it touches the new thing is not named, or by a name that was generated.
bool Fit::creates(const Thing& thing) const {
  if (!may_create_ || !right_parameters(change_.after)) return false;
  return is_generated(thing) || (thing.names_nothing() && says_right_name() && refers_to_the_same());
}

// Where the plan knows what it will be called, the request calls it so.
bool Fit::says_right_name() const {
  if (!right_name_) {
    asked_.work.add(change_.after.own.size());
    right_name_ = change_.after.own.empty() || std::ranges::any_of(change_.after.own, [&](std::string_view name) {
                    return std::ranges::binary_search(asked_.texts, name);
                  });
  }
  return *right_name_;
}

// What it refers to by ARN is what the plan refers to.
bool Fit::refers_to_the_same() const {
  const PlannedNames& names = change_.after;
  if (!same_referred_) {
    asked_.work.add(asked_.arns.size());
    same_referred_ = std::ranges::all_of(asked_.arns, [&](const Thing& each) {
      return holds(names.own, each.text) || holds(names.related, each.text) ||
             (names.related_unknown && asked_.is_learned_anywhere(each));
    });
  }
  return *same_referred_;
}

}  // namespace countersign::approvals
