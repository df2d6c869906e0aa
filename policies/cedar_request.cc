#include "policies/cedar_request.h"

#include <algorithm>
#include <utility>

#include "policies/input.h"

namespace countersign::policies {
namespace {

using cedar::Field;
using cedar::Text;
using cedar::Value;

// Attribute names, with their hashes, made once.
struct Keys {
  Text name{"name"}, owner{"owner"}, team{"team"}, delegates{"delegates"}, environment{"environment"}, tier{"tier"},
      labels{"labels"}, now{"now"}, effect{"effect"}, upstream{"upstream"}, protocol{"protocol"}, input{"input"},
      caller{"caller"}, token{"token"}, delegated{"delegated"}, approval{"approval"}, by{"by"}, level{"level"},
      rank{"rank"}, at{"at"}, session{"session"}, age{"age"}, changes{"changes"}, created{"created"},
      denials{"denials"}, denied{"denied"}, destroys{"destroys"}, holds{"holds"}, hour{"hour"}, listed{"listed"},
      minutes{"minutes"}, reads{"reads"}, recreates{"recreates"}, siblings_destroyed{"siblings_destroyed"},
      unprotected{"unprotected"};
};

const Keys& keys() {
  static const Keys names;
  return names;
}

Value attribute_value(const AgentAttribute& attribute) {
  if (const auto* text = std::get_if<std::string>(&attribute)) return Value::string(*text);
  if (const auto* number = std::get_if<std::int64_t>(&attribute)) return Value::integer(*number);
  return Value::boolean(std::get<bool>(attribute));
}

Value tag_value(Value by, Value level, Value rank, Value at) {
  std::vector<Field> fields;
  fields.reserve(4);
  fields.emplace_back(keys().at, std::move(at));
  fields.emplace_back(keys().by, std::move(by));
  fields.emplace_back(keys().level, std::move(level));
  fields.emplace_back(keys().rank, std::move(rank));
  return Value::record(std::move(fields));
}

// Explanations ask about copies of the accesses, which are found again by what they say.
std::size_t position_of(const Access& access, const std::vector<Access>& all) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (&all[i] == &access) return i;
  }
  const auto same = [&](const Access& each) {
    return each.resource.id == access.resource.id && each.effect == access.effect && each.action == access.action;
  };
  return static_cast<std::size_t>(std::ranges::find_if(all, same) - all.begin());
}

Value counts_value(const Session::Counts& counts) {
  const Keys& k = keys();
  std::vector<Field> fields;
  fields.reserve(5);
  fields.emplace_back(k.changes, Value::integer(counts.changes));
  fields.emplace_back(k.denials, Value::integer(counts.denials));
  fields.emplace_back(k.destroys, Value::integer(counts.destroys));
  fields.emplace_back(k.holds, Value::integer(counts.holds));
  fields.emplace_back(k.reads, Value::integer(counts.reads));
  return Value::record(std::move(fields));
}

}  // namespace

RequestMaker::RequestMaker(const Snapshot& snapshot, const Subject& subject, const Operation& operation,
                           std::span<const ApprovalFact> approvals, std::span<const std::string> supposed, TimeMs now,
                           Input input)
    : snapshot_(snapshot),
      subject_(subject),
      operation_(operation),
      approvals_(approvals),
      supposed_(supposed),
      now_(now),
      input_mode_(input),
      principal_uid_(vocabulary().agent, subject.agent),
      kind_(kind_of(operation.action)),
      upstream_uid_(vocabulary().upstream, operation.upstream) {
  for (const Access& access : operation.accesses) {
    const PolicySchema::Action* known = access.action.empty() ? kind_.schema : kind_of(access.action).schema;
    if (!known) problem_ = "the operation has no proper action";
    if (!snapshot.schema().is_resource_type(access.resource.type))
      problem_ = "the operation names a resource of no proper type";
    if (known && !known->effects.contains(access.effect)) problem_ = "the operation's action has no such effect";
  }
}

