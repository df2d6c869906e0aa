#include "proxy/adapters/terraform_state.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/json_reader.h"

namespace countersign::adapters {
namespace {

constexpr std::int64_t kFormat = 4;
constexpr JsonReadLimits kLimits{.bytes = kMaxStateBytes, .depth = 128, .values = 1'000'000};

std::unexpected<Error> bad_state(std::string why) {
  return fail(ErrorKind::malformed, "terraform.bad_state", "the state cannot be read: " + std::move(why));
}

// Whether every member is spelt as Terraform spells its own, so that none can be taken for another one.
bool is_plainly_spelt(JsonValue object) {
  for (JsonValue member = object.first(); member; member = member.next()) {
    const bool plain = std::ranges::all_of(
        member.key(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
    if (!plain) return false;
  }
  return true;
}

bool is_absent(JsonValue value) {
  return !value || value.kind() == JsonKind::null;
}

// A text that may be left out; nullopt when it is something else.
std::optional<std::string_view> text_or_none(JsonValue value) {
  return is_absent(value) ? std::string_view() : value.string();
}

std::string id_of(JsonValue instance) {
  for (std::string_view where : {"attributes", "attributes_flat"}) {
    const JsonValue id = instance.member(where).member("id");
    if (!is_absent(id)) return id.canonical();
  }
  return {};
}

Status read_instances(JsonValue resource, const StateInstance& common, std::vector<StateInstance>& out) {
  const JsonValue instances = resource.member("instances");
  if (is_absent(instances)) return {};
  if (!instances.is_array()) return bad_state("the instances of a resource are no list");
  for (JsonValue each = instances.first(); each; each = each.next()) {
    if (!each.is_object() || !is_plainly_spelt(each)) return bad_state("an instance has a member that is not plain");
    const JsonValue index = each.member("index_key");
    const std::optional<std::string_view> deposed = text_or_none(each.member("deposed"));
    const bool indexed = !is_absent(index);
    if (!deposed || (indexed && !index.is_string() && !index.number()))
      return bad_state("an instance has a key that is neither a number nor a text");
    StateInstance instance = common;
    if (indexed) instance.key += "[" + index.canonical() + "]";
    if (!deposed->empty()) instance.key += " deposed " + std::string(*deposed);
    instance.id = id_of(each);
    out.push_back(std::move(instance));
  }
  return {};
}

Status read_resource(JsonValue resource, std::vector<StateInstance>& out) {
  if (!resource.is_object() || !is_plainly_spelt(resource))
    return bad_state("a resource has a member that is not plain");
  const std::optional<std::string_view> mode = resource.member("mode").string();
  const std::optional<std::string_view> type = resource.member("type").string();
  const std::optional<std::string_view> name = resource.member("name").string();
  const std::optional<std::string_view> module = text_or_none(resource.member("module"));
  if (!mode || !type || !name || !module || type->empty() || name->empty())
    return bad_state("a resource has no mode, type or name");
  if (*mode == "data") return {};
  if (*mode != "managed") return bad_state("a resource is neither managed nor data");
  StateInstance common;
  if (!module->empty()) common.resource = std::string(*module) + ".";
  common.resource += std::string(*type) + "." + std::string(*name);
  common.key = common.resource;
  common.type = *type;
  return read_instances(resource, common, out);
}

bool by_key(const StateInstance& a, const StateInstance& b) {
  return a.key < b.key;
}

const StateInstance* find(const TerraformState& state, const StateInstance& wanted) {
  auto found = std::ranges::lower_bound(state.instances, wanted, by_key);
  return found != state.instances.end() && found->key == wanted.key ? &*found : nullptr;
}

// How many instances with this type and id there are that stand at an address of their own.
using Arrivals = std::map<std::pair<std::string_view, std::string_view>, std::int64_t>;

void lose(const StateInstance& instance, StateChange& change, std::set<std::string>& resources,
          std::set<std::string>& types) {
  ++change.lost;
  resources.insert(instance.resource);
  types.insert(instance.type);
}

std::vector<std::string> first_of(const std::set<std::string>& all, std::int64_t& unnamed) {
  std::vector<std::string> out;
  for (const std::string& each : all) {
    if (out.size() < kMostLost) out.push_back(each);
  }
  unnamed += static_cast<std::int64_t>(all.size() - out.size());
  return out;
}

// What of `present` is no longer in `next`.
void compare_instances(const TerraformState& present, const TerraformState& next, StateChange& change) {
  Arrivals arrivals;
  for (const StateInstance& each : next.instances) {
    const StateInstance* before = find(present, each);
    if (before && (before->id == each.id || before->id.empty())) continue;
    ++change.added;
    if (!each.id.empty()) ++arrivals[{each.type, each.id}];
  }
  std::set<std::string> resources;
  std::set<std::string> types;
  bool replaced = false;
  for (const StateInstance& each : present.instances) {
    const StateInstance* after = find(next, each);
    if (after && (after->id == each.id || each.id.empty())) continue;
    auto arrived = arrivals.find({each.type, each.id});
    if (!each.id.empty() && arrived != arrivals.end() && arrived->second > 0) {
      --arrived->second;  // moved
      --change.added;
      continue;
    }
    replaced = replaced || after != nullptr;
    lose(each, change, resources, types);
  }
  change.lost_resources = first_of(resources, change.unnamed);
  change.lost_types = first_of(types, change.unnamed);
  if (change.lost > 0) change.flags.emplace_back("resources_lost");
  if (replaced) change.flags.emplace_back("resources_replaced");
}

}  // namespace

Result<TerraformState> read_terraform_state(std::string_view text) {
  Result<JsonDocument> document = JsonDocument::parse(text, kLimits);
  if (!document) return bad_state(document.error().message);
  const JsonValue root = document->root();
  if (!root.is_object() || !is_plainly_spelt(root)) return bad_state("it is no object of plain members");
  if (root.member("version").integer() != kFormat) return bad_state("it is not of format version 4");
  const std::optional<std::int64_t> serial = root.member("serial").integer();
  const std::optional<std::string_view> lineage = root.member("lineage").string();
  if (!serial || *serial < 0 || !lineage || lineage->empty()) return bad_state("it has no serial or no lineage");
  TerraformState out{*serial, std::string(*lineage), {}};
  const JsonValue resources = root.member("resources");
  if (!is_absent(resources) && !resources.is_array()) return bad_state("its resources are no list");
  for (JsonValue each = is_absent(resources) ? JsonValue() : resources.first(); each; each = each.next()) {
    if (Status read = read_resource(each, out.instances); !read) return fail(read.error());
  }
  std::ranges::sort(out.instances, by_key);
  if (std::ranges::adjacent_find(out.instances, {}, &StateInstance::key) != out.instances.end())
    return bad_state("it has an instance twice");
  return out;
}

bool StateChange::has(std::string_view flag) const {
  return std::ranges::find(flags, flag) != flags.end();
}

StateChange compare_states(const FoundState& present, const FoundState& next) {
  using Kind = FoundState::Kind;
  StateChange out;
  if (next.kind == Kind::readable) {
    out.serial = next.state.serial;
    out.resources = static_cast<std::int64_t>(next.state.instances.size());
  }
  if (present.kind == Kind::readable) out.previous_serial = present.state.serial;
  if (present.kind == Kind::absent) {
    out.previous_serial = 0;
    out.flags.emplace_back("created");
  }
  if (present.kind == Kind::unreadable || next.kind != Kind::readable) {
    out.flags.emplace_back("opaque");
    return out;
  }
  if (present.kind == Kind::absent) {
    out.added = *out.resources;
    return out;
  }
  if (next.state.lineage != present.state.lineage) out.flags.emplace_back("lineage_changed");
  compare_instances(present.state, next.state, out);
  // The same bytes once more are a client's second try.
  const bool repeated = next.sha256 == present.sha256;
  if (next.state.serial <= present.state.serial && !repeated) out.flags.emplace_back("serial_regression");
  return out;
}

StateChange compare_with_nothing(const FoundState& present) {
  StateChange out;
  out.resources = 0;
  if (present.kind == FoundState::Kind::unreadable) out.flags.emplace_back("opaque");
  if (present.kind == FoundState::Kind::absent) out.previous_serial = 0;
  if (present.kind != FoundState::Kind::readable) return out;
  out.previous_serial = present.state.serial;
  compare_instances(present.state, {}, out);
  return out;
}

Effect effect_of(const StateChange& change, StateLock lock) {
  for (std::string_view flag : {"opaque", "serial_regression", "lineage_changed"}) {
    if (change.has(flag)) return Effect::destroy;
  }
  return change.has("resources_lost") && lock == StateLock::none ? Effect::destroy : Effect::write;
}

}  // namespace countersign::adapters
