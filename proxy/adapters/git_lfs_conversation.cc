#include "proxy/adapters/git_lfs_conversation.h"

#include <algorithm>

#include "core/json_writer.h"
#include "core/sha256.h"
#include "proxy/adapters/git_operations.h"
#include "proxy/adapters/http_fields.h"
#include "proxy/adapters/outcome.h"
#include "proxy/adapters/relay.h"

namespace countersign::adapters {
namespace {

constexpr std::size_t kMaxAnswer = 8U << 20;
constexpr TimeMs kMaxWait = 600'000;
constexpr std::string_view kProto = "X-Forwarded-Proto";

// "http://127.0.0.1:8700", from what the client sent: it only ever comes back to the same client.
Result<std::string> origin_of(const HeaderList& headers, std::string_view scheme) {
  std::string_view host = headers.get("Host").value_or("");
  const bool plain = !host.empty() && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._:[]").contains(c);
  });
  if (!plain) return fail(ErrorKind::malformed, "git.bad_lfs", "the request does not say which host it is for");
  std::string_view proto = headers.get(kProto).value_or(scheme);
  return std::string(proto == "https" || proto == "http" ? proto : scheme) + "://" + std::string(host);
}

Operation operation_of(const config::Upstream& upstream, const GitRoute& route, const LfsRequest& lfs) {
  Operation operation = fetch_operation(upstream, route);
  operation.action = lfs.action;
  operation.summary = lfs.summary + " " + route.repository + " on " + upstream.name;
  operation.input = lfs.input;
  for (Access& access : operation.accesses) {
    access.effect = lfs.effect;
    if (lfs.ref.empty() || !is_change(lfs.effect)) continue;
    access.resource.type = "Ref";
    access.resource.name += "/" + lfs.ref;
    access.resource.id += "/" + lfs.ref;
  }
  return operation;
}

// The bytes that are uploaded must be the object: what was judged, and perhaps approved, is its SHA-256.
Status check_content(const LfsObject& object, const BodyView& body) {
  const std::string digest = body.size == 0 ? to_hex(sha256("")) : body.sha256;
  if (body.size == static_cast<std::uint64_t>(object.size) && digest == object.oid) return {};
  return fail(ErrorKind::malformed, "git.lfs_content", "the bytes are not those of the LFS object " + object.oid);
}

// What a request to a ticket's address does.
Result<LfsRequest> read_object_request(const LfsTicket& ticket, const GitRoute& route, const Inbound& inbound) {
  if (ticket.method != inbound.head->method || ticket.repository != route.repository)
    return fail(ErrorKind::not_found, "git.lfs_ticket", "this address of an LFS file is for something else");
  std::vector<LfsObject> objects{ticket.object};
  const std::string amount = lfs_amount(objects);
  if (ticket.method == "GET") {
    if (inbound.body.size > 0) return fail(ErrorKind::malformed, "git.bad_lfs", "a download has no body");
    return LfsRequest{"git:fetch", Effect::read, ticket.ref, "download " + amount + " from", "", std::move(objects)};
  }
  LfsRequest out{"git:lfs_upload", Effect::write, ticket.ref, "upload " + amount + " to"};
  out.input = lfs_input(ticket.ref, objects);
  if (ticket.method == "PUT") {
    if (inbound.head->headers.get("Content-Encoding"))
      return fail(ErrorKind::malformed, "git.bad_lfs", "a compressed LFS file is not read");
    Status whole = check_content(ticket.object, inbound.body);
    if (!whole) return fail(whole.error());
  } else {
    Result<LfsRequest> verified =
        read_lfs(GitService::lfs_verify_object, inbound.head->headers, inbound.body.in_memory);
    if (!verified) return fail(verified.error());
    if (verified->objects != objects)
      return fail(ErrorKind::not_found, "git.lfs_ticket", "this address of an LFS file is for another one");
    out.summary = verified->summary;
  }
  out.objects = std::move(objects);
  return out;
}

Task<Forwarded> give_up(ReplySink& sink, Forwarded done, Error error) {
  done.detail = error.message;
  std::string message = "countersign: " + error.message + " (" + error.code + ")";
  Status sent = co_await send_lfs_message(sink, done.status, std::move(message));
  if (!sent) done.detail += "; the agent did not take the answer: " + sent.error().message;
  co_return done;
}

}  // namespace

