#include "proxy/adapters/aws_tag_questions.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/json_reader.h"
#include "core/json_writer.h"
#include "proxy/adapters/aws_arn.h"
#include "proxy/adapters/aws_endpoint.h"
#include "proxy/adapters/aws_value.h"
#include "scopes/catalogue/aws_catalogue.h"

namespace countersign::adapters {
namespace {

constexpr std::size_t kLongestArn = 1600;  // tag:GetResources takes no longer one
constexpr std::string_view kForm = "application/x-www-form-urlencoded; charset=utf-8";

bool is_made_of(std::string_view text, std::string_view more, std::size_t most) {
  return !text.empty() && text.size() <= most && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || more.find(c) != std::string_view::npos;
  });
}

constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

std::string with_upper(std::string_view more) {
  return std::string(kUpper) + std::string(more);
}

// Nothing that stands for several things, or for another one.
bool is_exact(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return c == '*' || c == '?' || c == '%' || byte <= 0x20 || byte >= 0x7f;
  });
}

std::string_view home_of_global_services(std::string_view partition) {
  if (partition == "aws-cn") return "cn-north-1";
  return partition == "aws-us-gov" ? "us-gov-west-1" : "us-east-1";
}

// "function:name:alias" is of "function:name".
std::string_view parent_of(const AwsArn& arn, char separator) {
  const std::size_t end = std::min(arn.name.find(separator), arn.name.size());
  return arn.resource.substr(0, arn.type.size() + 1 + end);
}

// The queue of "https://sqs.eu-central-1.amazonaws.com/111122223333/orders", whose ARN is made of its address.
std::optional<std::string> queue_of(const AwsArn& arn, std::string_view account) {
  if (!arn.resource.starts_with("http") && !arn.resource.starts_with('/')) return std::string(arn.resource);
  const std::size_t last = arn.resource.rfind('/');
  const std::string_view before = arn.resource.substr(0, last);
  if (last == 0 || before.substr(before.rfind('/') + 1) != account) return std::nullopt;
  return std::string(arn.resource.substr(last + 1));
}

// ARNs of secrets end in a hyphen and six characters that no name has; without them it is a name.
bool ends_like_a_secret(std::string_view name) {
  return name.size() > 7 && name[name.size() - 7] == '-' && is_made_of(name.substr(name.size() - 6), kUpper, 6);
}

// The thing that carries the tags: a table for its index, a function for its alias.
std::optional<std::string> tagged_resource(const AwsArn& arn, std::string_view account) {
  if (arn.service == "sqs") return queue_of(arn, account);
  if (arn.service == "dynamodb" && arn.type == "table") return std::string(parent_of(arn, '/'));
  if (arn.service == "lambda" && arn.type == "function") return std::string(parent_of(arn, ':'));
  if (arn.service == "logs" && arn.type == "log-group") return std::string(parent_of(arn, ':'));
  return std::string(arn.resource);
}

const AwsService* service_of(AwsTagsBy by) {
  const AwsCatalogue& catalogue = AwsCatalogue::embedded();
  switch (by) {
    case AwsTagsBy::ec2:
      return catalogue.by_key("ec2");
    case AwsTagsBy::s3:
      return catalogue.by_key("s3");
    case AwsTagsBy::iam_role:
    case AwsTagsBy::iam_user:
      return catalogue.by_key("iam");
    case AwsTagsBy::dynamodb:
      return catalogue.by_key("dynamodb");
    case AwsTagsBy::secret:
      return catalogue.by_key("secretsmanager");
    case AwsTagsBy::tagging:
      break;
  }
  return catalogue.by_key("resourcegroupstaggingapi");
}

void set_form(AwsTagCall& call, std::string body) {
  call.head.method = "POST";
  call.head.target = "/";
  call.head.headers.set("Content-Type", kForm);
  call.body = std::move(body);
}

void set_json(AwsTagCall& call, std::string_view version, std::string_view target, std::string body) {
  call.head.method = "POST";
  call.head.target = "/";
  call.head.headers.set("Content-Type", "application/x-amz-json-" + std::string(version));
  call.head.headers.set("X-Amz-Target", target);
  call.body = std::move(body);
}

std::string object_of(std::string_view member, std::string_view value) {
  std::string out;
  JsonWriter(out).begin_object().member(member, value).end_object();
  return out;
}

// The text of a child; empty where there is none.
std::string_view text_at(const AwsNode& node, std::string_view name) {
  const AwsNode* found = node.member(name);
  return found ? found->text : std::string_view();
}

// Lists: children of a name, whatever stands between.
std::vector<const AwsNode*> children(const AwsNode* node, std::string_view name) {
  std::vector<const AwsNode*> out;
  for (const AwsNode* each = node ? node->first : nullptr; each; each = each->next) {
    if (each->key == name) out.push_back(each);
  }
  return out;
}

std::vector<AwsTag> tags_in(const AwsNode* list, std::string_view element) {
  std::vector<AwsTag> out;
  for (const AwsNode* each : children(list, element))
    out.push_back({std::string(text_at(*each, "Key")), std::string(text_at(*each, "Value"))});
  return out;
}

