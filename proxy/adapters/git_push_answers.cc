#include "core/json_writer.h"
#include "proxy/adapters/git/pkt_line.h"
#include "proxy/adapters/git_held_refs.h"
#include "proxy/adapters/git_push.h"
#include "proxy/adapters/git_words.h"

// What a push is answered with.

namespace countersign::adapters {
namespace {

constexpr std::string_view kResultType = "application/x-git-receive-pack-result";

ResponseHead result_head() {
  ResponseHead head{200, {}};
  head.headers.add("Content-Type", kResultType);
  head.headers.add("Cache-Control", "no-cache");
  return head;
}

}  // namespace

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
  const bool more = sent && !bytes.empty();
  if (more) sent = co_await sink.write(bytes);
  if (sent) sent = co_await sink.finish();
  co_return sent;
}

Task<Status> GitPush::answer_denied(ReplySink& sink, Denial denial) {
  std::string lines = denied_lines(denial) + remarks();
  if (!git::can_report(push_.capabilities) && !sink.started())
    co_return co_await send_lines(sink, denial.status, std::move(lines));
  const git::PushReport report =
      refused_report((denial.error.kind == ErrorKind::unavailable ? "failed (" : "denied (") + denial.error.code + ")");
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
    const std::string whole = std::string(kHeldRefs) + pending.request;
    for (git::RefReport& each : report.refs) each = {each.ref, "", {{"refname", whole}}};
    // Where several refs can be fetched, each under a name of its own.
    std::vector<HeldTip> tips = held_tips(pending.request, push_);
    for (std::size_t i = 0, tip = 0; i < push_.commands.size() && tip < tips.size(); ++i) {
      if (push_.commands[i].kind() == git::CommandKind::remove) continue;
      report.refs[i].options.front().second = std::move(tips[tip++].name);
    }
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