Result<std::unique_ptr<Conversation>> describe_lfs(const config::Upstream& upstream, const LfsGate& gate,
                                                   GitRoute route, const Inbound& inbound, LfsStanding standing) {
  const RequestHead& head = *inbound.head;
  LfsConversation::Call call;
  call.standing = standing;
  call.body = inbound.body;
  call.patience.at_most = preferred_wait(head.headers, kMaxWait);
  Result<std::string> origin = origin_of(head.headers, gate.scheme);
  if (!origin) return fail(origin.error());
  call.origin = std::move(*origin);

  const bool file = route.service == GitService::lfs_object;
  if (!file && (inbound.body.size > kMaxLfsBody || !inbound.body.complete()))
    return fail(ErrorKind::too_large, "git.too_large", "the LFS request is too long");
  Result<LfsRequest> lfs = fail(ErrorKind::internal, "git.bad_lfs", "not an LFS request");
  if (file || route.service == GitService::lfs_verify_object) {
    // A stored request was in time when it was made.
    const TimeMs now = standing == LfsStanding::approved ? 0 : gate.clock.now();
    Result<LfsTicket> ticket = gate.tickets.open(lfs_ticket_of(inbound.rest), now);
    if (!ticket) return fail(ticket.error());
    lfs = read_object_request(*ticket, route, inbound);
    call.ticket = std::move(*ticket);
  } else {
    lfs = read_lfs(route.service, head.headers, inbound.body.in_memory);
  }
  if (!lfs) return fail(lfs.error());
  Operation operation = operation_of(upstream, route, *lfs);
  // The batch was put to people, object by object; this is one of them.
  if (call.ticket && call.ticket->standing == LfsStanding::approved) {
    operation.reach = Reach::gateway;
    operation.summary += ", as approved with its batch";
  }
  call.lfs = std::move(*lfs);
  call.request = {std::move(route),
                  {head.method, std::string(inbound.rest), fields_to_forward(head.headers)},
                  std::move(operation)};
  return std::make_unique<LfsConversation>(upstream, gate, std::move(call));
}

Task<Status> send_lfs_message(ReplySink& sink, int status, std::string message) {
  HeaderList extra;
  extra.add("Cache-Control", "no-store");
  std::string type(kLfsMediaType);
  std::string body = lfs_message(message);
  co_return co_await send(sink, status, std::move(type), std::move(body), std::move(extra));
}

std::string lfs_denied_message(const Denial& denial) {
  std::string out = "countersign: denied (" + denial.error.code + ")";
  if (!denial.request.empty()) out += " " + denial.request;
  return out + ": " + denial.error.message;
}

// With the gateway's own address in it, so that the stored request is answered as this one would be.
approvals::Frozen LfsConversation::freeze() const {
  RequestHead head = call_.request.head;
  const std::size_t host = call_.origin.find("://") + 3;
  head.headers.set("Host", std::string_view(call_.origin).substr(host));
  head.headers.set(kProto, std::string_view(call_.origin).substr(0, host - 3));
  approvals::Frozen frozen;
  frozen.protocol = "git";
  frozen.upstream = call_.request.operation.upstream;
  frozen.head = freeze_git_head(head);
  frozen.body_sha256 = call_.body.sha256;
  frozen.body_size = call_.body.size;
  frozen.identity = identity();
  if (!call_.lfs.objects.empty()) frozen.retry_identity = approvals::RetryIdentity::identity;
  return frozen;
}

// Objects speak for themselves, in whatever order and with whatever wishes for their transfer they are named.
std::string LfsConversation::identity() const {
  if (call_.lfs.objects.empty()) return call_.request.head.method + " " + call_.request.head.target;
  std::vector<LfsObject> objects = call_.lfs.objects;
  std::ranges::sort(objects);
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().member("action", call_.lfs.action).member("method", call_.request.head.method);
  writer.key("objects").begin_array();
  for (const LfsObject& each : objects) writer.begin_array().value(each.oid).value(each.size).end_array();
  writer.end_array()
      .member("ref", call_.lfs.ref)
      .member("repository", call_.request.route.repository)
      .member("service", static_cast<std::int64_t>(call_.request.route.service))
      .end_object();
  return out;
}

std::string LfsConversation::tickets_address() const {
  return call_.origin + "/" + upstream_.name + std::string(lfs_repository_path(call_.request.head.target)) +
         "/info/lfs/countersign/";
}