RequestMaker::Kind RequestMaker::kind_of(const std::string& action) const {
  cedar::EntityUid uid(vocabulary().action, action);
  const PolicySchema::Action* known = snapshot_.schema().find(operation_.protocol, uid);
  return {std::move(uid), known};
}

void RequestMaker::add(cedar::EntityOverlay& entities, cedar::Entity entity) {
  if (auto added = entities.add(std::move(entity)); !added) problem_ = added.error().message;
}

cedar::Entity RequestMaker::principal() const {
  std::vector<Value> delegates;
  for (const std::string& name : subject_.delegates) delegates.push_back(Value::string(name));
  Directory::Owner owner = snapshot_.directory().owner(subject_.owner);
  bool team = owner.kind == OwnerKind::team;
  cedar::EntityUid owner_uid(team ? vocabulary().team : vocabulary().user, owner.name);
  std::vector<Field> fields;
  fields.emplace_back(keys().delegates, Value::set(std::move(delegates)));
  fields.emplace_back(keys().name, Value::string(subject_.agent));
  fields.emplace_back(team ? keys().team : keys().owner, Value::entity(owner_uid));
  if (const Agent* agent = snapshot_.directory().find_agent(subject_.agent)) {
    for (const auto& [name, value] : agent->attributes) fields.emplace_back(Text(name), attribute_value(value));
  }
  return {principal_uid_, {std::move(owner_uid)}, Value::record(std::move(fields))};
}

cedar::Entity RequestMaker::approval() const {
  std::vector<Field> tags;
  for (const std::string& rule : supposed_) {
    tags.emplace_back(Text(rule),
                      tag_value(Value::unknown("context.approval.by", cedar::Presence::present, "User"),
                                Value::unknown("context.approval.level"), Value::unknown("context.approval.rank"),
                                Value::unknown("context.approval.at")));
  }
  for (const ApprovalFact& fact : approvals_) {
    std::optional<Level> level = level_from_name(fact.level);
    tags.emplace_back(Text(fact.rule),
                      tag_value(Value::entity(cedar::EntityUid(vocabulary().user, fact.by)), Value::string(fact.level),
                                Value::integer(level ? rank_of(*level) : 0), Value::datetime({fact.at})));
  }
  return {vocabulary().approval_uid, {}, Value::record({}), Value::record(std::move(tags))};
}

cedar::Entity RequestMaker::action(const Kind& kind, Effect effect) const {
  cedar::Entity entity{kind.uid, {}};
  entity.parents.push_back(vocabulary().effects[static_cast<std::size_t>(effect)]);
  if (const cedar::EntityUid* group = kind.group()) entity.parents.push_back(*group);
  if (is_change(effect)) entity.parents.push_back(vocabulary().change);
  entity.parents.emplace_back(vocabulary().action, operation_.protocol);
  return entity;
}

const Value& RequestMaker::input(const Access& access, const Kind& kind) {
  const std::string& text = operation_.input_of(access);
  const cedar::Type* type = kind.schema ? kind.schema->input.get() : nullptr;
  if (input_ && input_->type == type && input_->text == text) return input_->value;
  input_ = ReadInput{text, type, Value::unknown("context.input"), {}};
  if (input_mode_ == Input::unknown || !type) return input_->value;
  Result<TypedInput> read = input_value(text, *type);
  if (!read) problem_ = "the parameters cannot be read: " + read.error().message;
  if (read) {
    input_->value = std::move(read->value);
    input_->misfits = std::move(read->misfits);
  }
  return input_->value;
}

