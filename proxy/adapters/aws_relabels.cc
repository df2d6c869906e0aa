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

// What makes a thing that has no name yet and touches nothing that is there, as long as it says no more than these
// members, nor names something inside of them. Every one was chosen by reading the members of AWS's models: what puts
// the new thing into a network, hands it traffic, data, rights or an address that somebody has, or that nobody has
// reviewed, is not among them. What the thing is encrypted with stays as it is.
struct Maker {
  std::string_view action;
  std::string_view members;  // beside tags, DryRun and ClientToken
};

constexpr std::array<Maker, 23> kMakers = {{
    {"aws:acm:RequestCertificate",
     "DomainName ValidationMethod SubjectAlternativeNames IdempotencyToken DomainValidationOptions Options "
     "KeyAlgorithm"},
    {"aws:apigateway:CreateApi",
     "ApiKeySelectionExpression CorsConfiguration Description DisableSchemaValidation DisableExecuteApiEndpoint "
     "IpAddressType Name ProtocolType RouteSelectionExpression Version"},
    {"aws:appsync:CreateGraphqlApi",
     "name authenticationType xrayEnabled apiType visibility ownerContact introspectionConfig queryDepthLimit "
     "resolverCountLimit"},
    {"aws:cloudfront:CreateCachePolicy", "CachePolicyConfig"},
    {"aws:cloudfront:CreateOriginAccessControl", "OriginAccessControlConfig"},
    {"aws:cloudfront:CreateOriginRequestPolicy", "OriginRequestPolicyConfig"},
    {"aws:cloudfront:CreateResponseHeadersPolicy", "ResponseHeadersPolicyConfig"},
    {"aws:cognito-idp:CreateUserPool",
     "PoolName Policies DeletionProtection AutoVerifiedAttributes AliasAttributes UsernameAttributes "
     "SmsVerificationMessage EmailVerificationMessage EmailVerificationSubject VerificationMessageTemplate "
     "SmsAuthenticationMessage MfaConfiguration UserAttributeUpdateSettings DeviceConfiguration AdminCreateUserConfig "
     "Schema UserPoolAddOns UsernameConfiguration AccountRecoverySetting UserPoolTier"},
    {"aws:ec2:AllocateAddress", "Domain NetworkBorderGroup"},
    {"aws:ec2:AllocateHosts",
     "InstanceFamily HostRecovery HostMaintenance AvailabilityZone AvailabilityZoneId AutoPlacement InstanceType "
     "Quantity"},
    {"aws:ec2:CreateCapacityReservation",
     "InstanceType InstancePlatform AvailabilityZone AvailabilityZoneId Tenancy InstanceCount EbsOptimized "
     "EphemeralStorage EndDate EndDateType InstanceMatchCriteria"},
    {"aws:ec2:CreateCustomerGateway", "BgpAsn BgpAsnExtended PublicIp IpAddress Type DeviceName"},
    {"aws:ec2:CreateDhcpOptions", "DhcpConfigurations"},
    {"aws:ec2:CreateTransitGateway", "Description Options"},
    {"aws:ec2:CreateVolume",
     "AvailabilityZone AvailabilityZoneId Encrypted Iops KmsKeyId Size VolumeType MultiAttachEnabled Throughput"},
    {"aws:ec2:CreateVpc",
     "CidrBlock InstanceTenancy AmazonProvidedIpv6CidrBlock Ipv6CidrBlockNetworkBorderGroup VpcEncryptionControl"},
    {"aws:ec2:CreateVpnGateway", "AvailabilityZone Type AmazonSideAsn"},
    {"aws:elasticfilesystem:CreateFileSystem",
     "CreationToken PerformanceMode Encrypted KmsKeyId ThroughputMode ProvisionedThroughputInMibps "
     "AvailabilityZoneName Backup"},
    {"aws:globalaccelerator:CreateAccelerator", "Name IpAddressType Enabled IdempotencyToken"},
    {"aws:kms:CreateKey",
     "Policy Description KeyUsage CustomerMasterKeySpec KeySpec Origin BypassPolicyLockoutSafetyCheck MultiRegion"},
    {"aws:lightsail:CreateDisk", "diskName availabilityZone sizeInGb"},
    {"aws:route53:CreateHostedZone", "Name CallerReference HostedZoneConfig"},
    {"aws:servicediscovery:CreateHttpNamespace", "Name CreatorRequestId Description"},
}};

bool is_among(std::string_view words, std::string_view one) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    if (words.substr(0, end) == one) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

// Something that is there, by its ARN or in a member that is named for ids: "VpcId", "SourceArn".
bool names_something(JsonValue value) {
  static constexpr std::array<std::string_view, 9> kNamed = {"Id",   "Ids", "ID",         "IDs",        "Arn",
                                                             "Arns", "ARN", "Identifier", "Identifiers"};
  if (auto text = value.string()) return text->starts_with("arn:");
  for (JsonValue each = value.first(); each; each = each.next()) {
    if (std::ranges::any_of(kNamed, [&](std::string_view end) { return each.key().ends_with(end); })) return true;
    if (names_something(each)) return true;
  }
  return false;
}

// Whether a request that touches a service as a whole only makes something in it.
bool makes_the_unnamed(const AwsCall& call) {
  const auto* maker = std::ranges::find(kMakers, call.action, &Maker::action);
  if (maker == kMakers.end() || call.accesses.size() != 1 || call.accesses.front().effect != Effect::write)
    return false;
  if (!call.left_out.empty()) return false;  // who knows what they name
  Result<JsonDocument> parameters = JsonDocument::parse(call.parameters);
  if (!parameters) return false;
  for (JsonValue each = parameters->root().first(); each; each = each.next()) {
    const std::string_view name = each.key();
    if (is_named_for_tags(name) || name == "DryRun" || name == "ClientToken") continue;
    if (!is_among(maker->members, name)) return false;
    if (name != "KmsKeyId" && names_something(each)) return false;
  }
  return true;
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
  const AwsArn thing = parse_aws_arn(arn);
  return thing.resource == "*" ? makes_the_unnamed(call) : is_made_by(call.action, thing);
}

}  // namespace countersign::adapters
