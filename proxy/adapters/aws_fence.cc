#include "proxy/adapters/aws_fence.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "core/json_reader.h"
#include "core/json_writer.h"
#include "scopes/catalogue/aws_catalogue.h"

namespace countersign::adapters {
namespace {

using Names = std::set<std::string, std::less<>>;

// What IAM wants beside the operation's own actions. Source: "Actions defined by Amazon S3" and "… EC2" (Service
// Authorization Reference), Amazon S3 User Guide, "Required permissions for API operations".
struct Companion {
  std::string_view action;     // with it
  std::string_view parameter;  // a member of the request, or empty: always
  std::string_view wanted;
};
constexpr auto kCompanions = std::to_array<Companion>({
    {"s3:PutObject", "ACL", "s3:PutObjectAcl"},
    {"s3:PutObject", "GrantFullControl", "s3:PutObjectAcl"},
    {"s3:PutObject", "GrantRead", "s3:PutObjectAcl"},
    {"s3:PutObject", "GrantReadACP", "s3:PutObjectAcl"},
    {"s3:PutObject", "GrantWriteACP", "s3:PutObjectAcl"},
    {"s3:PutObject", "Tagging", "s3:PutObjectTagging"},
    {"s3:PutObject", "ObjectLockMode", "s3:PutObjectRetention"},
    {"s3:PutObject", "ObjectLockRetainUntilDate", "s3:PutObjectRetention"},
    {"s3:PutObject", "ObjectLockLegalHoldStatus", "s3:PutObjectLegalHold"},
    {"s3:DeleteObject", "BypassGovernanceRetention", "s3:BypassGovernanceRetention"},
    {"s3:DeleteObject", "Delete", "s3:DeleteObjectVersion"},
    {"s3:DeleteObjectVersion", "BypassGovernanceRetention", "s3:BypassGovernanceRetention"},
    {"s3:PutObjectRetention", "BypassGovernanceRetention", "s3:BypassGovernanceRetention"},
    {"s3:CreateBucket", "ACL", "s3:PutBucketAcl"},
    {"s3:CreateBucket", "ObjectLockEnabledForBucket", "s3:PutBucketObjectLockConfiguration"},
    {"s3:CreateBucket", "ObjectLockEnabledForBucket", "s3:PutBucketVersioning"},
    {"s3:CreateBucket", "ObjectOwnership", "s3:PutBucketOwnershipControls"},
    {"ec2:RunInstances", "", "ec2:CreateTags"},  // a launch template's tags are not in the request
    {"ec2:CreateFleet", "", "ec2:CreateTags"},
    {"ec2:CreateFleet", "", "ec2:RunInstances"},
    {"ec2:RequestSpotFleet", "", "ec2:RunInstances"},
    {"ec2:RequestSpotInstances", "", "ec2:RunInstances"},
});
// The source of a copy has tags that go along (x-amz-tagging-directive: COPY).
constexpr std::array<std::string_view, 4> kCopied = {"s3:GetObjectTagging", "s3:GetObjectVersion",
                                                     "s3:GetObjectVersionTagging", "s3:PutObjectTagging"};

// How the ARNs of a service are written into the policy; services that are not here have "*".
struct Spelling {
  std::string_view service;                // as in the ARN, and the IAM prefix
  std::string_view resource;               // how the ARN's last part begins
  std::array<std::string_view, 2> behind;  // what else belongs to the thing, behind its ARN
};
constexpr auto kSpellings = std::to_array<Spelling>({
    {"s3", "", {}},
    {"dynamodb", "table/", {"/index/*", "/stream/*"}},
    {"sqs", "", {}},
    {"sns", "", {}},
    {"kinesis", "stream/", {"/consumer/*"}},
    {"lambda", "function:", {":*"}},             // a version or an alias
    {"secretsmanager", "secret:", {"-??????"}},  // six characters that the name does not have
    {"logs", "log-group:", {":*"}},
    {"ecr", "repository/", {}},
});

const Spelling* spelling_of(std::string_view arn) {
  if (!arn.starts_with("arn:")) return nullptr;
  std::array<std::string_view, 5> parts;
  std::string_view rest = arn;
  for (std::string_view& part : parts) {
    const std::size_t colon = rest.find(':');
    if (colon == std::string_view::npos) return nullptr;
    part = rest.substr(0, colon);
    rest.remove_prefix(colon + 1);
  }
  if (rest.empty() || rest == "*") return nullptr;  // the whole service, or what has no resource
  if (parts[2] == "s3" && !parts[3].empty())
    return nullptr;  // access points stand before buckets, which are judged too
  auto found = std::ranges::find_if(
      kSpellings, [&](const Spelling& each) { return each.service == parts[2] && rest.starts_with(each.resource); });
  return found == kSpellings.end() ? nullptr : &*found;
}

// In a policy `${…}` is a variable; as ${$} the sign stands for itself. `*` and `?` stay: they match themselves too.
std::string written(std::string_view arn) {
  std::string out;
  for (std::size_t i = 0; i < arn.size(); ++i) {
    const bool variable = arn[i] == '$' && i + 1 < arn.size() && arn[i + 1] == '{';
    out += variable ? "${$}" : std::string(1, arn[i]);
  }
  return out;
}

// An instance and the like is named by its id, and nothing else is touched: the one template that there is.
bool is_named_instance(const AwsCall& call, std::string_view arn) {
  return call.service->iam_prefix == "ec2" && call.operation->resources.size() == 1 && arn.starts_with("arn:") &&
         arn.find(":instance/i-") != std::string_view::npos;
}

// A role that the service will act as: judged by iam:PassRole.
bool is_passed_role(const AwsCall& call, const AwsAccess& access) {
  return !call.operation->roles.empty() && call.service->iam_prefix != "iam" && access.arn.contains(":iam:");
}

// Empty: not known well enough, or more than there is room for.
Names resources_of(const AwsCall& call) {
  Names out;
  std::size_t room = kMaxFence;
  for (const AwsAccess& access : call.accesses) {
    if (is_passed_role(call, access)) continue;
    const Spelling* spelling = spelling_of(access.arn);
    const bool mine = spelling != nullptr && spelling->service == call.service->iam_prefix;
    if (!mine && !is_named_instance(call, access.arn)) return {};
    Names added{written(access.arn)};
    if (spelling != nullptr) {
      for (std::string_view more : spelling->behind) {
        if (!more.empty()) added.insert(written(access.arn) + std::string(more));
      }
      // Without the right to list its bucket an object that is not there is forbidden, not missing.
      if (spelling->service == "s3") added.insert(written(access.arn.substr(0, access.arn.find('/'))));
    }
    for (const std::string& each : added) {
      if (each.size() > room) return {};
      if (out.insert(each).second) room -= each.size();
    }
  }
  return out;
}

bool has_member(const JsonValue& parameters, std::string_view name) {
  return name.empty() || static_cast<bool>(parameters.member(name));
}

Names actions_of(const AwsCall& call, const JsonValue& parameters) {
  const std::string prefix(call.service->iam_prefix);
  if (call.operation->level == AwsLevel::unmapped) return {prefix + ":*"};
  Names out(call.operation->iam_actions.begin(), call.operation->iam_actions.end());
  out.insert(call.iam_action);
  for (const AwsAccess& access : call.accesses) {
    std::string_view action = access.action;
    if (!action.starts_with("aws:")) continue;
    action.remove_prefix(4);
    const std::size_t colon = action.find(':');
    if (colon == std::string_view::npos) continue;
    for (const AwsOperation* each : AwsCatalogue::embedded().named(action.substr(0, colon), action.substr(colon + 1))) {
      out.insert(each->iam_actions.begin(), each->iam_actions.end());
    }
  }
  const Names own = out;
  for (const Companion& each : kCompanions) {
    if (own.contains(each.action) && (has_member(parameters, each.parameter) || !call.left_out.empty()))
      out.emplace(each.wanted);
  }
  if (parameters.member("CopySource")) out.insert(kCopied.begin(), kCopied.end());
  if (prefix == "s3" && std::ranges::any_of(own, [](std::string_view one) { return one.starts_with("s3:GetObject"); }))
    out.emplace("s3:ListBucket");
  // Tags that come with something new are a right of their own, of many names.
  bool tags = !call.left_out.empty();
  for (JsonValue each = parameters.first(); each; each = each.next())
    tags = tags || each.key().contains("Tag") || each.key() == "tags";
  if (tags && is_change(call.operation->effect) && prefix != "s3") out.insert(prefix + ":*Tag*");
  return out;
}

// The roles that the request hands over; "*" where it names them by something else than their ARNs, or where a launch
// template names them.
Names roles_of(const AwsCall& call) {
  Names out;
  if (call.operation->roles.empty() || !is_change(call.operation->effect)) return out;
  for (const AwsAccess& access : call.accesses) {
    if (!is_passed_role(call, access)) continue;
    if (!access.arn.contains(":role/") || !call.parameters.contains('"' + access.arn + '"')) return {"*"};
    out.insert(written(access.arn));
  }
  return out.empty() ? Names{"*"} : out;
}

void write_names(JsonWriter& w, std::string_view member, const Names& names) {
  w.strings(member, {names.begin(), names.end()});
}

std::string policy(const Names& actions, const Names& resources, const Names& roles) {
  std::string out;
  JsonWriter w(out);
  w.begin_object().key("Statement").begin_array().begin_object();
  write_names(w, "Action", actions);
  w.member("Effect", "Allow");
  write_names(w, "Resource", resources);
  w.end_object();
  w.raw(R"({"Action":"*","Condition":{"Bool":{"aws:ViaAWSService":"true"}},"Effect":"Allow","Resource":"*"})");
  if (!roles.empty()) {
    w.begin_object().member("Action", "iam:PassRole").member("Effect", "Allow");
    write_names(w, "Resource", roles);
    w.end_object();
  }
  w.end_array().member("Version", "2012-10-17").end_object();
  return out;
}

}  // namespace

std::string aws_fence(const AwsCall& call) {
  const Result<JsonDocument> document = JsonDocument::parse(call.parameters);
  const JsonValue parameters = document ? document->root() : JsonValue();
  const Names actions = actions_of(call, parameters);
  const Names roles = roles_of(call);
  const Names everything{"*"};
  const Names resources = resources_of(call);
  std::string out = policy(actions, resources.empty() ? everything : resources, roles);
  if (out.size() > kMaxFence) out = policy(actions, everything, roles);
  if (out.size() > kMaxFence) out = policy(actions, everything, everything);
  return out;
}

}  // namespace countersign::adapters
