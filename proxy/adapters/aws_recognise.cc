#include "proxy/adapters/aws_recognise.h"

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>

#include "core/json_reader.h"
#include "proxy/adapters/aws_body.h"
#include "proxy/adapters/aws_parameters.h"
#include "proxy/adapters/aws_resources.h"
#include "proxy/adapters/aws_route.h"
#include "proxy/adapters/aws_value.h"
#include "proxy/adapters/http_fields.h"

namespace countersign::adapters {
namespace {

std::unexpected<Error> refuse(std::string_view code, std::string why) {
  return fail(ErrorKind::malformed, code, std::move(why));
}

using Pairs = std::pmr::vector<AwsPair>;

constexpr std::string_view kUnknown = "aws.unknown_operation";
constexpr std::string_view kControl = "/v20180820";

// Names under which clients sign for a service whose model has another one.
std::string_view current_signing_name(std::string_view name) {
  if (name == "execute-api") return "iot";
  if (name == "awsssooidc") return "sso-oauth";
  if (name == "s3express") return "s3";  // directory buckets
  return {};
}

std::string_view trimmed_media_type(std::string_view value) {
  value = value.substr(0, value.find(';'));
  while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
  return value;
}

// Reads one request. Holds what is read on the way, so that the steps are plain to follow.
class Recogniser {
 public:
  Recogniser(const AwsCatalogue& catalogue, const AwsWire& wire) : catalogue_(catalogue), wire_(wire) {}

  Result<AwsCall> run() {
    if (Status fields = check_request_fields(*wire_.headers); !fields) return fail(fields.error());
    for (std::string_view name : {wire_.signing_service, current_signing_name(wire_.signing_service)}) {
      for (const AwsService* each : catalogue_.by_signing_name(name)) services_.push_back(each);
    }
    if (services_.empty())
      return refuse(kUnknown, "no service signs as " + std::string(wire_.signing_service.substr(0, 64)));
    if (Status read = read_query(); !read) return fail(read.error());
    Result<std::vector<AwsMatch>> matches = find();
    if (!matches) return fail(matches.error());
    if (Status same = check_names(*matches->front().operation); !same) return fail(same.error());
    // Several are names for the same thing; the first whose model the parameters fit is taken.
    Result<AwsCall> out = call(matches->front());
    for (std::size_t i = 1; i < matches->size() && !out; ++i) {
      raw_ = AwsTree();
      Result<AwsCall> other = call((*matches)[i]);
      if (other) out = std::move(other);
    }
    return out;
  }

 private:
  // --- which form ------------------------------------------------------------------------------------------------

  Status read_query() {
    if (Status read = read_aws_pairs(wire_.query, AwsPlus::space, texts_, query_); !read) return read;
    for (std::string_view once : {"X-Amz-Target", "Content-Type", "Content-Encoding", "smithy-protocol"}) {
      if (wire_.headers->count(once) > 1)
        return refuse("aws.contradictory", "more than one header " + std::string(once));
    }
    type_ = trimmed_media_type(wire_.headers->get("Content-Type").value_or(""));
    if (auto coding = wire_.headers->get("Content-Encoding")) {
      // aws-chunked has been taken off by whoever gave us the body.
      if (!coding->empty() && *coding != "aws-chunked" && *coding != "identity") readable_ = false;
    }
    if (wire_.body_state == AwsBody::unread || wire_.body.size() > kAwsParsedBytes) readable_ = false;
    return {};
  }

  [[nodiscard]] bool speaks(AwsProtocol a, AwsProtocol b) const {
    return std::ranges::any_of(
        services_, [&](const AwsService* each) { return each->protocols.contains(a) || each->protocols.contains(b); });
  }

  [[nodiscard]] bool plain_query() const {
    return std::ranges::all_of(query_, [](const AwsPair& pair) { return is_signature_key(pair.key); });
  }

