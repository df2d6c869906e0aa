#include "proxy/adapters/aws_arn.h"

#include <algorithm>
#include <array>
#include <string>

namespace countersign::adapters {
namespace {

// Where the ARN has another word for it than the operation.
struct Kind {
  std::string_view action;
  std::string_view type;
};
constexpr std::array<Kind, 5> kOtherwiseCalled = {{{"aws:s3:CreateBucket", ""},
                                                   {"aws:sns:CreateTopic", ""},
                                                   {"aws:sqs:CreateQueue", ""},
                                                   {"aws:rds:CreateDBInstance", "db"},
                                                   {"aws:rds:CreateDBCluster", "cluster"}}};

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

AwsArn parse_aws_arn(std::string_view text) {
  std::array<std::string_view, 5> parts;
  for (std::string_view& part : parts) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return {};
    part = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  if (parts[0] != "arn") return {};
  AwsArn out{parts[1], parts[2], parts[3], parts[4], text, {}, text};
  const std::size_t end = text.find_first_of(":/");
  if (end == std::string_view::npos) return out;
  out.type = text.substr(0, end);
  out.name = text.substr(end + 1);
  return out;
}

bool is_made_by(std::string_view action, const AwsArn& thing) {
  constexpr std::string_view kCreate = "Create";
  const auto named = std::ranges::find(kOtherwiseCalled, action, &Kind::action);
  if (named != kOtherwiseCalled.end()) return thing.type == named->type;
  std::string_view name = action.substr(action.rfind(':') + 1);
  // What stands before the slash in an ARN of S3 is a bucket's name.
  if (!name.starts_with(kCreate) || thing.type.empty() || thing.service == "s3") return false;
  return plain(name.substr(kCreate.size())) == plain(thing.type);
}

}  // namespace countersign::adapters
