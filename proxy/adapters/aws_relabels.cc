#include "proxy/adapters/aws_relabels.h"

#include <algorithm>
#include <array>
#include <string>

#include "core/json_reader.h"
#include "proxy/adapters/aws_arn.h"
#include "proxy/adapters/aws_labels.h"

namespace countersign::adapters {
namespace {

constexpr std::string_view kRelabels = "relabels";
constexpr std::string_view kRelabelsToo = "relabels_too";
constexpr std::string_view kSecret = "[secret]";  // in the place of what to_json does not show
constexpr std::size_t kMostLeftOut = 64;          // names; of more, the rest is not told (aws_body.h)
constexpr std::string_view kWhy = "may change what labels are read from";

// "Tags", "tagSet", "TagSpecifications", "UserTags"; not "ImageTag", "Stage", "ETag", "TagFilters".
bool is_named_for_tags(std::string_view name) {
  if (name.find("Filter") != std::string_view::npos) return false;
  return name.starts_with("Tag") || name.starts_with("tag") || name.ends_with("Tags") || name.ends_with("TagKeys") ||
         name.ends_with("TagList") || name.ends_with("TagSet");
}

bool is_tagging(const AwsCall& call) {
  const AwsOperation& operation = *call.operation;
  if (!is_change(operation.effect)) return false;
  if (operation.level == AwsLevel::tagging || operation.traits.contains(AwsTrait::tagging)) return true;
  // What IAM's table does not have: "TagResource", "UntagQueue", "AddTagsToStream", "PutBucketTagging".
  const std::string_view name = operation.name;
  return name.starts_with("Tag") || name.starts_with("Untag") || name.ends_with("Tagging") ||
         name.find("Tags") != std::string_view::npos;
}

// Tags of objects are no labels: whoever may write an object may write them.
bool is_about_objects(const AwsCall& call) {
  return call.service->iam_prefix == "s3" && call.operation->name.find("Object") != std::string_view::npos;
}

// Whether some text in the value, or the name of some member below it, is the key of a label, or may be.
bool holds_label_key(const config::AwsTags& config, JsonValue value) {
  if (auto text = value.string()) return is_label_key(config, *text) || *text == kSecret;
  for (JsonValue each = value.first(); each; each = each.next()) {
    if (!each.key().empty() && is_label_key(config, each.key())) return true;
    if (holds_label_key(config, each)) return true;
  }
  return false;
}

// What is found in members that are named for tags, at any depth.
struct Found {
  bool tags = false;
  bool label = false;
};

void look(const config::AwsTags& config, JsonValue value, Found& found) {
  for (JsonValue each = value.first(); each; each = each.next()) {
    if (is_named_for_tags(each.key())) {
      found.tags = true;
      found.label = found.label || holds_label_key(config, each);
    }
    look(config, each, found);
  }
}

// Verbs of operations whose tags go to what comes of them. Those that put something take tags for what is new only.
constexpr std::array<std::string_view, 15> kMaking = {"Allocate",  "Build",   "Copy",     "Create", "Import",
                                                      "Launch",    "Publish", "Purchase", "Put",    "Register",
                                                      "Provision", "Request", "Restore",  "Run",    "Start"};

// Verbs of those that are as often about something that is there.
bool may_be_there(std::string_view name) {
  static constexpr std::array<std::string_view, 4> kVerbs = {"Build", "Publish", "Put", "Start"};
  return std::ranges::any_of(kVerbs, [&](std::string_view verb) { return name.starts_with(verb); });
}

bool makes_something(const AwsCall& call) {
  const std::string_view name = call.operation->name;
  if (is_tagging(call) || name.starts_with("CreateOr")) return false;
  return std::ranges::any_of(kMaking, [&](std::string_view verb) { return name.starts_with(verb); });
}

constexpr int kModelDepth = 6;

bool may_hold_tags(const AwsShape& shape, int depth) {
  if (depth > kModelDepth) return false;
  if (shape.element && may_hold_tags(*shape.element, depth + 1)) return true;
  return std::ranges::any_of(shape.members, [&](const AwsMember& each) {
    return is_named_for_tags(each.name) || may_hold_tags(*each.shape, depth + 1);
  });
}

// Whether tags may be among what there was no room for.
bool may_have_left_out_tags(const AwsCall& call) {
  if (call.left_out.size() >= kMostLeftOut) return true;
  return std::ranges::any_of(call.left_out, [&](const std::string& name) {
    const AwsMember* member = call.operation->input ? call.operation->input->find(name) : nullptr;
    return !member || is_named_for_tags(name) || may_hold_tags(*member->shape, 0);
  });
}

bool touches_labels(const config::AwsTags& config, const AwsCall& call) {
  if (makes_something(call) || is_about_objects(call) || !is_change(call.effect)) return false;
  if (call.flags.contains("body_unread")) return is_tagging(call);  // what else it may be destroys
  if (may_have_left_out_tags(call)) return true;
  Result<JsonDocument> parameters = JsonDocument::parse(call.parameters);
  if (!parameters) return true;
  Found found;
  look(config, parameters->root(), found);
  if (found.label || !is_tagging(call)) return found.label;
  // Without a list of keys it is all of them, and those that are put stand in for all others.
  const std::string_view name = call.operation->name;
  return !found.tags || name.starts_with("Put") || name.starts_with("Set") || name.starts_with("Replace");
}

// "DBCluster" and "db-cluster" are written alike.
std::string plain(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '-' || c == '_') continue;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return out;
}

}  // namespace

void judge_relabelling(const config::AwsTags& config, AwsCall& call) {
  if (!touches_labels(config, call)) return;
  call.flags.emplace(is_tagging(call) && call.effect == Effect::write ? kRelabels : kRelabelsToo);
  for (AwsAccess& access : call.accesses) {
    if (!is_change(access.effect) || access.effect >= Effect::administer) continue;
    access.effect = Effect::administer;
    access.why += (access.why.empty() ? "" : "; ") + std::string(kWhy);
  }
  call.effect = std::max(call.effect, Effect::administer);
}

bool is_about_tags(const AwsCall& call) {
  return is_tagging(call) || call.flags.contains(kRelabelsToo);
}

bool may_change_tags(const AwsCall& call) {
  return is_about_tags(call) || (makes_something(call) && !may_be_there(call.operation->name));
}

bool makes_new(const AwsCall& call, std::string_view arn) {
  if (!makes_something(call) || call.flags.contains("body_unread")) return false;
  const AwsArn parts = parse_aws_arn(arn);
  const std::string_view name = call.operation->name;
  constexpr std::string_view kCreate = "Create";
  const bool unnamed = parts.resource == "*";
  if (unnamed) return !may_be_there(name);
  if (!name.starts_with(kCreate)) return false;
  struct Kind {
    std::string_view action;
    std::string_view type;
  };
  static constexpr std::array<Kind, 5> kOtherwiseCalled = {{{"aws:s3:CreateBucket", ""},
                                                            {"aws:sns:CreateTopic", ""},
                                                            {"aws:sqs:CreateQueue", ""},
                                                            {"aws:rds:CreateDBInstance", "db"},
                                                            {"aws:rds:CreateDBCluster", "cluster"}}};
  for (const Kind& each : kOtherwiseCalled) {
    if (call.action == each.action) return parts.type == each.type;
  }
  if (parts.service == "s3") return false;  // what stands before the slash is a bucket's name
  return !parts.type.empty() && plain(name.substr(kCreate.size())) == plain(parts.type);
}

}  // namespace countersign::adapters
