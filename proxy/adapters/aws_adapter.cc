#include "proxy/adapters/aws_adapter.h"

#include "core/json.h"
#include "core/words.h"
#include "proxy/adapters/aws_conversation.h"
#include "proxy/adapters/aws_request.h"
#include "proxy/adapters/aws_session_conversation.h"
#include "proxy/adapters/preview.h"
#include "proxy/adapters/sentence.h"

namespace countersign::adapters {
namespace {

constexpr std::size_t kMostShown = 200;    // of the resources
constexpr std::size_t kMostOfAnArn = 100;  // characters of one in a sentence

std::string_view verb_of(Effect effect) {
  switch (effect) {
    case Effect::read:
      return "reads ";
    case Effect::write:
      return "changes ";
    case Effect::execute:
      return "runs something through ";
    case Effect::mint:
      return "creates or reveals credentials of ";
    case Effect::administer:
      return "changes who may do what with ";
    case Effect::destroy:
      break;
  }
  return "destroys ";
}

std::string touched(const AwsCall& call) {
  std::string out;
  for (std::size_t i = 0; i < std::min(call.accesses.size(), kMostShown); ++i) {
    const AwsAccess& access = call.accesses[i];
    out += std::string(effect_name(access.effect)) + "  " + access.arn;
    out += access.why.empty() ? "\n" : "  (" + access.why + ")\n";
  }
  if (call.accesses.size() > kMostShown)
    out += "… and " + std::to_string(call.accesses.size() - kMostShown) + " more\n";
  return out;
}

// Whether the parameters leave out what the body says: an object's content, or what was too long to be read.
bool is_more_than_parameters(const AwsCall& call) {
  const AwsMember* payload = call.operation->payload;
  return (payload && payload->shape->type == AwsType::blob) || !call.left_out.empty() ||
         call.flags.contains("body_unread");
}

std::string indented(const std::string& json) {
  Result<Json> parsed = parse_json(json);
  return parsed ? parsed->dump(2) : json;
}

}  // namespace

AwsAdapter::AwsAdapter(config::Upstream upstream, const AwsSurroundings& around)
    : upstream_(std::move(upstream)), accounts_(around.accounts) {
  static const SystemClock system;
  const Clock& clock = around.clock ? *around.clock : system;
  if (upstream_.aws.tags) tags_ = std::make_unique<AwsTagReader>(upstream_, clock, around.log, around.metrics);
}

Task<Status> AwsAdapter::prepare(Doors& doors) {
  static_cast<void>(doors);
  co_return Status();
}

Result<std::unique_ptr<Conversation>> AwsAdapter::describe(const Inbound& inbound, Doors& doors) const {
  static_cast<void>(doors);
  Result<AwsRequest> request = read_aws_request(upstream_, inbound);
  if (!request) return fail(request.error());
  Result<std::optional<AwsSession>> session = read_aws_session(upstream_, accounts_, *request);
  if (!session) return fail(session.error());
  if (*session) {
    narrow_request(upstream_, *request);
    return std::make_unique<AwsSessionConversation>(std::move(*request), std::move(**session), upstream_.name,
                                                    inbound.narrower);
  }
  const Patience patience{.at_most = upstream_.aws.wait};
  return std::make_unique<AwsConversation>(upstream_.aws, std::move(*request), inbound.body, patience,
                                           AwsLabelling{tags_.get(), AwsTagReader::From::cache});
}

Result<std::unique_ptr<Conversation>> AwsAdapter::thaw(const approvals::Frozen& frozen, std::string_view body,
                                                       Doors& doors) const {
  static_cast<void>(doors);
  Result<AwsRequest> request = thaw_aws_request(upstream_, frozen, body);
  if (!request) return fail(request.error());
  // Never forwarded, whatever was stored when policies were others.
  Result<std::optional<AwsSession>> session = read_aws_session(upstream_, accounts_, *request);
  if (!session || *session)
    return fail(ErrorKind::conflict, "request.stale", "keys for a role are given at once or not at all: ask again");
  const BodyView view{.size = frozen.body_size, .sha256 = frozen.body_sha256};
  return std::make_unique<AwsConversation>(upstream_.aws, std::move(*request), view, Patience{},
                                           AwsLabelling{tags_.get(), AwsTagReader::From::upstream});
}

std::string AwsAdapter::sentence(const approvals::Frozen& frozen, std::string_view body,
                                 std::string_view environment) const {
  if (body.size() != frozen.body_size) return {};
  Result<AwsRequest> request = thaw_aws_request(upstream_, frozen, body);
  if (!request) return {};
  const AwsCall& call = request->call;
  std::string out = std::string(call.service->iam_prefix) + " " + std::string(call.operation->name) +
                    place(upstream_.name, environment) + ":";
  std::vector<std::string> arns;
  for (const AwsAccess& access : call.accesses) {
    if (access.effect == call.effect) arns.push_back(said(access.arn, kMostOfAnArn));
  }
  say(out, " " + std::string(verb_of(call.effect)), arns, kMaxSentence * 2 / 3);
  Result<Json> parameters = parse_json(call.parameters);
  if (parameters && parameters->is_object()) say(out, "; with ", said_members(*parameters, {}, " "), kMaxSentence - 1);
  return out + ".";
}

Preview AwsAdapter::preview(const approvals::Frozen& frozen, std::string_view body) const {
  Preview out;
  Result<AwsRequest> request = thaw_aws_request(upstream_, frozen, body);
  if (!request) {
    out.sentence = "The stored request cannot be read any more: " + request.error().message + ".";
    return out;
  }
  const AwsCall& call = request->call;
  out.sentence = request->operation.summary + ".";
  out.parts.push_back({"What it touches", "text/plain", printable(touched(call), kMaxPreviewBytes)});
  out.parts.push_back({"Parameters", "application/json", printable(indented(call.parameters), kMaxPreviewBytes)});
  if (!call.left_out.empty())
    out.parts.push_back({"Parameters not shown", "text/plain", printable(joined(call.left_out), kMaxPreviewBytes)});
  std::string lines = request->head.method + " " + request->head.target + "\n";
  for (const HeaderField& field : request->head.headers.fields()) lines += field.name + ": " + field.value + "\n";
  out.parts.push_back({"Request", "text/plain", printable(lines, kMaxPreviewBytes)});
  if (frozen.body_size > 0 && is_more_than_parameters(call)) {
    const bool encoded = request->head.headers.get("Content-Encoding").has_value();
    out.parts.push_back(
        preview_body("Body", body, frozen.body_size, frozen.body_sha256, encoded ? Coding::encoded : Coding::plain));
  }
  return out;
}

Task<Status> AwsAdapter::refuse(ReplySink& sink, Denial denial, const Inbound& inbound) const {
  const AwsTongue tongue = tongue_of(*inbound.head, inbound.signed_for ? inbound.signed_for->service : "");
  AwsFault fault = fault_of(tongue, denial.status, denial.error, denial.request);
  co_return co_await send_fault(sink, tongue, std::move(fault));
}

}  // namespace countersign::adapters