Value RequestMaker::session(const Access& access) const {
  if (!subject_.session) return Value::unknown("context.session");
  const Keys& k = keys();
  const Session& said = *subject_.session;
  const Session::Thing thing = said.of(position_of(access, operation_.accesses));
  std::vector<Field> fields;
  fields.reserve(9);
  fields.emplace_back(k.age, Value::integer(said.age));
  fields.emplace_back(k.created, Value::boolean(thing.created));
  fields.emplace_back(k.denied, Value::boolean(thing.denied));
  fields.emplace_back(k.hour, counts_value(said.hour));
  fields.emplace_back(k.listed, Value::boolean(thing.listed));
  fields.emplace_back(k.minutes, counts_value(said.minutes));
  fields.emplace_back(k.recreates, Value::boolean(thing.recreates));
  fields.emplace_back(k.siblings_destroyed, Value::integer(thing.siblings_destroyed));
  fields.emplace_back(k.unprotected, Value::boolean(thing.unprotected));
  return Value::record(std::move(fields));
}

Value RequestMaker::context(const Access& access, const Kind& kind) {
  const Effect effect = access.effect;
  const Keys& k = keys();
  std::vector<Field> caller;
  caller.emplace_back(k.delegated, Value::boolean(!subject_.delegates.empty()));
  caller.emplace_back(k.token, Value::string(subject_.token));
  std::vector<Field> fields;
  fields.reserve(9);
  fields.emplace_back(k.approval, Value::entity(vocabulary().approval_uid));
  fields.emplace_back(k.caller, Value::record(std::move(caller)));
  fields.emplace_back(k.effect, vocabulary().effect_names[static_cast<std::size_t>(effect)]);
  const Mentions read = snapshot_.mentioned_for(kind.uid, kind.group(), operation_.protocol, effect);
  shows_input_ = read.input;
  if (shows_input_) fields.emplace_back(k.input, input(access, kind));
  fields.emplace_back(k.now, Value::datetime({now_}));
  fields.emplace_back(k.protocol, Value::string(operation_.protocol));
  if (read.session) fields.emplace_back(k.session, session(access));
  fields.emplace_back(k.upstream, Value::string(operation_.upstream));
  return Value::record(std::move(fields));
}

RequestMaker::Made RequestMaker::make(const Access& access, const Labels& labels) {
  const Keys& k = keys();
  std::optional<Kind> own;
  const Kind& kind = access.action.empty() ? kind_ : own.emplace(kind_of(access.action));
  cedar::EntityUid resource(access.resource.type, access.resource.id);
  Made made{cedar::Request(principal_uid_, kind.uid, resource, context(access, kind)),
            cedar::EntityOverlay(snapshot_.entities())};
  add(made.entities, principal());
  add(made.entities, action(kind, access.effect));
  if (snapshot_.mentions_approval()) add(made.entities, approval());

  std::vector<Field> free;
  for (const auto& [name, value] : labels.free) free.emplace_back(Text(name), Value::string(value));
  std::vector<Field> fields;
  fields.reserve(5);
  fields.emplace_back(k.environment, Value::string(labels.environment));
  fields.emplace_back(k.labels, Value::record(std::move(free)));
  fields.emplace_back(k.name, Value::string(access.resource.name));
  fields.emplace_back(k.owner, Value::string(labels.owner));
  fields.emplace_back(k.tier, Value::integer(labels.tier));
  add(made.entities, {std::move(resource), {upstream_uid_}, Value::record(std::move(fields))});
  return made;
}

RequestMaker::Made RequestMaker::make_any(const Access& access) {
  std::optional<Kind> own;
  const Kind& kind = access.action.empty() ? kind_ : own.emplace(kind_of(access.action));
  Made made{
      cedar::Request(Value::entity(principal_uid_), kind.uid,
                     Value::unknown("resource", cedar::Presence::present, access.resource.type), context(access, kind)),
      cedar::EntityOverlay(snapshot_.entities())};
  add(made.entities, principal());
  add(made.entities, action(kind, access.effect));
  if (snapshot_.mentions_approval()) add(made.entities, approval());
  return made;
}

}  // namespace countersign::policies
