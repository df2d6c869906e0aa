#include "proxy/adapters/aws_resources.h"

#include <algorithm>
#include <array>
#include <optional>

namespace countersign::adapters {
namespace {

void collect(const AwsNode& node, std::string_view path, std::vector<const AwsNode*>& out) {
  if (path.empty()) {
    out.push_back(&node);
    return;
  }
  std::size_t dot = path.find('.');
  std::string_view part = path.substr(0, dot);
  std::string_view rest = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  bool each = part.ends_with("[]") || part.ends_with("{}");
  const AwsNode* found = node.member(each ? part.substr(0, part.size() - 2) : part);
  if (!found) return;
  if (!each) {
    collect(*found, rest, out);
    return;
  }
  for (const AwsNode* child = found->first; child && out.size() <= kAwsAccesses; child = child->next)
    collect(*child, rest, out);
}

std::optional<std::string_view> text_of(const AwsNode& node) {
  if (node.kind == AwsKind::string || node.kind == AwsKind::number) {
    if (!node.text.empty()) return node.text;
  }
  return std::nullopt;
}

// Not empty, nothing a reader of the name could stumble over.
bool is_plain(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F; });
}

std::string_view or_any(std::string_view text) {
  return text.empty() ? std::string_view("*") : text;
}

class Namer {
 public:
  Namer(const AwsWire& wire, const AwsOperation& operation, const AwsNode& parameters, AwsCall& call)
      : wire_(wire), operation_(operation), parameters_(parameters), call_(call) {
    for (std::string_view each : operation.why) why_ += (why_.empty() ? "" : "; ") + std::string(each);
  }

  Status all() {
    for (const AwsResourceTemplate* each : operation_.resources) {
      if (Status named = each->member.empty() ? from_parts(*each) : from_member(each->member); !named) return named;
    }
    if (call_.accesses.empty() && operation_.level == AwsLevel::tagging) {
      if (Status named = tagged(); !named) return named;
    }
    if (call_.accesses.empty()) add(aws_account_wide(wire_, *operation_.service));
    return {};
  }

 private:
  void add(std::string arn) {
    auto same = [&](const AwsAccess& each) { return each.arn == arn; };
    // Looked for among a few only: a long list is one of different things.
    std::size_t last = std::min<std::size_t>(call_.accesses.size(), 8);
    if (std::any_of(call_.accesses.begin(), call_.accesses.begin() + static_cast<std::ptrdiff_t>(last), same)) return;
    if (call_.accesses.size() >= kAwsAccesses) {
      if (call_.flags.emplace("accesses_cut").second)
        call_.accesses.push_back({aws_account_wide(wire_, *operation_.service), operation_.effect, why_});
      return;
    }
    call_.accesses.push_back({std::move(arn), operation_.effect, why_});
  }

  Status from_member(std::string_view path) {
    for (const AwsNode* each : aws_values_at(parameters_, path)) {
      auto text = text_of(*each);
      if (!text) continue;
      if (!is_plain(*text)) return fail(ErrorKind::malformed, "aws.malformed", "an ARN has control characters");
      add(std::string(*text));
    }
    return {};
  }

  // IAM's table says of many operations that give tags that anything may be meant; the request has the ARN.
  Status tagged() {
    static constexpr std::array<std::string_view, 4> kNames = {"ResourceArn", "ResourceName", "Resource", "Arn"};
    for (const AwsNode* each = parameters_.first; each; each = each->next) {
      const bool named =
          std::ranges::any_of(kNames, [&](std::string_view name) { return equal_ignoring_case(name, each->key); });
      if (!named || !each->is_string() || !each->text.starts_with("arn:")) continue;
      if (!is_plain(each->text)) return fail(ErrorKind::malformed, "aws.malformed", "an ARN has control characters");
      add(std::string(each->text));
    }
    return {};
  }

  Status from_parts(const AwsResourceTemplate& resource) {
    std::vector<std::vector<std::string_view>> values(resource.parts.size());
    std::size_t count = 1;
    for (std::size_t i = 0; i < resource.parts.size(); ++i) {
      if (resource.parts[i].kind != AwsArnPart::Kind::member) continue;
      for (const AwsNode* each : aws_values_at(parameters_, resource.parts[i].member)) {
        auto text = text_of(*each);
        if (!text) continue;
        if (!is_plain(*text)) return fail(ErrorKind::malformed, "aws.malformed", "a name has control characters");
        values[i].push_back(*text);
      }
      if (values[i].empty()) return {};  // this resource is not named here
      count = std::max(count, values[i].size());
    }
    for (std::size_t at = 0; at < count; ++at) add(one(resource, values, at, count));
    return {};
  }

  // One ARN: the `at`th of lists that run side by side.
  std::string one(const AwsResourceTemplate& resource, const std::vector<std::vector<std::string_view>>& values,
                  std::size_t at, std::size_t count) const {
    std::string out;
    for (std::size_t i = 0; i < resource.parts.size(); ++i) {
      const AwsArnPart& part = resource.parts[i];
      switch (part.kind) {
        case AwsArnPart::Kind::literal:
          out += part.text;
          break;
        case AwsArnPart::Kind::partition:
          out += wire_.partition;
          break;
        case AwsArnPart::Kind::region:
          out += or_any(wire_.region);
          break;
        case AwsArnPart::Kind::account:
          out += or_any(wire_.account);
          break;
        case AwsArnPart::Kind::unknown:
          out += '*';
          break;
        case AwsArnPart::Kind::member: {
          if (values[i].size() != 1 && values[i].size() != count) {
            out += '*';
            break;
          }
          std::string_view value = values[i].size() == 1 ? values[i][0] : values[i][at];
          if (value.starts_with("arn:")) return std::string(value);
          out += value;
        }
      }
    }
    return out;
  }

  const AwsWire& wire_;
  const AwsOperation& operation_;
  const AwsNode& parameters_;
  AwsCall& call_;
  std::string why_;
};

}  // namespace

std::vector<const AwsNode*> aws_values_at(const AwsNode& node, std::string_view path) {
  std::vector<const AwsNode*> out;
  collect(node, path, out);
  return out;
}

std::string aws_arn(std::string_view partition, std::string_view service, std::string_view region,
                    std::string_view account, std::string_view rest) {
  std::string out = "arn:";
  out.append(partition).append(":").append(service).append(":").append(region).append(":");
  return out.append(account).append(":").append(rest);
}

std::string aws_account_wide(const AwsWire& wire, const AwsService& service) {
  if (service.iam_prefix == "s3") return aws_arn(wire.partition, "s3", "", "", "*");
  return aws_arn(wire.partition, service.iam_prefix, service.global ? std::string_view() : or_any(wire.region),
                 or_any(wire.account), "*");
}

std::string aws_account_wide(const AwsWire& wire, std::string_view service) {
  bool global = service == "iam" || service == "route53" || service == "cloudfront" || service == "organizations";
  if (service == "s3") return aws_arn(wire.partition, "s3", "", "", "*");
  return aws_arn(wire.partition, service, global ? std::string_view() : or_any(wire.region), or_any(wire.account), "*");
}

Status name_aws_resources(const AwsWire& wire, const AwsOperation& operation, const AwsNode& parameters,
                          AwsCall& call) {
  return Namer(wire, operation, parameters, call).all();
}

}  // namespace countersign::adapters