  // The parameters of a form, from the query and the body. Empty when the request is none.
  Status read_form() {
    form_ = query_;
    bool body = !wire_.body.empty() || wire_.body_state == AwsBody::unread;
    if (!body) return {};
    if (!equal_ignoring_case(type_, "application/x-www-form-urlencoded")) {
      form_has_foreign_body_ = true;
      return {};
    }
    if (!readable_)
      return fail(ErrorKind::too_large, "aws.too_large", "the form is too long, or compressed, and names no operation");
    return read_aws_pairs(wire_.body, AwsPlus::space, texts_, form_);
  }

  Result<std::optional<std::string_view>> only(std::string_view key) const {
    std::optional<std::string_view> out;
    for (const AwsPair& pair : form_) {
      if (pair.key != key) continue;
      if (out) return refuse("aws.contradictory", std::string(key) + " is given more than once");
      out = pair.value;
    }
    return out;
  }

  Result<std::vector<AwsMatch>> find() {
    bool target = wire_.headers->count("X-Amz-Target") > 0;
    bool smithy = wire_.headers->count("smithy-protocol") > 0 ||
                  (wire_.path.starts_with("/service/") && speaks(AwsProtocol::rpc_cbor, AwsProtocol::rpc_cbor));
    bool action = false;
    std::optional<std::string_view> named;
    if (speaks(AwsProtocol::query, AwsProtocol::ec2)) {
      if (Status read = read_form(); !read && !target && !smithy) return fail(read.error());
      Result<std::optional<std::string_view>> found = only("Action");
      if (!found) return fail(found.error());
      named = *found;
      action = named.has_value();
    }
    if (target + smithy + action > 1)
      return refuse("aws.ambiguous", "the request names its operation in more than one protocol");
    if (target) return find_by_target(*wire_.headers->get("X-Amz-Target"));
    if (smithy) return find_by_rpc_path();
    if (action) return find_by_action(*named);
    return find_by_path();
  }

  // --- each form -------------------------------------------------------------------------------------------------

  Result<std::vector<AwsMatch>> find_by_target(std::string_view target) {
    std::size_t dot = target.rfind('.');
    if (dot == std::string_view::npos) return refuse(kUnknown, "X-Amz-Target names no operation");
    std::vector<AwsMatch> found;
    for (const AwsService* service : services_) {
      if (!service->protocols.contains(AwsProtocol::json) || service->target_prefix != target.substr(0, dot)) continue;
      if (const AwsOperation* operation = service->find(target.substr(dot + 1)))
        found.push_back({.operation = operation, .protocol = AwsProtocol::json, .labels = {}});
    }
    if (found.empty()) return refuse(kUnknown, "X-Amz-Target names no operation of this service");
    if (wire_.method != "POST" || wire_.path != "/" || !plain_query())
      return refuse("aws.malformed", "a request with X-Amz-Target must be a POST to / without a query");
    if (!type_.starts_with("application/x-amz-json-1.") && type_ != "application/json")
      return refuse("aws.malformed", "a request with X-Amz-Target must be JSON and say so");
    return one_of(std::move(found));
  }

  Result<std::vector<AwsMatch>> find_by_rpc_path() {
    if (wire_.headers->get("smithy-protocol").value_or("") != "rpc-v2-cbor")
      return refuse(kUnknown, "smithy-protocol must be rpc-v2-cbor");
    std::string_view rest = wire_.path;
    constexpr std::string_view kService = "/service/";
    constexpr std::string_view kOperation = "/operation/";
    std::size_t at = rest.find(kOperation);
    std::vector<AwsMatch> found;
    if (rest.starts_with(kService) && at != std::string_view::npos && at >= kService.size()) {
      std::string_view prefix = rest.substr(kService.size(), at - kService.size());
      std::string_view name = rest.substr(at + kOperation.size());
      for (const AwsService* service : services_) {
        if (!service->protocols.contains(AwsProtocol::rpc_cbor) || service->target_prefix != prefix) continue;
        if (const AwsOperation* operation = service->find(name))
          found.push_back({.operation = operation, .protocol = AwsProtocol::rpc_cbor, .labels = {}});
      }
    }
    if (found.empty()) return refuse(kUnknown, "the path names no operation of this service");
    if (wire_.method != "POST" || !plain_query())
      return refuse("aws.malformed", "an RPC request must be a POST without a query");
    if (!wire_.body.empty() && type_ != "application/cbor")
      return refuse("aws.malformed", "an RPC request must be CBOR and say so");
    return one_of(std::move(found));
  }

