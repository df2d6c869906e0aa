#include "proxy/adapters/git_push.h"

#include <algorithm>

#include "core/json_writer.h"
#include "core/sha256.h"
#include "proxy/adapters/git/pkt_line.h"
#include "proxy/adapters/git_words.h"
#include "proxy/adapters/outcome.h"

namespace countersign::adapters {
namespace {

constexpr std::string_view kResultType = "application/x-git-receive-pack-result";
constexpr std::size_t kMaxAnswer = 16U << 20;
constexpr TimeMs kHeartbeat = 5'000;

ResponseHead result_head() {
  ResponseHead head{200, {}};
  head.headers.add("Content-Type", kResultType);
  head.headers.add("Cache-Control", "no-cache");
  return head;
}

bool can_report(const git::PushCapabilities& capabilities) {
  return capabilities.report_status || capabilities.report_status_v2;
}

Task<Result<std::string>> read_all(HttpReply& reply) {
  std::string out;
  while (true) {
    Result<ByteView> piece = co_await reply.read();
    if (!piece) co_return fail(piece.error());
    if (piece->empty()) co_return out;
    if (out.size() + piece->size() > kMaxAnswer)
      co_return fail(ErrorKind::too_large, "git.bad_report", "the upstream's answer to the push is too long");
    out += as_text(*piece);
  }
}

// "refs/heads/main: non-fast-forward; …"
std::string refusals_of(const git::PushReport& report) {
  std::string out = report.unpack == "ok" ? "" : "unpack: " + report.unpack;
  for (const git::RefReport& each : report.refs) {
    if (!each.ok()) out += (out.empty() ? "" : "; ") + each.ref + ": " + each.refusal;
  }
  return out;
}

}  // namespace

GitPush::GitPush(const config::Upstream& upstream, GitRequest request, git::PushRequest push, BodyView body,
                 Patience patience)
    : upstream_(upstream),
      request_(std::move(request)),
      push_(std::move(push)),
      body_sha256_(body.sha256),
      body_size_(body.size),
      patience_(patience),
      ancestries_(push_.commands.size(), Ancestry::unknown) {
  if (patience_.at_most > 0 && push_.capabilities.side_band_64k) patience_.heartbeat = kHeartbeat;
  request_.operation = push_operation(upstream_, request_.route, push_, ancestries_);
}

approvals::Frozen GitPush::freeze() const {
  approvals::Frozen frozen;
  frozen.protocol = "git";
  frozen.upstream = request_.operation.upstream;
  frozen.head = freeze_git_head(request_.head);
  frozen.body_sha256 = body_sha256_;
  frozen.body_size = body_size_;
  // New object names speak for every object they reach, so a pack that is packed otherwise is still the same push.
  frozen.retry_identity = approvals::RetryIdentity::identity;
  JsonWriter identity(frozen.identity);
  identity.begin_object().member("atomic", push_.capabilities.atomic).key("commands").begin_array();
  for (const git::RefCommand& command : push_.commands)
    identity.begin_array().value(command.old_id).value(command.new_id).value(command.ref).end_array();
  identity.end_array().key("options").begin_array();
  for (const std::string& option : push_.options) {
    if (!option.starts_with(kWaitOption)) identity.value(option);
  }
  identity.end_array().member("target", request_.head.target).end_object();
  return frozen;
}

Task<Forwarded> GitPush::forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) {
  static_cast<void>(visible);
  HttpDoor* door = doors.http(request_.operation.upstream);
  Result<std::unique_ptr<HttpReply>> reply =
      fail(ErrorKind::unavailable, "upstream.connect_failed", "the upstream is not connected");
  if (door) {
    RequestHead head = request_.head;
    reply = co_await door->send(std::move(head), body);
  }
  if (reply) {
    HttpReply& answered = **reply;
    co_return co_await conclude(sink, answered);
  }
  const Error error = reply.error();
  Forwarded done{.outcome = outcome_of_error(error), .status = status_of_door_error(error), .detail = error.message};
  Denial denial{done.status, error, ""};
  std::ignore = co_await answer_denied(sink, std::move(denial));
  co_return done;
}

