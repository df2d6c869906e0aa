#include <algorithm>
#include <string>

#include "core/json_reader.h"
#include "proxy/adapters/aws_resources.h"
#include "proxy/adapters/aws_rules.h"

namespace countersign::adapters {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// "AWS::RDS::DBInstance" is what Cloud Control's request is really about.
std::string service_of_type(std::string_view type) {
  std::size_t first = type.find("::");
  if (first == std::string_view::npos) return {};
  std::string service = lower(type.substr(first + 2, type.find("::", first + 2) - first - 2));
  if (service == "elasticloadbalancingv2") return "elasticloadbalancing";
  if (service == "apigatewayv2") return "apigateway";
  if (service == "efs") return "elasticfilesystem";
  if (service == "opensearchservice" || service == "elasticsearch") return "es";
  return service;
}

bool is_about_rights(std::string_view type) {
  if (type.starts_with("AWS::IAM::") || type.starts_with("AWS::SSO::") || type.starts_with("AWS::Organizations::"))
    return true;
  return type.ends_with("Policy") || type.ends_with("Permission") || type.ends_with("Grant") || type == "AWS::KMS::Key";
}

// A JSON Patch that takes a protection away or removes something.
void patch(AwsJudge& judge) {
  std::string_view text = judge.text("PatchDocument");
  Result<JsonDocument> document = JsonDocument::parse(text.empty() ? "null" : text, {.bytes = 256U << 10});
  if (!document || !document->root().is_array()) {
    judge.raise(Effect::destroy, "a patch that cannot be read");
    return;
  }
  for (JsonValue each = document->root().first(); each; each = each.next()) {
    std::string path = lower(each.member("path").string().value_or(""));
    bool protection = path.find("protection") != std::string::npos;
    bool removes = each.member("op").string() == "remove";
    JsonValue value = each.member("value");
    if (protection && (removes || value.boolean() == false || value.string() == "false")) {
      judge.flag("protection_off");
      judge.raise(Effect::administer, "a patch takes a protection away");
    }
    if (path.ends_with("backupretentionperiod") && value.integer() == 0) {
      judge.flag("backups_off");
      judge.raise(Effect::destroy, "a patch ends backups");
    }
    if (removes) judge.flag("removes_property");
  }
}

void cloud_control(AwsJudge& judge) {
  std::string_view type = judge.text("TypeName");
  std::string service = service_of_type(type);
  Effect effect = judge.call().operation->effect;
  if (is_change(effect) && is_about_rights(type)) effect = std::max(effect, Effect::administer);
  if (!service.empty())
    judge.touch(aws_account_wide(judge.wire(), service), effect,
                "the request is about a " + std::string(type.substr(0, 128)));
  if (judge.call().operation->name == "UpdateResource") patch(judge);
}

void queue_attributes(AwsJudge& judge) {
  const AwsNode* attributes = judge.at("Attributes");
  if (!attributes) return;
  if (attributes->member("Policy")) judge.raise(Effect::administer, "sets who may use the queue");
  if (attributes->member("MessageRetentionPeriod")) {
    judge.flag("retention");
    judge.raise(Effect::destroy, "messages older than the new retention are deleted");
  }
}

void topic_attributes(AwsJudge& judge) {
  if (judge.text("AttributeName") == "Policy") judge.raise(Effect::administer, "sets who may use the topic");
}

// What watches over the account.
void watch_keeper(AwsJudge& judge) {
  judge.flag("audit_changed");
  judge.raise(Effect::administer, "changes what is recorded or noticed");
}

void detector(AwsJudge& judge) {
  if (judge.is_false("Enable")) watch_keeper(judge);
}

constexpr AwsRule kRules[] = {
    {"cloudformation", "CreateResource", cloud_control},
    {"cloudformation", "UpdateResource", cloud_control},
    {"cloudformation", "DeleteResource", cloud_control},
    {"cloudformation", "GetResource", cloud_control},
    {"cloudformation", "ListResources", cloud_control},
    {"sqs", "SetQueueAttributes", queue_attributes},
    {"sns", "SetTopicAttributes", topic_attributes},
    {"cloudtrail", "UpdateTrail", watch_keeper},
    {"cloudtrail", "PutEventSelectors", watch_keeper},
    {"cloudtrail", "StopLogging", watch_keeper},
    {"cloudtrail", "DeleteTrail", watch_keeper},
    {"config", "StopConfigurationRecorder", watch_keeper},
    {"config", "DeleteConfigurationRecorder", watch_keeper},
    {"config", "PutConfigurationRecorder", watch_keeper},
    {"guardduty", "DeleteDetector", watch_keeper},
    {"guardduty", "UpdateDetector", detector},
    {"securityhub", "DisableSecurityHub", watch_keeper},
};

}  // namespace

std::span<const AwsRule> aws_control_rules() {
  return kRules;
}

}  // namespace countersign::adapters
