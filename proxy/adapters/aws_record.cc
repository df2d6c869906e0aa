#include "proxy/adapters/aws_record.h"

#include <algorithm>
#include <array>

#include "proxy/adapters/aws_body.h"
#include "proxy/adapters/aws_resources.h"
#include "proxy/adapters/aws_value.h"

namespace countersign::adapters {
namespace {

constexpr std::string_view kSource = ".amazonaws.com";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "DeleteFunction20150331v2" is DeleteFunction.
std::string_view without_date(std::string_view name) {
  std::string_view out = name;
  if (out.size() > 2 && out[out.size() - 2] == 'v' && is_digit(out.back())) out.remove_suffix(2);
  std::size_t digits = 0;
  while (digits < out.size() && is_digit(out[out.size() - 1 - digits])) ++digits;
  return digits == 8 ? out.substr(0, out.size() - 8) : name;
}

class Reader {
 public:
  Reader(AwsTree& tree) : tree_(tree) {}

  void read(const AwsShape* shape, JsonValue value, AwsNode& into, std::size_t depth) {
    if (depth > kAwsDepth || tree_.size() > kAwsNodes) return;
    if (shape && shape->sensitive) into.secret = true;
    switch (value.kind()) {
      case JsonKind::null:
        into.kind = AwsKind::null;
        return;
      case JsonKind::boolean:
        into.kind = AwsKind::boolean;
        into.flag = *value.boolean();
        return;
      case JsonKind::integer:
      case JsonKind::unsigned_integer:
      case JsonKind::number:
        into.kind = AwsKind::number;
        into.text = tree_.keep(value.canonical());
        return;
      case JsonKind::string:
        into.kind = AwsKind::string;
        into.text = tree_.keep(*value.string());
        return;
      case JsonKind::array:
        elements(shape ? shape->element : nullptr, value, into, depth);
        return;
      case JsonKind::object:
        break;
    }
    if (shape && shape->type == AwsType::list && value.member("items").is_array()) {
      elements(shape->element, value.member("items"), into, depth);
      return;
    }
    if (shape && shape->type == AwsType::list) {  // one element of an XML list stands alone
      into.kind = AwsKind::array;
      read(shape->element, value, tree_.add(into, {}, AwsKind::null), depth + 1);
      return;
    }
    members(shape, value, into, depth);
  }

 private:
  // EC2 wraps each element of a list of names in an object of its own: {"instanceId":"i-1"}.
  static JsonValue unwrapped(const AwsShape* element, JsonValue value) {
    bool wrapped = element && element->type == AwsType::string && value.is_object() && value.size() == 1;
    return wrapped ? value.first() : value;
  }

  void elements(const AwsShape* element, JsonValue value, AwsNode& into, std::size_t depth) {
    into.kind = AwsKind::array;
    for (JsonValue each = value.first(); each; each = each.next())
      read(element, unwrapped(element, each), tree_.add(into, {}, AwsKind::null), depth + 1);
  }

  static const AwsMember* member_of(const AwsShape& shape, std::string_view key) {
    if (key == "bucketName") key = "Bucket";
    if (key == "instancesSet") key = "InstanceIds";
    for (const AwsMember& each : shape.members) {
      if (equal_ignoring_case(each.name, key) || equal_ignoring_case(each.wire_name, key)) return &each;
    }
    return nullptr;
  }

  void members(const AwsShape* shape, JsonValue value, AwsNode& into, std::size_t depth) {
    into.kind = AwsKind::object;
    into.many = shape && shape->type == AwsType::map;
    for (JsonValue each = value.first(); each; each = each.next()) {
      const AwsMember* member = shape && !into.many ? member_of(*shape, each.key()) : nullptr;
      if (member && into.member(member->name)) continue;
      AwsNode& node = tree_.add(into, member ? member->name : tree_.keep(each.key()), AwsKind::null);
      const AwsShape* inner = member ? member->shape : into.many ? shape->element : nullptr;
      read(inner, each, node, depth + 1);
    }
  }