  Result<std::vector<AwsMatch>> find_by_action(std::string_view name) {
    Result<std::optional<std::string_view>> version = only("Version");
    if (!version) return fail(version.error());
    if (!*version) return refuse("aws.malformed", "a request with Action must have a Version");
    std::vector<AwsMatch> found;
    for (const AwsService* service : services_) {
      bool ec2 = service->protocols.contains(AwsProtocol::ec2);
      if (!ec2 && !service->protocols.contains(AwsProtocol::query)) continue;
      bool known =
          service->version == **version || std::ranges::find(service->versions, **version) != service->versions.end();
      const AwsOperation* operation = known ? service->find(name) : nullptr;
      if (operation)
        found.push_back(
            {.operation = operation, .protocol = ec2 ? AwsProtocol::ec2 : AwsProtocol::query, .labels = {}});
    }
    if (found.empty()) return refuse(kUnknown, "Action and Version name no operation of this service");
    // Clients of SQS's first protocol send to the queue's own path.
    bool queue = wire_.signing_service == "sqs" && wire_.path != "/";
    if (!queue && wire_.path != "/") return refuse(kUnknown, "a request with Action must be sent to /");
    if (queue) {
      Result<AwsPath> path = read_aws_path(wire_.path);
      if (!path) return fail(path.error());
      if (path->size() != 2 || wire_.path.find('%') != std::string_view::npos)
        return refuse(kUnknown, "the path is no queue's");
      queue_path_ = wire_.path;
    }
    if (wire_.method != "POST" && wire_.method != "GET")
      return refuse("aws.malformed", "a request with Action must be a GET or a POST");
    if (form_has_foreign_body_ || (wire_.method == "GET" && !wire_.body.empty()))
      return refuse("aws.malformed", "a request with Action must have a form as its body, or none");
    return one_of(std::move(found));
  }

  Result<std::vector<AwsMatch>> find_by_path() {
    std::vector<AwsMatch> found;
    std::optional<Error> problem;
    for (AwsSlash slash : {AwsSlash::exact, AwsSlash::either}) {
      if (!found.empty() || problem) break;
      for (const AwsService* service : services_) {
        if (!service->protocols.rest()) continue;
        Result<std::vector<AwsMatch>> here = route(*service, slash);
        if (here) {
          found.insert(found.end(), here->begin(), here->end());
        } else if (!problem || problem->code == kUnknown) {
          problem = here.error();
        }
      }
    }
    // A name that one service refuses as ambiguous is not another's by default.
    if (problem && problem->code != kUnknown && problem->code != "aws.malformed") return fail(*problem);
    if (found.empty() && problem) return fail(*problem);
    if (found.empty())
      return refuse(kUnknown, "no operation of " + std::string(wire_.signing_service) + " has this method and path");
    Result<std::vector<AwsMatch>> match = one_of(std::move(found));
    if (!match) return match;
    const AwsOperation& operation = *match->front().operation;
    for (const AwsPair& pair : query_) {
      if (pair.key != "Action") continue;
      if (std::ranges::none_of(
              operation.input ? operation.input->members : std::span<const AwsMember>(),
              [](const AwsMember& each) { return each.location == AwsLocation::query && each.wire_name == "Action"; }))
        return refuse("aws.contradictory", "the query has an Action, and the service takes none");
    }
    return match;
  }

