#include "proxy/adapters/git_review_conversation.h"

#include <algorithm>
#include <fstream>

#include "core/sha256.h"
#include "proxy/adapters/git/content_coding.h"
#include "proxy/adapters/git/objects/visible.h"
#include "proxy/adapters/git/pkt_line.h"
#include "proxy/adapters/git/pkt_stream.h"
#include "proxy/adapters/git_words.h"
#include "proxy/adapters/http_fields.h"
#include "proxy/adapters/outcome.h"
#include "proxy/adapters/relay.h"

namespace countersign::adapters {
namespace {

constexpr std::string_view kService = "/git-upload-pack";
constexpr std::string_view kResultType = "application/x-git-upload-pack-result";
constexpr std::string_view kError = "ERR ";
constexpr std::size_t kMaxRefusal = 300;

// Git-Protocol is a list: "version=2", "version=2:key=value". (gitprotocol-http "Git-Protocol")
bool is_version_2(std::string_view git_protocol) {
  while (!git_protocol.empty()) {
    const std::size_t end = std::min(git_protocol.find(':'), git_protocol.size());
    if (git_protocol.substr(0, end) == "version=2") return true;
    git_protocol.remove_prefix(std::min(end + 1, git_protocol.size()));
  }
  return false;
}

// The whole body, or its beginning, decoded; nullopt: it cannot be.
std::optional<std::string> decoded(const Inbound& inbound, std::size_t limit, git::Beyond beyond) {
  const std::string_view coding = inbound.head->headers.get("Content-Encoding").value_or("");
  const std::string_view body = inbound.body.in_memory;
  if (coding.empty()) return std::string(beyond == git::Beyond::cut ? body.substr(0, limit) : body);
  if (!equal_ignoring_case(coding, "gzip") && !equal_ignoring_case(coding, "x-gzip")) return std::nullopt;
  Result<std::string> text = git::gunzip(body, limit, beyond);
  return text ? std::optional(std::move(*text)) : std::nullopt;
}

// Whether a listing asks for held refs and nothing else: besides what git tries a name for, it always asks for tags, to
// follow them, and newer ones for HEAD. Tags are left out then: a client that saw a new one would want it in the same
// fetch, and no one server has both.
bool only_held(const std::vector<std::string>& prefixes) {
  return !prefixes.empty() && std::ranges::all_of(prefixes, [](const std::string& each) {
    return each == "refs/tags/" || each == "HEAD" || each.contains(kHeldRefs);
  });
}

// Rewrites a listing while it passes: held refs at its end, none that the upstream may have under their names.
class RefsWriter {
 public:
  RefsWriter(std::vector<HeldTip> tips, bool without_tags) : tips_(std::move(tips)), without_tags_(without_tags) {}

  Result<std::string> rewrite(std::string_view piece) {
    std::string out;
    packets_.feed(piece);
    while (true) {
      Result<std::optional<git::Pkt>> packet = packets_.next();
      if (!packet) return fail(packet.error());
      if (!*packet) return out;
      switch ((*packet)->kind) {
        case git::PktKind::data:
          if (is_kept(git::text_of(**packet))) git::write_pkt(out, (*packet)->payload);
          break;
        case git::PktKind::flush:
          for (const HeldTip& tip : tips_) git::write_pkt(out, tip.id + " " + tip.name + "\n");
          tips_.clear();
          git::write_flush(out);
          break;
        default:
          return fail(ErrorKind::malformed, "git.upstream_bad_answer", "the upstream's refs cannot be read");
      }
    }
  }
  [[nodiscard]] bool at_end() const { return packets_.at_end(); }

 private:
  // "<id> <name>[ attribute…]"
  [[nodiscard]] bool is_kept(std::string_view line) const {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return true;
    const std::string_view name = line.substr(space + 1);
    return !name.starts_with(kHeldRefs) && !(without_tags_ && name.starts_with("refs/tags/"));
  }