  AwsTree& tree_;
};

// The parts of "AKID/20261121/eu-central-1/s3/aws4_request".
AwsScope scope_of_credential(std::string_view text, std::string_view slash) {
  std::array<std::string_view, 5> parts{};
  for (std::string_view& part : parts) {
    std::size_t end = std::min(text.find(slash), text.size());
    part = text.substr(0, end);
    text.remove_prefix(std::min(end + slash.size(), text.size()));
  }
  return {.service = parts[3], .region = parts[2]};
}

}  // namespace

const AwsOperation* operation_of_record(const AwsCatalogue& catalogue, std::string_view source, std::string_view name) {
  std::string_view prefix = source.ends_with(kSource) ? source.substr(0, source.size() - kSource.size()) : source;
  for (std::string_view spelled : {name, without_date(name)}) {
    auto named = catalogue.named(prefix, spelled);
    if (!named.empty()) return named.front();
    for (auto services : {catalogue.by_endpoint_prefix(prefix), catalogue.by_signing_name(prefix)}) {
      for (const AwsService* service : services) {
        if (const AwsOperation* found = service->find(spelled)) return found;
      }
    }
  }
  return nullptr;
}

Result<AwsCall> describe_aws_record(const AwsOperation& operation, const AwsWire& place, JsonValue parameters) {
  AwsTree tree;
  if (parameters.is_object()) Reader(tree).read(operation.input, parameters, tree.root(), 0);
  AwsCall out;
  out.operation = &operation;
  out.service = operation.service;
  out.action = "aws:" + std::string(operation.service->iam_prefix) + ":" + std::string(operation.name);
  out.iam_action = operation.iam_action();
  if (Status named = name_aws_resources(place, operation, tree.root(), out); !named) return fail(named.error());
  if (parameters) judge_aws_parameters(place, tree.root(), out);
  write_aws_parameters(tree.root(), out);
  out.effect = Effect::read;
  for (const AwsAccess& each : out.accesses) out.effect = std::max(out.effect, each.effect);
  return out;
}

AwsScope scope_of_request(const AwsCatalogue& catalogue, const HeaderList& headers, std::string_view query,
                          std::string_view host) {
  std::string_view authorization = headers.get("Authorization").value_or("");
  constexpr std::string_view kCredential = "Credential=";
  if (std::size_t at = authorization.find(kCredential); at != std::string_view::npos)
    return scope_of_credential(authorization.substr(at + kCredential.size()), "/");
  constexpr std::string_view kQuery = "X-Amz-Credential=";
  if (std::size_t at = query.find(kQuery); at != std::string_view::npos) {
    std::string_view text = query.substr(at + kQuery.size());
    text = text.substr(0, text.find('&'));
    return scope_of_credential(text, text.find("%2F") != std::string_view::npos ? "%2F" : "/");
  }
  host = host.substr(0, host.find(':'));
  std::size_t end = host.find(kSource);
  if (end == std::string_view::npos) return {};
  // "api.ecr.eu-central-1", "b.s3.eu-central-1", "iam": the endpoint's prefix, and what stands between it and the end.
  std::string_view names = host.substr(0, end);
  std::string_view rest = names;
  for (;;) {
    for (std::size_t stop = rest.size(); stop != std::string_view::npos && stop > 0; stop = rest.rfind('.', stop - 1)) {
      auto services = catalogue.by_endpoint_prefix(rest.substr(0, stop));
      if (services.empty()) continue;
      std::string_view region = stop < rest.size() ? rest.substr(stop + 1) : "us-east-1";
      return {.service = services.front()->signing_name, .region = region.substr(region.rfind('.') + 1)};
    }
    std::size_t dot = rest.find('.');
    if (dot == std::string_view::npos) return {};
    rest.remove_prefix(dot + 1);
  }
}

}  // namespace countersign::adapters
