#include "proxy/adapters/git_push.h"

#include <algorithm>

#include "core/json_writer.h"
#include "core/sha256.h"
#include "proxy/adapters/git_facts.h"
#include "proxy/adapters/git_held_refs.h"
#include "proxy/adapters/git_preview.h"
#include "proxy/adapters/outcome.h"
#include "proxy/adapters/relay.h"

namespace countersign::adapters {
namespace {

constexpr std::string_view kService = "/git-receive-pack";
constexpr std::string_view kBackups = "refs/countersign/backup/";
constexpr std::size_t kMaxAnswer = 16U << 20;
constexpr TimeMs kHeartbeat = 5'000;

// "refs/heads/main: non-fast-forward; …"
std::string refusals_of(const git::PushReport& report) {
  std::string out = report.unpack == "ok" ? "" : "unpack: " + report.unpack;
  for (const git::RefReport& each : report.refs) {
    if (!each.ok()) out += (out.empty() ? "" : "; ") + each.ref + ": " + each.refusal;
  }
  return out;
}

std::string value_of(std::string_view id) {
  return git::is_null_id(id) ? "not there" : "at " + std::string(id);
}

// Whether what the ref holds now may be reached from nowhere afterwards.
bool loses(const git::RefCommand& command, git::Ancestry ancestry) {
  return command.kind() != git::CommandKind::create && ancestry != git::Ancestry::fast_forward;
}

// For a shell: people paste this, and a ref's name may be a command.
std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

// Refs that belong to the gateway, however they are spelt: hosts on some file systems ignore the case of letters.
bool is_reserved(std::string_view ref) {
  const std::string lower = lower_ascii(ref) + "/";
  return lower.starts_with(kHeldRefs) || lower.starts_with("refs/countersign/");
}

}  // namespace

GitPush::GitPush(const config::Upstream& upstream, GitWorkshop& workshop, GitRequest request, git::PushRequest push,
                 BodyView body, Patience patience)
    : upstream_(upstream),
      workshop_(workshop),
      request_(std::move(request)),
      push_(std::move(push)),
      body_sha256_(body.sha256),
      body_size_(body.size),
      patience_(patience),
      taken_(push_.commands.size(), false) {
  if (patience_.at_most > 0 && push_.capabilities.side_band_64k) patience_.heartbeat = kHeartbeat;
  request_.operation = push_operation(upstream_, request_.route, push_, nullptr);
}

std::optional<GitUpstream> GitPush::client(Doors& doors) const {
  HttpDoor* door = doors.http(upstream_.name);
  if (door == nullptr) return std::nullopt;
  std::string_view path = request_.head.target;
  path.remove_suffix(kService.size());
  return GitUpstream(*door, workshop_.memory(), upstream_.name, std::string(path));
}

PushQuestion GitPush::question(GitUpstream& upstream, BodySource* body) const {
  return {&workshop_, &upstream, upstream_.name + upstream.place().path, &push_, body};
}

Task<Status> GitPush::look_closer(Doors& doors, BodySource* body) {
  for (const git::RefCommand& command : push_.commands) {
    if (is_reserved(command.ref)) {
      co_return fail(ErrorKind::forbidden, "git.reserved_ref", command.ref + " is written by the gateway alone");
    }
  }
  if (!git::can_report(push_.capabilities))
    co_return fail(ErrorKind::malformed, "git.no_report", "a push must ask for a report of what became of it");
  std::optional<GitUpstream> upstream = client(doors);
  if (!upstream) co_return fail(not_connected());
  const PushQuestion asked = question(*upstream, body);
  auto findings = co_await examine_push(&doors, &asked);
  if (!findings) co_return fail(findings.error());
  findings_ = std::move(*findings);
  request_.operation = push_operation(upstream_, request_.route, push_, &*findings_);
  co_return Status();
}

Task<Status> GitPush::prepare_hold(Doors& doors) {
  Status fresh = co_await check_fresh(doors);
  if (!fresh) co_return fresh;
  std::optional<GitUpstream> upstream = client(doors);
  const bool known = upstream && findings_ && findings_->quarantine;
  if (!known) co_return fail(ErrorKind::internal, "git.not_examined", "the push was not looked into");
  const PushQuestion asked = question(*upstream, nullptr);
  std::string sentence = request_.operation.summary;
  auto shown = co_await preview_push(&doors, &asked, &*findings_, std::move(sentence));
  if (!shown) co_return fail(shown.error());
  shown_ = std::move(*shown);
  co_return Status();
}

approvals::Frozen GitPush::freeze() const {
  approvals::Frozen frozen;
  frozen.protocol = "git";
  frozen.upstream = request_.operation.upstream;
  frozen.head = freeze_git_head(request_.head);
  frozen.body_sha256 = body_sha256_;
  frozen.body_size = body_size_;
  frozen.shown = shown_;
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
  // The result is written for a client that can read it.
  identity.end_array()
      .member("report_status", push_.capabilities.report_status)
      .member("report_status_v2", push_.capabilities.report_status_v2)
      .member("side_band", push_.capabilities.side_band_64k)
      .member("target", request_.head.target)
      .end_object();
  return frozen;
}

// The upstream compares too, when the push arrives; asking first tells people before they are asked, or the agent what
// happened meanwhile.
Task<Status> GitPush::check_fresh(Doors& doors) {
  std::optional<GitUpstream> upstream = client(doors);
  if (!upstream) co_return fail(not_connected());
  std::vector<std::string> names;
  for (const git::RefCommand& command : push_.commands) names.push_back(command.ref);
  auto refs = co_await upstream->refs(std::move(names));
  if (!refs) co_return fail(ErrorKind::unavailable, refs.error().code, refs.error().message);  // never a verdict
  for (const git::RefCommand& command : push_.commands) {
    const git::ListedRef* now = refs->find(command.ref);
    const std::string there = now ? now->id : std::string(command.old_id.size(), '0');
    if (there == command.old_id) continue;
    co_return fail(ErrorKind::conflict, "request.stale",
                   command.ref + " has moved: this push expects it " + value_of(command.old_id) + ", but it is " +
                       value_of(there) + "; nothing was changed. Fetch, and push on top of what is there now");
  }
  co_return Status();
}

Task<Result<std::string>> GitPush::keep_safe(Doors& doors, std::string request) {
  std::vector<git::RefCommand> copies;
  std::string restore;
  for (std::size_t i = 0; i < push_.commands.size(); ++i) {
    const git::RefCommand& command = push_.commands[i];
    if (!loses(command, ancestry_of(findings_ ? &*findings_ : nullptr, i))) continue;
    std::string copy = std::string(kBackups) + request + command.ref.substr(std::string_view("refs").size());
    if (!restore.empty()) restore += "; ";
    restore += "git push --force URL " + shell_quoted(command.old_id + ":" + command.ref);
    copies.push_back({std::string(command.old_id.size(), '0'), command.old_id, std::move(copy)});
  }
  if (copies.empty()) co_return std::string();
  std::optional<GitUpstream> upstream = client(doors);
  if (!upstream) co_return fail(not_connected());
  const std::string where = copies.front().ref;
  const std::size_t count = copies.size();
  for (const git::RefCommand& copy : copies) {  // each by itself: not every host knows how to take several or none
    std::vector<git::RefCommand> one = {copy};
    std::string no_pack;
    auto kept = co_await upstream->push(std::move(one), std::move(no_pack));
    if (!kept) co_return fail(kept.error());
    if (!kept->all_ok()) {
      co_return fail(ErrorKind::unavailable, "git.no_safety_copy",
                     "the upstream does not keep a copy of what would be lost: " + refusals_of(*kept));
    }
  }
  std::string more = count > 1 ? " and " + std::to_string(count - 1) + " more" : "";
  co_return "kept as " + where + more + "; restore: git fetch URL '" + std::string(kBackups) + request +
      "/*:refs/restore/*' && " + restore;
}

Task<Forwarded> GitPush::forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) {
  static_cast<void>(visible);
  RequestHead head = request_.head;
  Result<std::unique_ptr<HttpReply>> reply =
      co_await send_upstream(doors, request_.operation.upstream, std::move(head), body);
  std::optional<GitUpstream> upstream = client(doors);
  if (upstream) workshop_.memory().forget_refs(upstream->place());
  if (reply) {
    HttpReply& answered = **reply;
    Forwarded done = co_await conclude(sink, answered);
    const bool all_taken = std::ranges::all_of(taken_, [](bool each) { return each; });
    if (all_taken) co_await absorb(doors);
    co_return done;
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
  Error too_long{ErrorKind::too_large, "git.bad_report", "the upstream's answer to the push is too long"};
  Result<std::string> body = co_await read_all(reply, kMaxAnswer, std::move(too_long));
  if (!body || done.status != 200) {
    if (!body) done.outcome = "unknown";
    done.detail = body ? "the upstream refused the push with status " + std::to_string(done.status)
                       : "the upstream's answer broke off: " + body.error().message;
    if (body) done.refusal = done.detail;
    const ErrorKind kind = body ? ErrorKind::forbidden : ErrorKind::unavailable;
    const std::string code = body ? "upstream.refused" : "upstream.outcome_unknown";
    const bool not_the_agents = done.status == 200 || done.status == 401;
    Denial denial{not_the_agents ? 502 : done.status, Error{kind, code, done.detail}, ""};
    std::ignore = co_await answer_denied(sink, std::move(denial));
    co_return done;
  }
  done.body_sha256 = to_hex(sha256(as_bytes(*body)));
  done.body_bytes = body->size();
  if (git::can_report(push_.capabilities)) {
    Result<git::ReadReport> read = git::read_report(*body, push_.capabilities);
    if (read) {
      learn(read->report, done);
    } else {
      done.outcome = "unknown";
      done.detail = read.error().message;
    }
  }
  Status sent = co_await answer(sink, std::move(*body));
  if (!sent) done.detail += "; the agent did not take the answer: " + sent.error().message;
  co_return done;
}

void GitPush::learn(const git::PushReport& report, Forwarded& done) {
  for (std::size_t i = 0; i < push_.commands.size(); ++i) {
    auto of_it = std::ranges::find(report.refs, push_.commands[i].ref, &git::RefReport::ref);
    taken_[i] = report.unpack == "ok" && of_it != report.refs.end() && of_it->ok();
  }
  if (report.all_ok()) return;
  done.outcome = "client_error";
  done.detail = refusals_of(report);
  done.refusal = "the upstream refused it: " + done.detail;
  if (std::ranges::find(taken_, true) != taken_.end()) done.refusal += " (other refs of the same push were taken)";
}

// What the upstream has taken need not be fetched for the next push.
Task<void> GitPush::absorb(Doors& doors) {
  if (!findings_ || !findings_->quarantine || !findings_->quarantine->objects()) co_return;
  auto move = [quarantine = findings_->quarantine] { return quarantine->absorb(); };
  std::ignore = co_await doors.run_blocking(std::move(move));  // else it is fetched again
  findings_->quarantine.reset();
}

std::optional<Landed> GitPush::landed() const {
  if (!findings_) return std::nullopt;
  Landed out{request_.route.repository, {}};
  for (std::size_t i = 0; i < push_.commands.size(); ++i) {
    if (!taken_[i]) continue;
    const git::RefCommand& command = push_.commands[i];
    auto id = [](const std::string& name) { return git::is_null_id(name) ? std::string() : name; };
    out.refs.push_back({command.ref, id(command.old_id), id(command.new_id),
                        std::string(git::name_of(ancestry_of(&*findings_, i))), findings_->facts.refs[i].commit_ids});
  }
  return out;
}

std::string GitPush::remarks() const {
  if (!findings_) return "";
  std::string out;
  for (const git::SecretFinding& found : findings_->secrets.findings) {
    out +=
        "countersign: secret: " + (found.path.empty() ? "the message" : found.path + ":" + std::to_string(found.line)) +
        " of commit " + found.commit.substr(0, 12) + ": " + std::string(found.what) + " (" + std::string(found.rule) +
        ") " + found.excerpt + "\n";
  }
  if (!findings_->unsettled.empty())
    out += "countersign: what the upstream did not tell counts as the worst: " + findings_->unsettled + "\n";
  return out;
}

}  // namespace countersign::adapters
