#include <algorithm>

#include "core/http_head.h"
#include "proxy/adapters/aws_resources.h"
#include "proxy/adapters/aws_rules.h"

namespace countersign::adapters {
namespace {

// ModifyInstanceAttribute names an attribute by a member of its own, or by the word in Attribute with a Value.
void instance_attribute(AwsJudge& judge) {
  std::string_view attribute = judge.text("Attribute");
  auto off = [&](std::string_view member, std::string_view word) {
    return judge.is_false(std::string(member) + ".Value") ||
           (equal_ignoring_case(attribute, word) && !judge.is_true("Value"));
  };
  if (off("DisableApiTermination", "disableApiTermination") || off("DisableApiStop", "disableApiStop")) {
    judge.flag("protection_off");
    judge.raise(Effect::administer, "the instance can be terminated or stopped");
  }
  if (judge.at("UserData") || equal_ignoring_case(attribute, "userData")) {
    judge.flag("user_data");
    judge.raise(Effect::execute, "runs code when the instance starts");
  }
  if (judge.text("InstanceInitiatedShutdownBehavior.Value") == "terminate") judge.flag("terminate_on_shutdown");
  if (judge.at("Groups")) judge.raise(Effect::administer, "changes who may reach the instance");
}

void run_instances(AwsJudge& judge) {
  if (!judge.at("UserData")) return;
  judge.flag("user_data");
  judge.raise(Effect::execute, "runs code when the instance starts");
}

bool is_everywhere(const AwsNode& node) {
  if (node.is_string()) return node.text == "0.0.0.0/0" || node.text == "::/0";
  for (const AwsNode* each = node.first; each; each = each->next) {
    if (is_everywhere(*each)) return true;
  }
  return false;
}

void ingress(AwsJudge& judge) {
  if (!is_everywhere(judge.in())) return;
  judge.flag("open_to_world");
  judge.raise(Effect::administer, "opens a way in from every address");
}

bool names_all(const AwsNode& node) {
  if (node.is_string()) return node.text == "all";
  for (const AwsNode* each = node.first; each; each = each->next) {
    if (names_all(*each)) return true;
  }
  return false;
}

// Of images and snapshots: launch and volume permissions.
void share_image(AwsJudge& judge) {
  if (!names_all(judge.in()) || judge.text("OperationType") == "remove") return;
  judge.flag("public");
  judge.raise(Effect::administer, "gives everybody a copy");
}

void load_balancer(AwsJudge& judge) {
  const AwsNode* list = judge.at("Attributes");
  for (const AwsNode* each = list ? list->first : nullptr; each; each = each->next) {
    const AwsNode* key = each->member("Key");
    const AwsNode* value = each->member("Value");
    if (!key || key->text != "deletion_protection.enabled" || (value && value->is_true())) continue;
    judge.flag("protection_off");
    judge.raise(Effect::administer, "the load balancer can be deleted");
  }
}

void distribution(AwsJudge& judge) {
  if (!judge.is_false("DistributionConfig.Enabled")) return;
  judge.flag("disabled");
  judge.raise(Effect::destroy, "the distribution answers no more");
}

void record_sets(AwsJudge& judge) {
  const AwsNode* changes = judge.at("ChangeBatch.Changes");
  bool read = changes && changes->first;
  for (const AwsNode* each = changes ? changes->first : nullptr; each; each = each->next) {
    const AwsNode* action = each->member("Action");
    if (action && action->text == "CREATE") continue;
    if (action && action->text == "UPSERT") {
      judge.flag("record_replaced");
      continue;
    }
    judge.flag("record_deleted");
    judge.raise(Effect::destroy, "deletes records");
  }
  if (!read) judge.raise(Effect::destroy, "changes that cannot be read");
}

constexpr AwsRule kRules[] = {
    {"ec2", "ModifyInstanceAttribute", instance_attribute},
    {"ec2", "RunInstances", run_instances},
    {"ec2", "RequestSpot*", run_instances},
    {"ec2", "AuthorizeSecurityGroupIngress", ingress},
    {"ec2", "ModifySecurityGroupRules", ingress},
    {"ec2", "ModifySnapshotAttribute", share_image},
    {"ec2", "ModifyImageAttribute", share_image},
    {"rds", "ModifyDBSnapshotAttribute", share_image},
    {"rds", "ModifyDBClusterSnapshotAttribute", share_image},
    {"elasticloadbalancing", "ModifyLoadBalancerAttributes", load_balancer},
    {"cloudfront", "UpdateDistribution", distribution},
    {"route53", "ChangeResourceRecordSets", record_sets},
};

}  // namespace

std::span<const AwsRule> aws_compute_rules() {
  return kRules;
}

}  // namespace countersign::adapters