  git::PktStream packets_;
  std::vector<HeldTip> tips_;
  bool without_tags_;
};

// git prints it as "fatal: remote error: …".
Task<Forwarded> answer_error(ReplySink& sink, Error error) {
  Forwarded done{.outcome = "client_error", .status = 200, .detail = error.message + " (" + error.code + ")"};
  const bool ours = http_status(error.kind) >= 500;
  if (ours) done.outcome = "server_error";
  std::string body;
  git::write_pkt(body, std::string(kError) + "countersign: " + error.message + " (" + error.code + ")");
  HeaderList extra;
  extra.add("Cache-Control", "no-cache");
  done.body_bytes = body.size();
  done.body_sha256 = to_hex(sha256(body));
  std::string type(kResultType);
  Status sent = co_await send(sink, 200, std::move(type), std::move(body), std::move(extra));
  if (!sent) done.detail += "; the agent did not take the answer: " + sent.error().message;
  co_return done;
}

Task<Forwarded> send_file(ReplySink& sink, std::filesystem::path file, std::string detail) {
  Forwarded done{.outcome = "ok", .status = 200, .detail = std::move(detail)};
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(file, error);
  std::ifstream stream(file, std::ios::binary);
  if (error || !stream.is_open()) {
    Error lost{ErrorKind::internal, "git.store_unwritable", "the answer was lost"};
    co_return co_await answer_error(sink, std::move(lost));
  }
  ResponseHead head{200, {}};
  head.headers.add("Content-Type", kResultType);
  head.headers.add("Cache-Control", "no-cache");
  std::optional<std::uint64_t> length = size;
  Status sent = co_await sink.start(std::move(head), length);
  Sha256 digest;
  std::vector<char> buffer(64U << 10);
  while (sent && done.body_bytes < size) {
    stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const ByteView bytes = as_bytes(std::string_view(buffer.data(), static_cast<std::size_t>(stream.gcount())));
    if (bytes.empty()) {
      done.outcome = "server_error";
      done.detail = "the answer broke off";
      co_return done;
    }
    digest.update(bytes);
    done.body_bytes += bytes.size();
    sent = co_await sink.write(bytes);
  }
  if (sent) sent = co_await sink.finish();
  if (!sent) done.detail += "; the agent did not take the answer: " + sent.error().message;
  done.body_sha256 = to_hex(digest.finish());
  co_return done;
}

}  // namespace

std::optional<GitReviewRequest> read_review_request(const GitReviews& reviews, const config::Upstream& upstream,
                                                    const GitRoute& route, const Inbound& inbound) {
  const bool readable = route.service == GitService::fetch && inbound.body.size > 0 && inbound.body.complete() &&
                        is_version_2(inbound.head->headers.get("Git-Protocol").value_or(""));
  if (!readable) return std::nullopt;
  constexpr std::size_t kFront = 20;
  const std::optional<std::string> front = decoded(inbound, kFront, git::Beyond::cut);
  // What a fetch says may be long: it is read only when there is something to find.
  const bool interesting = front && (front->contains("command=ls-refs") ||
                                     (front->contains("command=fetch") && reviews.gave_out_anything()));
  if (!interesting) return std::nullopt;
  std::optional<std::string> body = decoded(inbound, git::UploadLimits{}.bytes, git::Beyond::refused);
  if (!body) return std::nullopt;
  Result<git::UploadRequest> request = git::read_upload_request(*body);
  if (!request) return std::nullopt;
  GitReviewRequest out{std::move(*request), std::move(*body), {}};
  if (out.request.command == git::UploadCommand::ls_refs) {
    if (!GitReviews::asks_for_held(out.request.prefixes)) return std::nullopt;
  } else {
    out.wanted = reviews.wanted({upstream.name, route.repository}, out.request);
    if (out.wanted.requests.empty()) return std::nullopt;
  }
  return out;
}

GitReviewConversation::GitReviewConversation(GitReviews& reviews, GitReviewRequest review, GitRequest request,
                                             const BodyView& body, Patience patience)
    : reviews_(reviews),
      review_(std::move(review)),
      place_{request.operation.upstream, request.route.repository},
      head_(request.head),
      fetch_(std::move(request), reviews.workshop().memory(), body, patience) {
  head_.headers.remove("Accept-Encoding");  // what comes is read
}

GitUpstream GitReviewConversation::upstream(HttpDoor& door) const {
  std::string_view path = head_.target;
  path.remove_suffix(kService.size());
  return {door, reviews_.workshop().memory(), place_.upstream, std::string(path)};
}

Task<Forwarded> GitReviewConversation::forward(Doors& doors, BodySource* body, ReplySink& sink, Visible visible) {
  static_cast<void>(visible);
  const bool fetching = review_.request.command == git::UploadCommand::fetch;
  HttpDoor* door = doors.http(place_.upstream);
  const bool known =
      door && fetching && !review_.wanted.others && reviews_.has_view(upstream(*door), review_.wanted.requests);
  if (known) co_return co_await serve(doors, sink);
  RequestHead head = head_;
  Result<std::unique_ptr<HttpReply>> reply = co_await ask_upstream(doors, place_.upstream, std::move(head), body);
  if (!reply) {
    Error error = reply.error();
    co_return co_await answer_failure_lines(sink, std::move(error));
  }
  HttpReply& answer = **reply;
  const bool readable = answer.head().status == 200 && !answer.head().headers.get("Content-Encoding");
  if (!readable) {
    RelayStart start{.fields = fields_to_answer(answer.head().headers)};
    co_return co_await relay(answer, sink, std::move(start));
  }
  if (fetching) co_return co_await relay_or_serve(doors, answer, sink);
  co_return co_await relay_refs(doors, answer, sink);
}

Task<Forwarded> GitReviewConversation::relay_refs(Doors& doors, HttpReply& reply, ReplySink& sink) {
  auto look = [this] { return reviews_.list(place_, review_.request.prefixes); };
  Result<std::vector<HeldTip>> tips = co_await blocking<std::vector<HeldTip>>(&doors, std::move(look));
  if (!tips) {
    Error error = tips.error();
    co_return co_await answer_error(sink, std::move(error));
  }
  const bool without_tags = !tips->empty() && only_held(review_.request.prefixes);
  RefsWriter writer(std::move(*tips), without_tags);
  ResponseHead head{200, fields_to_answer(reply.head().headers)};
  std::optional<std::uint64_t> unknown;
  Status sent = co_await sink.start(std::move(head), unknown);
  Forwarded done{.outcome = "ok", .status = 200};
  Sha256 digest;
  while (sent) {
    Result<ByteView> piece = co_await reply.read();
    const bool over = piece && piece->empty();
    if (over && writer.at_end()) break;
    Result<std::string> rewritten = fail(ErrorKind::malformed, "git.upstream_bad_answer", "it ends within a packet");
    if (!piece) {
      rewritten = fail(piece.error());
    } else if (!over) {
      rewritten = writer.rewrite(as_text(*piece));
    }
    if (!rewritten) {
      // The answer has begun: it is left unfinished, so that the agent sees that it is not whole.
      done.outcome = "unknown";
      done.detail = "the upstream's answer broke off: " + rewritten.error().message;
      co_return done;
    }
    ByteView bytes = as_bytes(*rewritten);
    if (bytes.empty()) continue;
    digest.update(bytes);
    done.body_bytes += bytes.size();
    sent = co_await sink.write(bytes);
  }
  if (sent) sent = co_await sink.finish();
  if (!sent) done.detail = "the agent did not take the answer: " + sent.error().message;
  done.body_sha256 = to_hex(digest.finish());
  co_return done;
}

Task<Forwarded> GitReviewConversation::relay_or_serve(Doors& doors, HttpReply& reply, ReplySink& sink) {
  std::string begun;
  std::string refusal;
  while (true) {
    Result<std::optional<git::Pkt>> packet = git::PktReader(begun).next();
    const bool known = !packet || packet->has_value();
    if (known) {
      const bool refused = packet && (*packet)->payload.starts_with(kError);
      if (refused) refusal = git::visible(git::text_of(**packet).substr(kError.size(), kMaxRefusal));
      if (refused) break;
      const std::uint64_t replaced = begun.size();
      RelayStart start{fields_to_answer(reply.head().headers), std::move(begun), replaced};
      co_return co_await relay(reply, sink, std::move(start));
    }
    Result<ByteView> piece = co_await reply.read();
    if (!piece) {
      Error error = piece.error();
      co_return co_await answer_failure_lines(sink, std::move(error));
    }
    if (piece->empty()) break;
    begun += as_text(*piece);
  }
  if (!review_.wanted.others) co_return co_await serve(doors, sink);
  Error mixed{ErrorKind::invalid, "git.mixed_fetch",
              "held pushes have not landed: fetch refs/approvals/… by itself, or from a remote of its own; the "
              "upstream says: " +
                  refusal};
  co_return co_await answer_error(sink, std::move(mixed));
}

Task<Forwarded> GitReviewConversation::serve(Doors& doors, ReplySink& sink) {
  GitUpstream asked = upstream(*doors.http(place_.upstream));
  const GitReviewQuestion question{place_, review_.wanted.requests, git::plain_fetch(review_.body)};
  Result<std::unique_ptr<ReviewWork>> work = co_await reviews_.answer(&doors, &asked, &question);
  if (!work) {
    Error error = work.error();
    co_return co_await answer_error(sink, std::move(error));
  }
  std::string detail = "served from held pushes:";
  for (const std::string& each : question.requests) detail += " " + each;
  std::filesystem::path file = (*work)->answer_file();
  co_return co_await send_file(sink, std::move(file), std::move(detail));
}

}  // namespace countersign::adapters
