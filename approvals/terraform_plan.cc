#include "approvals/terraform_plan.h"

#include <algorithm>
#include <array>
#include <map>

#include "approvals/terraform_types.h"
#include "core/json_reader.h"
#include "core/json_writer.h"
#include "core/sha256.h"
#include "core/words.h"

namespace countersign::approvals {
namespace {

constexpr int kMostNesting = 4;  // blocks in blocks that are looked into for names
constexpr std::size_t kMostChangedAttributes = 64;

// Attributes that name other things though their names do not end in one of kNaming.
constexpr std::array kReferences = std::to_array<std::string_view>(
    {"ami",      "arn",   "bucket",          "cluster", "domain",       "event_bus",  "family",   "fqdn",
     "function", "group", "groups",          "id",      "identifier",   "image",      "instance", "instances",
     "key",      "name",  "policy",          "queue",   "queue_url",    "repository", "resource", "role",
     "roles",    "rule",  "security_groups", "service", "statement_id", "stream",     "subnets",  "table",
     "topic",    "user",  "users",           "uuid",    "vpc",          "zone"});
constexpr std::array kNaming =
    std::to_array<std::string_view>({"_id", "_ids", "_arn", "_arns", "_name", "_names", "_identifier", "_role",
                                     "_group", "_groups", "cidr_block", "cidr_blocks", "_number"});

std::unexpected<Error> malformed(std::string why) {
  return fail(ErrorKind::malformed, "plan.malformed", std::move(why));
}

bool names_something(std::string_view attribute) {
  return std::ranges::find(kReferences, attribute) != kReferences.end() ||
         std::ranges::any_of(kNaming, [&](std::string_view end) { return attribute.ends_with(end); });
}

// A value that can be a name: short, and without what no name of AWS has.
bool is_name(std::string_view value) {
  return !value.empty() && value.size() <= kMostNameBytes && value != "*" &&
         std::ranges::all_of(value, [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7F; });
}

// `true`, or a part of a mask that says so of something below: then nothing of it is taken.
bool is_masked(JsonValue mask) {
  if (!mask) return false;
  if (auto flag = mask.boolean()) return *flag;
  return false;
}

class NameReader {
 public:
  NameReader(const TerraformType* type, JsonValue values, JsonValue sensitive, JsonValue unknown)
      : type_(type), values_(values), sensitive_(sensitive), unknown_(unknown) {}

  PlannedNames read() {
    if (!values_.is_object() || is_masked(sensitive_)) return {};
    if (type_) own();
    related(values_, sensitive_, 0);
    if (auto region = attribute("region")) names_.region = *region;
    if (unknown_.is_object()) look_for_unknown();
    cut(names_.own);
    cut(names_.related);
    cut(names_.within);
    return std::move(names_);
  }

 private:
  static void cut(std::vector<std::string>& names) {
    sort_unique(names);
    if (names.size() > kMostNamesOfChange) names.resize(kMostNamesOfChange);
  }

  [[nodiscard]] std::optional<std::string> attribute(std::string_view name) const {
    if (is_masked(sensitive_.is_object() ? sensitive_.member(name) : JsonValue())) return std::nullopt;
    auto text = values_.member(name).string();
    if (!text || !is_name(*text)) return std::nullopt;
    return std::string(*text);
  }

  // "{cluster}/{name}": each value, of an ARN its last part.
  [[nodiscard]] std::optional<std::string> composed(std::string_view pattern) const {
    std::string out;
    while (!pattern.empty()) {
      const std::size_t open = pattern.find('{');
      const std::size_t close = pattern.find('}');
      if (open == std::string_view::npos || close == std::string_view::npos) return out + std::string(pattern);
      out += pattern.substr(0, open);
      const std::string_view name = pattern.substr(open + 1, close - open - 1);
      auto value = attribute(name);
      if (!value && out.empty() && unknown_.is_object() && is_masked(unknown_.member(name))) value = kUnknownPart;
      if (!value) return std::nullopt;
      out += value->starts_with("arn:") ? value->substr(value->rfind('/') + 1) : *value;
      pattern.remove_prefix(close + 1);
    }
    return out;
  }

  // Whether another attribute has the same value: then it is that other thing's name.
  [[nodiscard]] bool is_shared(std::string_view name, std::string_view value) const {
    for (JsonValue member = values_.first(); member; member = member.next()) {
      const std::string_view key = member.key();
      if (key == name || key == "id" || key == "arn" || key == "name" || !names_something(key)) continue;
      if (auto text = member.string(); text && *text == value) return true;
    }
    return false;
  }

