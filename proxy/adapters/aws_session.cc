#include "proxy/adapters/aws_session.h"

#include <algorithm>
#include <charconv>

#include "core/clock.h"
#include "core/json_reader.h"
#include "core/json_writer.h"
#include "core/markup.h"
#include "core/sha256.h"
#include "core/visible.h"
#include "proxy/adapters/aws_session_policy.h"

namespace countersign::adapters {
namespace {

constexpr std::size_t kMostShown = 200;

// Seconds, as the reference of AWS's Security Token Service has them.
struct Durations {
  std::int64_t least = 900;
  std::int64_t most = 43'200;
  std::int64_t unsaid = 3'600;
};

std::unexpected<Error> invalid(std::string_view code, std::string message) {
  return fail(ErrorKind::invalid, std::string(code), std::move(message));
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// [\w+=,.@-], and '/' where a path may stand.
bool is_iam_text(std::string_view text, std::string_view more = {}) {
  return std::ranges::all_of(text, [&](char c) {
    return is_word(c) || std::string_view("+=,.@-").find(c) != std::string_view::npos ||
           more.find(c) != std::string_view::npos;
  });
}

std::optional<AwsSession::Kind> kind_of(const AwsCall& call) {
  if (call.service->key != "sts") return std::nullopt;
  const std::string_view name = call.operation->name;
  if (name == "AssumeRole") return AwsSession::Kind::role;
  if (name == "GetSessionToken") return AwsSession::Kind::caller;
  if (name == "GetFederationToken") return AwsSession::Kind::federated;
  return std::nullopt;
}

Result<TimeMs> duration_of(JsonValue parameters, const Durations& limits) {
  const JsonValue given = parameters.member("DurationSeconds");
  if (!given) return limits.unsaid * 1000;
  std::optional<std::int64_t> seconds = given.integer();
  if (auto text = given.string()) {
    std::int64_t value = 0;
    auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error == std::errc() && end == text->data() + text->size()) seconds = value;
  }
  if (!seconds || *seconds < limits.least || *seconds > limits.most)
    return invalid("aws.session_duration", "DurationSeconds must be a number from " + std::to_string(limits.least) +
                                               " to " + std::to_string(limits.most));
  return *seconds * 1000;
}

Result<std::string> name_of(JsonValue parameters, std::string_view member, std::size_t most) {
  const std::string_view name = parameters.member(member).string().value_or("");
  if (name.size() < 2 || name.size() > most || !is_iam_text(name))
    return invalid("aws.session_name", std::string(member) + " must have 2 to " + std::to_string(most) +
                                           " letters, digits and any of _ + = , . @ -");
  return std::string(name);
}

// arn:PARTITION:iam::ACCOUNT:role/PATH/NAME
Status read_role(std::string_view arn, AwsSession& out) {
  auto wrong = [&] {
    return invalid("aws.session_role",
                   printable(arn, kMostShown) + " is no role: write arn:aws:iam::<12 digits>:role/<name> as RoleArn");
  };
  out.role_arn = arn;
  std::vector<std::string_view> parts;
  for (std::string_view rest = arn; parts.size() < 6;) {
    const std::size_t end = parts.size() == 5 ? rest.size() : std::min(rest.find(':'), rest.size());
    parts.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const std::string_view name = parts[5];
  const bool digits =
      parts[4].size() == 12 && std::ranges::all_of(parts[4], [](char c) { return c >= '0' && c <= '9'; });
  if (arn.size() > 2048 || parts[0] != "arn" || !parts[1].starts_with("aws") || !is_iam_text(parts[1]) ||
      parts[2] != "iam" || !parts[3].empty() || !digits || !name.starts_with("role/") || !is_iam_text(name, "/"))
    return wrong();
  out.partition = parts[1];
  out.account = parts[4];
  out.role = name.substr(name.rfind('/') + 1);
  return out.role.empty() || out.role.size() > 64 ? wrong() : Status();
}

Status check_account(const config::Upstream& upstream, const AwsAccounts& accounts, const AwsSession& session) {
  const std::string& own = upstream.aws.id;
  if (own.empty() || own == session.account) return {};
  const auto other = accounts.find(session.account);
  const std::string where = other == accounts.end()
                                ? "no upstream of this gateway serves that account"
                                : "that account is served by the upstream " + other->second + ": use its endpoint, /" +
                                      other->second + ", with a token that names it";
  return fail(ErrorKind::forbidden, "aws.role_of_another_account",
              "the role is one of account " + session.account + ", and the upstream " + upstream.name + " is account " +
                  own + "; " + where);
}

std::string base32_of(std::string_view text, std::size_t characters) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const Digest digest = sha256(as_bytes(text));
  std::string out;
  for (std::size_t i = 0; i < characters; ++i) out += kAlphabet[digest[i] & 31U];
  return out;
}

// Who the keys are of, as STS tells it: names of an id and an ARN, and both. Empty for kind caller.
struct User {
  std::string_view element, id_name;
  std::string id, arn;
};
User user_of(const AwsSession& session) {
  const std::string arn = "arn:" + session.partition + ":sts::" + session.account + ":";
  switch (session.kind) {
    case AwsSession::Kind::role:
      return {"AssumedRoleUser", "AssumedRoleId", "AROA" + base32_of(session.role_arn, 17) + ":" + session.name,
              arn + "assumed-role/" + session.role + "/" + session.name};
    case AwsSession::Kind::federated:
      return {"FederatedUser", "FederatedUserId", session.account + ":" + session.name,
              arn + "federated-user/" + session.name};
    case AwsSession::Kind::caller:
      break;
  }
  return {};
}

std::string_view operation_of(AwsSession::Kind kind) {
  switch (kind) {
    case AwsSession::Kind::role:
      return "AssumeRole";
    case AwsSession::Kind::caller:
      return "GetSessionToken";
    case AwsSession::Kind::federated:
      break;
  }
  return "GetFederationToken";
}

std::string element(std::string_view name, std::string_view text) {
  return "<" + std::string(name) + ">" + escape_markup(text) + "</" + std::string(name) + ">";
}

}  // namespace

Result<std::optional<AwsSession>> read_aws_session(const config::Upstream& upstream, const AwsAccounts& accounts,
                                                   const AwsRequest& request) {
  const AwsCall& call = request.call;
  const std::optional<AwsSession::Kind> kind = kind_of(call);
  if (!kind) return std::optional<AwsSession>();
  Result<JsonDocument> document = JsonDocument::parse(call.parameters);
  if (!document || !call.left_out.empty() || call.flags.contains("body_unread"))
    return invalid("aws.session_unread",
                   "the request is too long, or compressed: keys are given for what is read whole");
  const JsonValue parameters = document->root();
  if (parameters.member("PolicyArns"))
    return invalid("aws.session_policy_arns",
                   "managed session policies (PolicyArns) are not known here, so they cannot be kept: leave them out");
  AwsSession out;
  out.kind = *kind;
  out.account = upstream.aws.id.empty() ? "000000000000" : upstream.aws.id;
  out.partition = upstream.aws.partition;
  Durations limits;
  if (out.kind != AwsSession::Kind::role) limits = {.most = 129'600, .unsaid = 43'200};
  Result<TimeMs> duration = duration_of(parameters, limits);
  if (!duration) return fail(duration.error());
  out.duration = *duration;
  if (out.kind != AwsSession::Kind::caller) {
    const bool role = out.kind == AwsSession::Kind::role;
    Result<std::string> name = role ? name_of(parameters, "RoleSessionName", 64) : name_of(parameters, "Name", 32);
    if (!name) return fail(name.error());
    out.name = std::move(*name);
  }
  if (out.kind == AwsSession::Kind::role) {
    if (Status read = read_role(parameters.member("RoleArn").string().value_or(""), out); !read)
      return fail(read.error());
    if (Status served = check_account(upstream, accounts, out); !served) return fail(served.error());
  }
  if (const JsonValue policy = parameters.member("Policy")) {
    auto actions = actions_of_session_policy(AwsCatalogue::embedded(), policy.string().value_or(""));
    if (!actions) return fail(actions.error());
    out.actions = std::move(*actions);
  }
  return std::optional(std::move(out));
}

void narrow_request(const config::Upstream& upstream, AwsRequest& request) {
  request.call.effect = Effect::read;
  for (AwsAccess& access : request.call.accesses) access.effect = Effect::read;
  request.call.flags.emplace(kAwsNarrowedSession);
  request.operation = aws_operation(upstream, request);
  request.operation.reach = Reach::narrowing;
}

std::string delegate_of(const AwsSession& session) {
  if (session.name.empty()) return {};
  std::string out = session.kind == AwsSession::Kind::federated ? "federated/" : "session/";
  for (char c : session.name) out += c == '=' ? ':' : c == ',' ? '/' : c;
  return out;
}

std::string session_answer(const AwsSession& session, const AwsSessionKeys& keys, std::string_view request_id,
                           AwsSessionForm form) {
  const std::string name(operation_of(session.kind));
  const User user = user_of(session);
  if (form == AwsSessionForm::json) {
    std::string out;
    JsonWriter w(out);
    w.begin_object().key(name + "Response").begin_object().key(name + "Result").begin_object();
    if (session.kind == AwsSession::Kind::role)
      w.key(user.element).begin_object().member("Arn", user.arn).member(user.id_name, user.id).end_object();
    w.key("Credentials").begin_object().member("AccessKeyId", keys.key_id).member("Expiration", keys.expires / 1000);
    w.member("SecretAccessKey", keys.secret).member("SessionToken", keys.token).end_object();
    if (session.kind == AwsSession::Kind::federated)
      w.key(user.element).begin_object().member("Arn", user.arn).member(user.id_name, user.id).end_object();
    w.end_object().key("ResponseMetadata").begin_object().member("RequestId", request_id).end_object();
    w.end_object().end_object();
    return out;
  }
  std::string out = "<" + name + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" + name +
                    "Result><Credentials>" + element("AccessKeyId", keys.key_id) +
                    element("SecretAccessKey", keys.secret) + element("SessionToken", keys.token) +
                    element("Expiration", format_time(keys.expires)) + "</Credentials>";
  if (!user.element.empty())
    out += "<" + std::string(user.element) + ">" + element(user.id_name, user.id) + element("Arn", user.arn) + "</" +
           std::string(user.element) + ">";
  return out + "</" + name + "Result><ResponseMetadata>" + element("RequestId", request_id) + "</ResponseMetadata></" +
         name + "Response>";
}

}  // namespace countersign::adapters