std::vector<AwsTag> tags_in(JsonValue list) {
  std::vector<AwsTag> out;
  for (JsonValue each = list.first(); each; each = each.next())
    out.push_back({std::string(each.member("Key").string().value_or("")),
                   std::string(each.member("Value").string().value_or(""))});
  return out;
}

using State = AwsTagAnswer::State;
using Answers = std::vector<AwsTagAnswer>;

// Every tag in one page, each with the id it is of.
void read_ec2(std::span<const AwsTagQuestion> batch, const AwsNode& root, Answers& out) {
  const AwsNode* set = root.member("tagSet");
  if (!set || !text_at(root, "nextToken").empty()) return;
  for (AwsTagAnswer& each : out) each.state = State::absent;
  for (const AwsNode* item : children(set, "item")) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (text_at(*item, "resourceId") != batch[i].name) continue;
      out[i].state = State::present;
      out[i].tags.push_back({std::string(text_at(*item, "key")), std::string(text_at(*item, "value"))});
    }
  }
}

void read_iam(const AwsNode& root, std::string_view result, AwsTagAnswer& out) {
  const AwsNode* found = root.member(result);
  const AwsNode* list = found ? found->member("Tags") : nullptr;
  if (!list || text_at(*found, "IsTruncated") == "true") return;
  out = {State::present, tags_in(list, "member")};
}

void read_json(JsonValue root, AwsTagAnswer& out) {
  if (!root.is_object() || root.member("NextToken").string()) return;
  out = {State::present, tags_in(root.member("Tags"))};
}

void read_resources(std::span<const AwsTagQuestion> batch, JsonValue root, Answers& out) {
  const JsonValue list = root.member("ResourceTagMappingList");
  if (!list.is_array()) return;
  const bool whole = root.member("PaginationToken").string().value_or("").empty();
  for (AwsTagAnswer& each : out) each.state = whole ? State::absent : State::unknown;
  for (JsonValue item = list.first(); item; item = item.next()) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (item.member("ResourceARN").string() != batch[i].name) continue;
      std::vector<AwsTag> tags = tags_in(item.member("Tags"));
      out[i].state = State::present;
      out[i].tags.insert(out[i].tags.end(), tags.begin(), tags.end());
    }
  }
}

// The code of an error: "NoSuchBucket", "NoSuchEntity", "ResourceNotFoundException".
std::string code_of(std::string_view body) {
  if (Result<JsonDocument> json = JsonDocument::parse(body)) {
    const std::string_view type = json->root().member("__type").string().value_or("");
    return std::string(type.substr(type.rfind('#') + 1));
  }
  AwsTree tree;
  if (!read_aws_xml(body, tree)) return {};
  const AwsNode* error = tree.root().key == "Error" ? &tree.root() : tree.root().member("Error");
  return error ? std::string(text_at(*error, "Code")) : std::string();
}

void read_refusal(std::string_view code, Answers& out) {
  static constexpr std::array<std::string_view, 3> kAbsent = {"NoSuchBucket", "NoSuchEntity",
                                                              "ResourceNotFoundException"};
  if (out.size() != 1) return;
  if (code == "NoSuchTagSet") out.front().state = State::present;
  if (std::ranges::find(kAbsent, code) != kAbsent.end()) out.front().state = State::absent;
}

}  // namespace

std::string AwsTagQuestion::key() const {
  return std::to_string(static_cast<int>(by)) + " " + region + " " + name;
}

std::optional<AwsTagQuestion> question_about(const config::AwsAccount& account, std::string_view text,
                                             std::string_view region) {
  const AwsArn arn = parse_aws_arn(text);
  if (arn.partition != account.partition || account.id.empty() || text.size() > kLongestArn) return std::nullopt;
  const std::string home(home_of_global_services(account.partition));
  if (arn.service == "s3") {
    const std::string bucket(arn.resource.substr(0, arn.resource.find('/')));
    if (!arn.account.empty() || !arn.region.empty() || !is_made_of(bucket, "-.", 63)) return std::nullopt;
    return AwsTagQuestion{AwsTagsBy::s3, std::string(region), bucket};
  }
  // AWS's own images and everybody's have no account in their ARNs; the tags that we see are ours.
  const bool nobodys = arn.service == "ec2" && arn.account.empty() && (arn.type == "image" || arn.type == "snapshot");
  if (arn.account != account.id && !nobodys) return std::nullopt;
  if (arn.service == "iam" && (arn.type == "role" || arn.type == "user")) {
    const std::string_view name = arn.name.substr(arn.name.rfind('/') + 1);  // a path may stand before it
    if (!is_made_of(name, with_upper("+=,.@-_"), 128)) return std::nullopt;
    return AwsTagQuestion{arn.type == "role" ? AwsTagsBy::iam_role : AwsTagsBy::iam_user, home, std::string(name)};
  }
  if (!arn.region.empty() && arn.region != region) return std::nullopt;
  const std::string where = arn.region.empty() ? home : std::string(region);
  if (arn.service == "ec2") {
    // What people give names to could be named like another thing's id.
    const bool has_id = !arn.type.empty() && arn.type != "key-pair" && arn.type != "placement-group";
    if (!has_id) return std::nullopt;
    if (!is_made_of(arn.name, "-", 64) || arn.name.find('-') == std::string_view::npos) return std::nullopt;
    return AwsTagQuestion{AwsTagsBy::ec2, where, std::string(arn.name)};
  }
  const std::optional<std::string> resource = tagged_resource(arn, account.id);
  if (!resource || resource->empty() || !is_exact(*resource)) return std::nullopt;
  std::string whole = "arn:" + std::string(arn.partition) + ":" + std::string(arn.service) + ":" +
                      std::string(arn.region) + ":" + std::string(arn.account) + ":" + *resource;
  if (arn.service == "secretsmanager" && arn.type == "secret")
    return AwsTagQuestion{AwsTagsBy::secret, where, ends_like_a_secret(arn.name) ? whole : std::string(arn.name)};
  if (arn.service == "dynamodb" && arn.type == "table") return AwsTagQuestion{AwsTagsBy::dynamodb, where, whole};
  return AwsTagQuestion{AwsTagsBy::tagging, where, std::move(whole)};
}