  void own() {
    std::vector<std::string>& to = type_->is_part() ? names_.related : names_.own;
    auto arn = attribute("arn");
    if (arn && (type_->reviewed || !is_shared("arn", *arn))) to.push_back(*arn);
    for (const std::string& each : type_->own) {
      auto value = each.find('{') == std::string::npos ? attribute(each) : composed(each);
      if (value) to.push_back(*value);
    }
    for (const std::string& each : type_->within) {
      if (auto value = attribute(each)) names_.within.push_back(*value);
    }
    if (type_->reviewed) return;
    for (std::string_view each : {"id", "name"}) {
      if (auto value = attribute(each); value && !is_shared(each, *value)) to.push_back(*value);
    }
  }

  void related(JsonValue values, JsonValue sensitive, int depth) {
    for (JsonValue member = values.first(); member; member = member.next()) {
      const JsonValue mask = sensitive.is_object() ? sensitive.member(member.key()) : JsonValue();
      if (is_masked(mask)) continue;
      if (names_something(member.key())) take(member, mask);
      if (member.is_array() && depth < kMostNesting) {
        JsonValue element_mask = mask.is_array() ? mask.first() : JsonValue();
        for (JsonValue each = member.first(); each; each = each.next()) {
          if (each.is_object() && !is_masked(element_mask)) related(each, element_mask, depth + 1);
          if (element_mask) element_mask = element_mask.next();
        }
      }
    }
  }

  // A string, or a list of them.
  void take(JsonValue value, JsonValue mask) {
    auto add = [&](JsonValue one) {
      std::string text(one.string().value_or(""));
      if (auto number = one.integer()) text = std::to_string(*number);
      if (is_name(text) && names_.related.size() < 4 * kMostNamesOfChange) names_.related.push_back(std::move(text));
    };
    add(value);
    if (!value.is_array()) return;
    JsonValue element_mask = mask.is_array() ? mask.first() : JsonValue();
    for (JsonValue each = value.first(); each; each = each.next()) {
      if (!is_masked(element_mask)) add(each);
      if (element_mask) element_mask = element_mask.next();
    }
  }

  void look_for_unknown() {
    for (JsonValue member = unknown_.first(); member; member = member.next()) {
      const bool is_own = member.key() == "id" || member.key() == "arn" || (type_ && names_own(member.key()));
      const bool wholly = is_masked(member);
      if (is_own && wholly) names_.own_unknown = true;
      // Anything of it: a list of ids, a block with one.
      if (!is_own || (type_ && type_->is_part())) names_.related_unknown |= wholly || has_true(member, 0);
      if (wholly && type_ && std::ranges::find(type_->within, member.key()) != type_->within.end())
        names_.within_unknown = true;
    }
  }

  [[nodiscard]] bool names_own(std::string_view attribute) const {
    return std::ranges::any_of(type_->own, [&](const std::string& each) {
      return each == attribute || each.find("{" + std::string(attribute) + "}") != std::string::npos;
    });
  }

  static bool has_true(JsonValue value, int depth) {
    if (is_masked(value)) return true;
    if (depth > kMostNesting || !(value.is_array() || value.is_object())) return false;
    for (JsonValue each = value.first(); each; each = each.next()) {
      if (has_true(each, depth + 1)) return true;
    }
    return false;
  }

