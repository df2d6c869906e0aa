#include <algorithm>
#include <array>

#include "proxy/adapters/aws_resources.h"
#include "proxy/adapters/aws_rules.h"

namespace countersign::adapters {
namespace {

std::string object_arn(const AwsJudge& judge, std::string_view bucket, std::string_view key) {
  return aws_arn(judge.wire().partition, "s3", "", "", std::string(bucket) + "/" + std::string(key));
}

void delete_objects(AwsJudge& judge) {
  std::string_view bucket = judge.text("Bucket");
  const AwsNode* objects = judge.at("Delete.Objects");
  judge.name_each();
  bool named = false;
  for (const AwsNode* each = objects ? objects->first : nullptr; each; each = each->next) {
    const AwsNode* key = each->member("Key");
    if (!key || key->text.empty()) continue;
    named = true;
    if (each->member("VersionId")) judge.flag("version_deleted");
    judge.touch(object_arn(judge, bucket, key->text), Effect::destroy, "deletes the object");
  }
  if (!named) judge.touch(object_arn(judge, bucket, "*"), Effect::destroy, "deletes objects that cannot be named");
}

void delete_object(AwsJudge& judge) {
  if (!judge.at("VersionId")) return;
  judge.flag("version_deleted");
  judge.iam_action("s3:DeleteObjectVersion");
}

void version_of_object(AwsJudge& judge) {
  if (!judge.at("VersionId")) return;
  judge.iam_action(
      "s3:" + std::string(judge.call().operation->name == "HeadObject" ? "GetObject" : judge.call().operation->name) +
      "Version");
}

// The object's access list, in the request that writes it.
void open_object(AwsJudge& judge) {
  std::string_view acl = judge.text("ACL");
  bool canned = acl == "public-read" || acl == "public-read-write" || acl == "authenticated-read";
  bool granted = false;
  bool shared = false;
  for (std::string_view name : {"GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP"}) {
    std::string_view text = judge.text(name);
    shared = shared || !text.empty();
    granted = granted || text.find("AllUsers") != std::string_view::npos ||
              text.find("AuthenticatedUsers") != std::string_view::npos;
  }
  if (canned || granted) judge.flag("public");
  if (canned || granted || shared) judge.raise(Effect::administer, "gives others access");
}

void write_object(AwsJudge& judge) {
  open_object(judge);
  if (judge.text("IfNoneMatch") != "*") judge.flag("may_overwrite");
}

// What nobody sees before CompleteMultipartUpload, which names every part by its digest.
void stage_part(AwsJudge& judge) {
  judge.flag("staged");
}

// Whoever completes the upload is not shown what it was opened with, so only what says no more than where it goes is
// staged.
void open_upload(AwsJudge& judge) {
  static constexpr std::array<std::string_view, 9> kPlain = {
      "Bucket", "ChecksumAlgorithm", "ChecksumType",         "ContentType",     "ExpectedBucketOwner",
      "Key",    "RequestPayer",      "ServerSideEncryption", "BucketKeyEnabled"};
  open_object(judge);
  bool plain = true;
  for (const AwsNode* each = judge.in().first; each; each = each->next)
    plain = plain && std::ranges::find(kPlain, each->key) != kPlain.end();
  if (plain) judge.flag("staged");
}

void complete_upload(AwsJudge& judge) {
  if (judge.text("IfNoneMatch") != "*") judge.flag("may_overwrite");
}

void copy_object(AwsJudge& judge) {
  judge.name_each(Effect::read);
  judge.touch(object_arn(judge, judge.text("Bucket"), judge.text("Key")), judge.call().operation->effect, "is written");
  if (judge.call().operation->name == "CopyObject") {
    write_object(judge);
  } else {
    stage_part(judge);
  }
  std::string_view source = judge.text("CopySource");
  Result<std::string> decoded = decode_aws_percent(source.substr(0, source.find('?')), AwsPlus::literal);
  std::string_view path = decoded ? std::string_view(*decoded) : std::string_view();
  if (path.starts_with('/')) path.remove_prefix(1);
  std::string arn = path.starts_with("arn:")                   ? std::string(path)
                    : path.find('/') != std::string_view::npos ? aws_arn(judge.wire().partition, "s3", "", "", path)
                                                               : aws_account_wide(judge.wire(), "s3");
  judge.touch(std::move(arn), Effect::read, "is copied from");
  judge.by("aws:s3:GetObject");
}

void lifecycle(AwsJudge& judge) {
  const AwsNode* rules = judge.at("LifecycleConfiguration.Rules");
  bool expires = false;
  for (const AwsNode* each = rules ? rules->first : nullptr; each; each = each->next) {
    const AwsNode* status = each->member("Status");
    if (status && status->text == "Disabled") continue;
    expires = expires || each->member("Expiration") || each->member("NoncurrentVersionExpiration");
  }
  // A body without rules that can be read may hold any.
  if (rules && !expires) return;
  judge.flag("lifecycle_expiry");
  judge.raise(Effect::destroy, "a lifecycle rule deletes objects");
}

void versioning(AwsJudge& judge) {
  if (judge.text("VersioningConfiguration.Status") == "Suspended") {
    judge.flag("versioning_suspended");
    judge.raise(Effect::administer, "deleted and overwritten objects are kept no longer");
  }
  if (judge.text("VersioningConfiguration.MFADelete") == "Disabled") {
    judge.flag("protection_off");
    judge.raise(Effect::administer, "versions can be deleted without a second factor");
  }
}

void public_access_block(AwsJudge& judge) {
  const AwsNode* block = judge.at("PublicAccessBlockConfiguration");
  for (std::string_view name : {"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"}) {
    const AwsNode* one = block ? block->member(name) : nullptr;
    if (one && one->is_true()) continue;
    judge.flag("public_access_allowed");
    judge.raise(Effect::administer, "public access is no longer blocked");
  }
}

// Rules by which a service deletes what is in it, later and by itself.
void expiry_policy(AwsJudge& judge) {
  judge.flag("lifecycle_expiry");
  judge.raise(Effect::destroy, "what is stored is deleted by age");
}

void retention(AwsJudge& judge) {
  judge.flag("retention");
  judge.raise(Effect::destroy, "what is older than the new retention is deleted");
}

void backup_policy(AwsJudge& judge) {
  if (!judge.text("BackupPolicy.Status").starts_with("DISABL")) return;
  judge.flag("backups_off");
  judge.raise(Effect::administer, "no more backups are made");
}

void batch_job(AwsJudge& judge) {
  if (judge.at("Operation.LambdaInvoke")) judge.raise(Effect::execute, "runs a function over objects");
  if (judge.at("Operation.S3PutObjectAcl")) judge.raise(Effect::administer, "changes who may read objects");
}

constexpr AwsRule kRules[] = {
    {"s3", "DeleteObjects", delete_objects},
    {"s3", "DeleteObject", delete_object},
    {"s3", "GetObject", version_of_object},
    {"s3", "HeadObject", version_of_object},
    {"s3", "PutObject", write_object},
    {"s3", "CopyObject", copy_object},
    {"s3", "UploadPartCopy", copy_object},
    {"s3", "CreateMultipartUpload", open_upload},
    {"s3", "UploadPart", stage_part},
    {"s3", "CompleteMultipartUpload", complete_upload},
    {"s3", "CreateBucket", open_object},
    {"s3", "PutObjectAcl", open_object},
    {"s3", "PutBucketAcl", open_object},
    {"s3", "PutBucketLifecycle*", lifecycle},
    {"s3", "PutBucketVersioning", versioning},
    {"s3", "PutPublicAccessBlock", public_access_block},
    {"s3", "CreateJob", batch_job},
    {"s3-outposts", "PutBucketLifecycle*", lifecycle},
    {"s3-outposts", "PutBucketVersioning", versioning},
    {"elasticfilesystem", "PutBackupPolicy", backup_policy},
    {"ecr", "PutLifecyclePolicy", expiry_policy},
    {"mediastore", "PutLifecyclePolicy", expiry_policy},
    {"backup", "UpdateRecoveryPointLifecycle", expiry_policy},
    {"logs", "PutRetentionPolicy", retention},
    {"kinesis", "DecreaseStreamRetentionPeriod", retention},
};

}  // namespace

std::span<const AwsRule> aws_storage_rules() {
  return kRules;
}

}  // namespace countersign::adapters