  Result<std::vector<AwsMatch>> route(const AwsService& service, AwsSlash slash) {
    bool s3 = service.key == "s3";
    std::string_view bucket = s3 ? bucket_of_host(wire_.host, "") : std::string_view();
    // S3 Control shares the signing name and, at an address of ours, the host: its paths are nobody's bucket.
    if (s3 && bucket.empty() && (wire_.path == kControl || wire_.path.starts_with("/v20180820/")))
      return std::vector<AwsMatch>();
    Result<AwsPath> path = s3 ? read_s3_path(wire_.path, bucket) : read_aws_path(wire_.path);
    if (!path) return fail(path.error());
    return route_aws(service, wire_, *path, query_, s3 ? AwsKeys::known_only : AwsKeys::any,
                     s3 ? AwsSlash::exact : slash);
  }

  // --- one of several --------------------------------------------------------------------------------------------

  // Of services that share a signing name and of operations with several names: those that mean the same, the best name
  // first. Where the candidates differ in what they need, nothing is chosen.
  Result<std::vector<AwsMatch>> one_of(std::vector<AwsMatch> found) {
    auto keep = [&](auto&& condition) {
      if (std::ranges::any_of(found, condition) && !std::ranges::all_of(found, condition))
        std::erase_if(found, [&](const AwsMatch& each) { return !condition(each); });
    };
    keep([&](const AwsMatch& each) { return is_host_of(*each.operation->service, wire_.host); });
    if (auto name = operation_named_in_query())
      keep([&](const AwsMatch& each) { return each.operation->name == *name; });
    const AwsOperation& first = *found.front().operation;
    bool reads = std::ranges::all_of(found, [&](const AwsMatch& each) {
      return each.operation->effect == Effect::read && each.operation->service == first.service;
    });
    if (reads) {
      keep([&](const AwsMatch& each) { return is_action_of(*each.operation, wire_.signing_service); });
      keep([&](const AwsMatch& each) { return is_action_of(*each.operation, first.service->iam_prefix); });
    }
    bool alike = std::ranges::all_of(found, [&](const AwsMatch& each) {
      return each.operation->iam_action() == found.front().operation->iam_action();
    });
    if (!alike) {
      std::string names;
      for (const AwsMatch& each : found) {
        names += (names.empty() ? "" : ", ") + std::string(each.operation->service->key) + ":" +
                 std::string(each.operation->name);
      }
      return refuse("aws.ambiguous", "the request fits several operations: " + names);
    }
    // The most dangerous reading, the service that carries the signing name, the newer and longer name.
    std::ranges::sort(found, {}, [&](const AwsMatch& each) {
      const AwsOperation& operation = *each.operation;
      return std::tuple(kEffectCount - static_cast<std::size_t>(operation.effect),
                        operation.service->key != wire_.signing_service, 0 - operation.name.size(),
                        operation.service->key);
    });
    return found;
  }

  static bool is_action_of(const AwsOperation& operation, std::string_view prefix) {
    std::string_view action = operation.iam_action();
    return action.starts_with(prefix) && action.substr(prefix.size()).starts_with(':');
  }

  [[nodiscard]] std::optional<std::string_view> operation_named_in_query() const {
    auto found = std::ranges::find(query_, std::string_view("x-id"), &AwsPair::key);
    return found == query_.end() ? std::nullopt : std::optional(found->value);
  }

  // The AWS SDKs for JavaScript and Go repeat the operation's name as `x-id`.
  Status check_names(const AwsOperation& operation) const {
    for (const AwsPair& pair : query_) {
      if (pair.key == "x-id" && pair.value != operation.name) {
        return refuse("aws.contradictory", "the query says x-id=" + std::string(pair.value.substr(0, 64)) +
                                               ", the request is " + std::string(operation.name));
      }
    }
    return {};
  }

  // --- the body --------------------------------------------------------------------------------------------------

  // Whether the body holds parameters, and not bytes or a document of somebody else's.
  [[nodiscard]] static bool has_body_parameters(const AwsMatch& match) {
    const AwsOperation& operation = *match.operation;
    bool rest = match.protocol == AwsProtocol::rest_json || match.protocol == AwsProtocol::rest_xml;
    if (!rest) return true;
    if (operation.payload) {
      AwsType type = operation.payload->shape->type;
      return type != AwsType::blob && !(type == AwsType::structure && operation.traits.contains(AwsTrait::streaming));
    }
    return operation.input && std::ranges::any_of(operation.input->members, [](const AwsMember& each) {
             return each.location == AwsLocation::body;
           });
  }