Task<Forwarded> LfsConversation::forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) {
  static_cast<void>(visible);
  RequestHead head = call_.request.head;
  if (call_.ticket) head.target = call_.ticket->path;
  if (call_.request.route.service == GitService::lfs_batch) head.headers.remove("Accept-Encoding");  // it is read
  Result<std::unique_ptr<HttpReply>> reply = co_await ask_upstream(doors, upstream_.name, std::move(head), body);
  if (!reply) {
    Error error = reply.error();
    Forwarded done{.outcome = outcome_of_error(error), .status = status_of_door_error(error)};
    co_return co_await give_up(sink, std::move(done), std::move(error));
  }
  HttpReply& answer = **reply;
  HttpDoor* door = doors.http(upstream_.name);
  const LfsUpstream upstream{upstream_.url, [door](std::string_view text) { return door->shows_credential(text); }};
  if (call_.request.route.service == GitService::lfs_batch) co_return co_await pass_batch(answer, upstream, sink);
  co_return co_await pass_object(answer, upstream, sink);
}

Task<Forwarded> LfsConversation::pass_batch(HttpReply& reply, const LfsUpstream& upstream, ReplySink& sink) {
  const int status = reply.head().status;
  Forwarded done{.outcome = outcome_of_status(status), .status = status};
  Error too_long{ErrorKind::unavailable, "git.lfs_answer", "the upstream's answer to an LFS batch is too long"};
  Result<std::string> body = co_await read_all(reply, kMaxAnswer, std::move(too_long));
  if (body) {
    done.body_sha256 = to_hex(sha256(as_bytes(*body)));
    done.body_bytes = body->size();
    if (reply.head().headers.get("Content-Encoding"))
      body = fail(ErrorKind::unavailable, "git.lfs_answer", "the upstream's answer to an LFS batch is compressed");
  } else {
    done.outcome = "unknown";
  }
  if (body && status == 200) {
    const LfsAsked asked{tickets_address(), call_.request.route.repository, &call_.lfs, call_.standing,
                         gate_.clock.now()};
    body = pass_lfs_answer(std::move(*body), upstream, gate_.tickets, asked);
  } else if (body && upstream.shows_credential(*body)) {
    body = fail(ErrorKind::unavailable, "git.lfs_credential", "the upstream's answer shows its credential");
  }
  if (!body) {
    Error error = body.error();
    done.status = 502;
    co_return co_await give_up(sink, std::move(done), std::move(error));
  }
  HeaderList fields = fields_to_answer(reply.head().headers);
  std::string no_type;  // it is among the fields
  Status sent = co_await send(sink, status, std::move(no_type), std::move(*body), std::move(fields));
  if (!sent) done.detail = "the agent did not take the answer: " + sent.error().message;
  co_return done;
}

// Locks, and files. Streams.
Task<Forwarded> LfsConversation::pass_object(HttpReply& reply, const LfsUpstream& upstream, ReplySink& sink) {
  RelayStart start{.fields = fields_to_answer(reply.head().headers)};
  if (auto location = start.fields.get("Location"); location && call_.ticket) {
    Result<std::string> passed =
        pass_lfs_location(*location, upstream, gate_.tickets, tickets_address(), *call_.ticket);
    if (!passed) {
      Error error = passed.error();
      Forwarded done{.outcome = outcome_of_status(reply.head().status), .status = 502};
      co_return co_await give_up(sink, std::move(done), std::move(error));
    }
    start.fields.set("Location", *passed);
  }
  co_return co_await relay(reply, sink, std::move(start));
}

Task<Status> LfsConversation::answer_denied(ReplySink& sink, Denial denial) {
  std::string message = lfs_denied_message(denial);
  co_return co_await send_lfs_message(sink, denial.status, std::move(message));
}

Task<Status> LfsConversation::heartbeat(ReplySink& sink, Pending pending) {
  static_cast<void>(sink);  // an LFS answer has no way to say "still waiting" before it
  static_cast<void>(pending);
  co_return Status();
}

Task<Status> LfsConversation::answer_held(ReplySink& sink, Pending pending) {
  std::string message = "countersign: held for approval as " + pending.request + ": " + pending.reason +
                        "; approve at " + pending.link + " until " + format_time(pending.expires) +
                        "; nothing has been done yet: run the same command again once it is approved";
  co_return co_await send_lfs_message(sink, 403, std::move(message));
}

Task<Status> LfsConversation::deliver(ReplySink& sink, approvals::StoredReply reply) {
  Result<HeaderList> headers = decode_headers(reply.head);
  if (!headers || reply.truncated) {
    std::string message = "countersign: the answer was too long to be kept; run the same command again";
    co_return co_await send_lfs_message(sink, 502, std::move(message));
  }
  std::string no_type;  // it is among the stored headers
  co_return co_await send(sink, reply.status, std::move(no_type), std::move(reply.body), std::move(*headers));
}

}  // namespace countersign::adapters