  const TerraformType* type_;
  JsonValue values_, sensitive_, unknown_;
  PlannedNames names_;
};

// Names of the attributes that differ, or that will be known after the apply only.
std::vector<std::string> changed_attributes(JsonValue change) {
  std::vector<std::string> out;
  const JsonValue before = change.member("before");
  const JsonValue after = change.member("after");
  auto note = [&](std::string_view name) {
    if (out.size() < kMostChangedAttributes && is_name(name)) out.emplace_back(name);
  };
  for (JsonValue member = after.is_object() ? after.first() : JsonValue(); member; member = member.next()) {
    const JsonValue was = before.is_object() ? before.member(member.key()) : JsonValue();
    if (!was || was.canonical() != member.canonical()) note(member.key());
  }
  const JsonValue unknown = change.member("after_unknown");
  for (JsonValue member = unknown.is_object() ? unknown.first() : JsonValue(); member; member = member.next()) {
    if (is_masked(member)) note(member.key());
  }
  sort_unique(out);
  return out;
}

Result<PlannedChange> read_change(JsonValue resource, std::string_view type_name, const TerraformType* type) {
  PlannedChange out;
  out.type = type_name;
  auto address = resource.member("address").string();
  if (!address || address->empty() || address->size() > kMostAddressBytes)
    return malformed("a resource change has no `address`, or one over 1,024 bytes");
  out.address = *address;
  out.deposed = std::string(resource.member("deposed").string().value_or("")).substr(0, 64);
  out.reason = std::string(resource.member("action_reason").string().value_or("")).substr(0, 128);
  const JsonValue change = resource.member("change");
  const JsonValue actions = change.is_object() ? change.member("actions") : JsonValue();
  if (!actions.is_array() || actions.size() == 0 || actions.size() > 2)
    return malformed("the change of " + out.address + " has no `actions`");
  for (JsonValue each = actions.first(); each; each = each.next()) {
    const std::string_view word = each.string().value_or("");
    out.creates |= word == "create";
    out.updates |= word == "update";
    out.deletes |= word == "delete";
    // What is forgotten or read is not touched.
    if (word != "create" && word != "update" && word != "delete" && word != "no-op" && word != "read" &&
        word != "forget") {
      return malformed("the change of " + out.address + " has an action that is none of Terraform's");
    }
  }
  const JsonValue before = change.member("before");
  out.before = NameReader(type, before, change.member("before_sensitive"), {}).read();
  if (!out.deletes || out.creates)
    out.after =
        NameReader(type, change.member("after"), change.member("after_sensitive"), change.member("after_unknown"))
            .read();
  if (!before.is_object()) out.before = {};
  out.empties = before.is_object() && before.member("force_destroy").boolean().value_or(false);
  if (out.updates) out.changed = changed_attributes(change);
  return out;
}

// The region of every provider of AWS in the plan, where there is one and it is written down; else empty.
std::string region_of(JsonValue root) {
  const JsonValue providers =
      root.member("configuration").is_object() ? root.member("configuration").member("provider_config") : JsonValue();
  std::string out;
  for (JsonValue each = providers.is_object() ? providers.first() : JsonValue(); each; each = each.next()) {
    if (!each.is_object() || !each.member("full_name").string().value_or("").ends_with("/hashicorp/aws")) continue;
    const auto region = each.at("/expressions/region/constant_value").string();
    if (!region || !is_name(*region) || (!out.empty() && out != *region)) return "";
    out = *region;
  }
  return out;
}

// A side without an ARN, which would say where it is.
void place(PlannedNames& names, const std::string& region) {
  const bool placed = std::ranges::any_of(names.own, [](const std::string& name) { return name.starts_with("arn:"); });
  if (names.region.empty() && !placed) names.region = region;
}

}  // namespace

PlanCounts TerraformPlan::counts() const {
  PlanCounts out;
  for (const PlannedChange& change : changes) {
    out.add += change.creates;
    out.change += change.updates;
    out.destroy += change.deletes;
    out.replace += change.creates && change.deletes;
  }
  return out;
}

std::string_view action_word(const PlannedChange& change) {
  if (change.creates && change.deletes) return "replace";
  return change.deletes ? "delete" : change.updates ? "update" : "create";
}

Result<TerraformPlan> parse_terraform_plan(std::string_view text) {
  if (text.size() > kMostPlanBytes) return fail(ErrorKind::too_large, "plan.too_large", "a plan has at most 16 MiB");
  auto document =
      JsonDocument::parse(text, {.bytes = kMostPlanBytes, .depth = kMostPlanDepth, .values = kMostPlanValues});
  if (!document) {
    const Error& why = document.error();
    if (why.kind == ErrorKind::too_large) return fail(ErrorKind::too_large, "plan.too_large", why.message);
    return malformed("the plan is not JSON as `terraform show -json` writes it: " + why.message);
  }
  const JsonValue root = document->root();
  if (!root.is_object()) return malformed("a plan is a JSON object, as `terraform show -json p.bin` writes it");
  const std::string_view version = root.member("format_version").string().value_or("");
  if (version.empty()) return malformed("a plan has a `format_version`: `terraform show -json p.bin` writes it");
  if (version != "1" && !version.starts_with("1."))
    return fail(ErrorKind::unsupported, "plan.format", "only plans of format_version 1 are understood");
  if (root.member("errored").boolean().value_or(false))
    return fail(ErrorKind::invalid, "plan.errored", "Terraform could not finish this plan, so it announces nothing");

  TerraformPlan out;
  out.sha256 = to_hex(sha256(text));
  out.terraform_version = std::string(root.member("terraform_version").string().value_or("")).substr(0, 64);
  const JsonValue changes = root.member("resource_changes");
  if (changes && !changes.is_array()) return malformed("`resource_changes` is a list");
  if (!changes && !root.member("planned_values").is_object())
    return malformed("this is no plan: a state has no planned values");
  const std::string region = region_of(root);
  std::map<std::string, std::optional<TerraformType>, std::less<>> types;
  for (JsonValue each = changes ? changes.first() : JsonValue(); each; each = each.next()) {
    if (!each.is_object()) return malformed("a resource change is an object");
    const std::string_view mode = each.member("mode").string().value_or("");
    if (mode == "data") continue;
    const std::string_view type = each.member("type").string().value_or("");
    if (mode != "managed" || !is_name(type) || type.size() > 128)
      return malformed("a resource change has no `mode` and `type` of Terraform's");
    auto known = types.find(type);
    if (known == types.end()) known = types.emplace(std::string(type), find_terraform_type(type)).first;
    auto change = read_change(each, type, known->second ? &*known->second : nullptr);
    if (!change) return fail(change.error());
    if (!change->creates && !change->updates && !change->deletes) continue;
    if (out.changes.size() == kMostPlannedChanges)
      return fail(ErrorKind::too_large, "plan.too_many", "a plan changes at most 10,000 resources");
    place(change->before, region);
    place(change->after, region);
    out.changes.push_back(std::move(*change));
  }
  return out;
}

namespace {

void write_names(JsonWriter& w, std::string_view key, const PlannedNames& names) {
  w.key(key).begin_object().strings("own", names.own).member("own_unknown", names.own_unknown);
  w.member_if("region", names.region).strings("related", names.related);
  w.member("related_unknown", names.related_unknown).strings("within", names.within);
  w.member("within_unknown", names.within_unknown).end_object();
}

std::vector<std::string> strings_in(JsonValue list) {
  std::vector<std::string> out;
  for (JsonValue each = list.is_array() ? list.first() : JsonValue(); each; each = each.next())
    out.emplace_back(each.string().value_or(""));
  return out;
}

PlannedNames names_in(JsonValue value) {
  return {.own = strings_in(value.member("own")),
          .related = strings_in(value.member("related")),
          .within = strings_in(value.member("within")),
          .region = std::string(value.member("region").string().value_or("")),
          .own_unknown = value.member("own_unknown").boolean().value_or(false),
          .within_unknown = value.member("within_unknown").boolean().value_or(false),
          .related_unknown = value.member("related_unknown").boolean().value_or(false)};
}

}  // namespace

std::string changes_text(const std::vector<PlannedChange>& changes) {
  std::string out;
  JsonWriter w(out);
  w.begin_array();
  for (const PlannedChange& change : changes) {
    w.begin_object().member("address", change.address);
    write_names(w, "after", change.after);
    write_names(w, "before", change.before);
    w.strings("changed", change.changed).member("creates", change.creates).member("deletes", change.deletes);
    w.member_if("deposed", change.deposed).member("empties", change.empties).member_if("reason", change.reason);
    w.member("type", change.type).member("updates", change.updates).end_object();
  }
  w.end_array();
  return out;
}

Result<std::vector<PlannedChange>> changes_from_text(std::string_view text) {
  auto damaged = [] { return fail(ErrorKind::internal, "plan.stored", "a stored plan cannot be read"); };
  constexpr std::size_t kMost = 256U << 20;
  auto document = JsonDocument::parse(text, {.bytes = kMost, .depth = 8, .values = 4 * kMostPlanValues});
  if (!document || !document->root().is_array()) return damaged();
  std::vector<PlannedChange> out;
  for (JsonValue each = document->root().first(); each; each = each.next()) {
    if (!each.is_object() || !each.member("before").is_object() || !each.member("after").is_object()) return damaged();
    auto word = [&](std::string_view key) { return std::string(each.member(key).string().value_or("")); };
    auto flag = [&](std::string_view key) { return each.member(key).boolean().value_or(false); };
    PlannedChange change{.address = word("address"),
                         .type = word("type"),
                         .deposed = word("deposed"),
                         .reason = word("reason"),
                         .creates = flag("creates"),
                         .updates = flag("updates"),
                         .deletes = flag("deletes"),
                         .empties = flag("empties"),
                         .before = names_in(each.member("before")),
                         .after = names_in(each.member("after")),
                         .changed = strings_in(each.member("changed"))};
    if (change.address.empty() || change.type.empty()) return damaged();
    out.push_back(std::move(change));
  }
  return out;
}

}  // namespace countersign::approvals