// The upstream has answered: what became of each ref, for the record and for the client.
Task<Forwarded> GitPush::conclude(ReplySink& sink, HttpReply& reply) {
  Forwarded done{.outcome = outcome_of_status(reply.head().status), .status = reply.head().status};
  Result<std::string> body = co_await read_all(reply);
  if (!body || done.status != 200) {
    if (!body) done.outcome = "unknown";
    done.detail = body ? "the upstream refused the push with status " + std::to_string(done.status)
                       : "the upstream's answer broke off: " + body.error().message;
    const ErrorKind kind = body ? ErrorKind::forbidden : ErrorKind::unavailable;
    Denial denial{done.status == 200 ? 502 : done.status, Error{kind, "upstream.refused", done.detail}, ""};
    std::ignore = co_await answer_denied(sink, std::move(denial));
    co_return done;
  }
  done.body_sha256 = to_hex(sha256(as_bytes(*body)));
  done.body_bytes = body->size();
  if (can_report(push_.capabilities)) {
    Result<git::ReadReport> read = git::read_report(*body, push_.capabilities);
    if (!read) {
      done.outcome = "unknown";
      done.detail = read.error().message;
    } else if (!read->report.all_ok()) {
      done.outcome = "client_error";
      done.detail = refusals_of(read->report);
    }
  }
  Status sent = co_await answer(sink, std::move(*body));
  if (!sent) done.detail += "; the agent did not take the answer: " + sent.error().message;
  co_return done;
}

git::PushReport GitPush::refused_report(std::string_view why) const {
  git::PushReport report{"ok", {}};
  for (const git::RefCommand& command : push_.commands) report.refs.push_back({command.ref, std::string(why), {}});
  return report;
}

Task<Status> GitPush::answer(ReplySink& sink, std::string packets) {
  const bool begun = sink.started();
  Status sent;
  if (!begun) {
    ResponseHead head = result_head();
    std::optional<std::uint64_t> length = packets.size();
    sent = co_await sink.start(std::move(head), length);
  }
  ByteView bytes = as_bytes(packets);
  if (sent && !bytes.empty()) sent = co_await sink.write(bytes);
  if (sent) sent = co_await sink.finish();
  co_return sent;
}

Task<Status> GitPush::answer_denied(ReplySink& sink, Denial denial) {
  std::string lines = denied_lines(denial);
  if (!can_report(push_.capabilities) && !sink.started())
    co_return co_await send_lines(sink, denial.status, std::move(lines));
  const git::PushReport report = refused_report("denied (" + denial.error.code + ")");
  std::string packets = git::write_report(report, push_.capabilities, lines);
  co_return co_await answer(sink, std::move(packets));
}

Task<Status> GitPush::heartbeat(ReplySink& sink, Pending pending) {
  std::string packets;
  if (!sink.started()) {
    ResponseHead head = result_head();
    std::optional<std::uint64_t> unknown;
    Status started = co_await sink.start(std::move(head), unknown);
    if (!started) co_return started;
    packets = git::write_progress(
        push_.capabilities, held_lines(pending) + "countersign: waiting, as asked; ending this changes nothing\n");
  } else {
    git::write_pkt(packets, "\x01");  // what git's own server sends to keep a connection open: nothing, on channel 1
  }
  ByteView bytes = as_bytes(packets);
  co_return co_await sink.write(bytes);
}

Task<Status> GitPush::answer_held(ReplySink& sink, Pending pending) {
  std::string lines = held_lines(pending);
  git::PushReport report = refused_report("held for approval (" + pending.request + ")");
  if (push_.capabilities.report_status_v2) {
    for (git::RefReport& each : report.refs) each = {each.ref, "", {{"refname", "refs/approvals/" + pending.request}}};
  }
  std::string packets = git::write_report(report, push_.capabilities, lines);
  co_return co_await answer(sink, std::move(packets));
}

Task<Status> GitPush::deliver(ReplySink& sink, approvals::StoredReply reply) {
  if (!reply.truncated && reply.status == 200) co_return co_await answer(sink, std::move(reply.body));
  Denial denial{502, Error{ErrorKind::internal, "approval.reply_truncated", "the push ran; fetch to see its result"},
                ""};
  co_return co_await answer_denied(sink, std::move(denial));
}

}  // namespace countersign::adapters