  // The body as a tree; nullptr where it holds no parameters. `unread` is set when it holds some that cannot be read.
  Result<AwsNode*> read_body(const AwsMatch& match, bool& unread) {
    bool form = match.protocol == AwsProtocol::query || match.protocol == AwsProtocol::ec2;
    if (form) {
      Pairs parameters = form_;
      std::erase_if(parameters, [](const AwsPair& pair) {
        return pair.key == "Action" || pair.key == "Version" || is_signature_key(pair.key);
      });
      if (!queue_path_.empty() &&
          std::ranges::find(parameters, std::string_view("QueueUrl"), &AwsPair::key) == parameters.end())
        parameters.push_back({"QueueUrl", queue_path_, true});
      if (Status nested = nest_aws_pairs(std::move(parameters), raw_); !nested) return fail(nested.error());
      return &raw_.root();
    }
    if (!has_body_parameters(match)) return nullptr;
    if (!readable_) {
      unread = true;
      return nullptr;
    }
    if (wire_.body.empty()) return nullptr;
    bool rest = match.protocol == AwsProtocol::rest_json || match.protocol == AwsProtocol::rest_xml;
    if (rest && match.operation->payload && match.operation->payload->shape->type == AwsType::string) {
      if (!is_utf8(wire_.body)) return refuse("aws.malformed", "the body is not UTF-8");
      raw_.root().kind = AwsKind::string;
      raw_.root().text = wire_.body;
      return &raw_.root();
    }
    Status read = match.protocol == AwsProtocol::rpc_cbor   ? read_aws_cbor(wire_.body, raw_)
                  : match.protocol == AwsProtocol::rest_xml ? read_aws_xml(wire_.body, raw_)
                                                            : read_aws_json(wire_.body, raw_);
    if (!read) return fail(read.error());
    return &raw_.root();
  }

  Result<AwsCall> call(const AwsMatch& match) {
    AwsCall out;
    out.operation = match.operation;
    out.service = match.operation->service;
    out.dialect = match.protocol;
    out.action = "aws:" + std::string(out.service->iam_prefix) + ":" + std::string(out.operation->name);
    out.iam_action = out.operation->iam_action();

    bool unread = false;
    Result<AwsNode*> body = read_body(match, unread);
    if (!body) return fail(body.error());
    AwsSources sources{.operation = match.operation,
                       .protocol = match.protocol,
                       .labels = {},
                       .query = &query_,
                       .headers = wire_.headers,
                       .body = *body};
    for (auto [name, text] : match.labels) {
      Result<std::string> decoded = decode_aws_percent(text, AwsPlus::literal);
      if (!decoded) return fail(decoded.error());
      sources.labels.emplace_back(name, std::move(*decoded));
    }
    AwsTree parameters;
    if (Status mapped = map_aws_parameters(sources, parameters, out.flags); !mapped) return fail(mapped.error());
    if (Status named = name_aws_resources(wire_, *out.operation, parameters.root(), out); !named)
      return fail(named.error());
    if (unread) out.flags.emplace("body_unread");
    judge_aws_parameters(wire_, parameters.root(), out);
    write_aws_parameters(parameters.root(), out);
    out.effect = Effect::read;
    for (const AwsAccess& each : out.accesses) out.effect = std::max(out.effect, each.effect);
    return out;
  }

  const AwsCatalogue& catalogue_;
  const AwsWire& wire_;
  std::vector<const AwsService*> services_;
  AwsTree texts_;  // of query_ and form_
  AwsTree raw_;
  Pairs query_;
  Pairs form_;
  std::string_view type_;
  std::string_view queue_path_;
  bool readable_ = true;  // the body, if it holds parameters
  bool form_has_foreign_body_ = false;
};

}  // namespace

Result<AwsCall> recognise(const AwsCatalogue& catalogue, const AwsWire& wire) {
  return Recogniser(catalogue, wire).run();
}

}  // namespace countersign::adapters