std::size_t batch_of(AwsTagsBy by) {
  if (by == AwsTagsBy::ec2) return 20;  // of 50 tags each: the thousand that an answer may hold
  return by == AwsTagsBy::tagging ? 100 : 1;
}

Result<AwsTagCall> call_for(const config::AwsAccount& account, std::span<const AwsTagQuestion> batch) {
  const AwsTagQuestion& first = batch.front();
  const AwsService* service = service_of(first.by);
  Result<std::string> endpoint = aws_endpoint(*service, first.region, account.partition);
  if (!endpoint) return fail(endpoint.error());
  AwsTagCall out;
  out.sign_for = {std::string(service->signing_name), first.region};
  out.endpoint = std::move(*endpoint);
  switch (first.by) {
    case AwsTagsBy::ec2: {
      std::string body = "Action=DescribeTags&Version=" + std::string(service->version) + "&Filter.1.Name=resource-id";
      for (std::size_t i = 0; i < batch.size(); ++i)
        body += "&Filter.1.Value." + std::to_string(i + 1) + "=" + batch[i].name;
      set_form(out, std::move(body));
      break;
    }
    case AwsTagsBy::s3:
      out.head.method = "GET";
      out.head.target = "/" + first.name + "?tagging";
      // A stranger's bucket may be tagged as the stranger likes.
      out.head.headers.set("X-Amz-Expected-Bucket-Owner", account.id);
      break;
    case AwsTagsBy::iam_role:
    case AwsTagsBy::iam_user: {
      const std::string kind = first.by == AwsTagsBy::iam_role ? "Role" : "User";
      std::string name;  // of what question_about lets through, these two mean something in a form
      for (char c : first.name) name += c == '+' ? "%2B" : c == '=' ? "%3D" : std::string(1, c);
      set_form(out,
               "Action=List" + kind + "Tags&Version=" + std::string(service->version) + "&" + kind + "Name=" + name);
      break;
    }
    case AwsTagsBy::dynamodb:
      set_json(out, "1.0", "DynamoDB_20120810.ListTagsOfResource", object_of("ResourceArn", first.name));
      break;
    case AwsTagsBy::secret:
      set_json(out, "1.1", "secretsmanager.DescribeSecret", object_of("SecretId", first.name));
      break;
    case AwsTagsBy::tagging: {
      std::vector<std::string> arns;
      for (const AwsTagQuestion& each : batch) arns.push_back(each.name);
      std::string body;
      JsonWriter(body).begin_object().strings("ResourceARNList", arns).end_object();
      set_json(out, "1.1", "ResourceGroupsTaggingAPI_20170126.GetResources", std::move(body));
      break;
    }
  }
  return out;
}

std::vector<AwsTagAnswer> read_tags(std::span<const AwsTagQuestion> batch, int status, std::string_view body) {
  Answers out(batch.size());
  if (status != 200) {
    if (status >= 400 && status < 500) read_refusal(code_of(body), out);
    return out;
  }
  const AwsTagsBy by = batch.front().by;
  if (by == AwsTagsBy::dynamodb || by == AwsTagsBy::secret || by == AwsTagsBy::tagging) {
    Result<JsonDocument> json = JsonDocument::parse(body);
    if (!json) return out;
    if (by == AwsTagsBy::tagging) {
      read_resources(batch, json->root(), out);
    } else {
      read_json(json->root(), out.front());
    }
    return out;
  }
  AwsTree tree;
  if (!read_aws_xml(body, tree)) return out;
  switch (by) {
    case AwsTagsBy::ec2:
      read_ec2(batch, tree.root(), out);
      break;
    case AwsTagsBy::iam_role:
      read_iam(tree.root(), "ListRoleTagsResult", out.front());
      break;
    case AwsTagsBy::iam_user:
      read_iam(tree.root(), "ListUserTagsResult", out.front());
      break;
    default:
      if (const AwsNode* set = tree.root().member("TagSet")) out.front() = {State::present, tags_in(set, "Tag")};
  }
  return out;
}

}  // namespace countersign::adapters
