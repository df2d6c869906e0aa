#include "proxy/doors.h"

#include <algorithm>
#include <utility>

#include "auth/sigv4_sign.h"
#include "proxy/aws_sts.h"
#include "proxy/bodies.h"

namespace countersign::proxy {
namespace {

constexpr std::size_t kMostEndpoints = 512;
constexpr std::size_t kPieceBytes = 16 * 1024;       // of an answer
constexpr std::size_t kLongPieceBytes = 256 * 1024;  // of one that is longer than that: fewer turns for each byte

class PooledReply final : public adapters::HttpReply {
 public:
  explicit PooledReply(std::unique_ptr<upstream::Response> response)
      : response_(std::move(response)), head_(response_->take_head()) {
    // The pool takes the length out of the head; those who pass the head on need it.
    const std::optional<std::uint64_t> length = response_->length();
    if (length) head_.headers.set("Content-Length", std::to_string(*length));
    const std::uint64_t most = length.value_or(kPieceBytes);
    piece_bytes_ = static_cast<std::size_t>(std::clamp<std::uint64_t>(most, 1, kLongPieceBytes));
  }
  [[nodiscard]] const ResponseHead& head() const override { return head_; }
  Task<Result<ByteView>> read() override {
    if (!peeked_.empty()) {
      given_ = std::exchange(peeked_, {});
      co_return ByteView(given_);
    }
    if (response_->done()) co_return ByteView();
    buffer_.resize(piece_bytes_);
    std::span<std::uint8_t> into = buffer_;
    auto count = co_await response_->read_some(into);
    if (!count) co_return fail(count.error());
    co_return ByteView(buffer_.data(), *count);
  }
  // The first bytes of the body, at most so many (or all), which read() gives again; less where the answer breaks off.
  Task<std::string_view> peek(std::size_t most) {
    Bytes piece(most);
    while (!response_->done() && peeked_.size() < most) {
      std::span<std::uint8_t> into = std::span(piece).first(most - peeked_.size());
      auto count = co_await response_->read_some(into);
      if (!count) break;  // read() finds out again
      peeked_.insert(peeked_.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*count));
    }
    co_return as_text(peeked_);
  }

 private:
  std::unique_ptr<upstream::Response> response_;
  ResponseHead head_;
  Bytes peeked_;
  Bytes given_;
  std::size_t piece_bytes_ = 0;
  Bytes buffer_;
};

Result<http1::Spool> copy_of(adapters::BodySource& source, const http1::SpoolOptions& options) {
  http1::Spool copy(options);
  source.rewind();
  while (true) {
    auto piece = source.next();
    if (!piece) return fail(piece.error());
    if (piece->empty()) break;
    if (Status kept = copy.append(*piece); !kept) return fail(kept.error());
  }
  copy.finish();
  return copy;
}

}  // namespace

namespace {

// CloudTrail keeps the first kilobyte of a user agent: what the client says of itself must not push ours out.
constexpr std::size_t kMostOfAClient = 512;

// Behind what the client says of itself, so that its last words are ours.
void name_sender(HeaderList& headers, const adapters::Sender& sender) {
  std::string text(headers.get("User-Agent").value_or("").substr(0, kMostOfAClient));
  if (!text.empty()) text += ' ';
  text += "countersign/1";
  if (!sender.agent.empty()) text += " agent/" + sts_name(sender.agent);
  if (!sender.operation.empty()) text += " op/" + sender.operation;
  headers.remove("User-Agent");
  headers.add("User-Agent", text);
}

}  // namespace

Task<Result<std::unique_ptr<adapters::HttpReply>>> PooledDoor::send(RequestHead head, adapters::BodySource* body) {
  head.target = origin_->base_path + head.target;
  head.headers.remove("Host");  // the client's Host names us; the pool writes the origin's
  std::shared_ptr<const auth::GithubApp> app = leaving_.vault.github_app(upstream_);
  if (app) co_return co_await send_as_app(std::move(app), std::move(head), body);
  if (Status injected = leaving_.vault.inject(upstream_, head.headers); !injected) co_return fail(injected.error());
  co_return co_await transmit(origin_, std::move(head), body);
}

Task<PooledDoor::Sent> PooledDoor::send_signed(RequestHead head, adapters::BodySource* body, adapters::Departure way) {
  auto origin = origin_ ? Result<std::shared_ptr<const upstream::Origin>>(origin_) : origin_of(way.endpoint);
  if (!origin) co_return fail(ErrorKind::unavailable, "upstream.not_sent", origin.error().message);
  const bool looks_up = way.keys == adapters::Departure::Keys::tags;
  AwsWish wish{.upstream = upstream_,
               .purpose = looks_up ? AwsWish::For::tags : AwsWish::For::operation,
               .agent = way.sender.agent,
               .operation = way.sender.operation,
               .policy = std::move(way.fence),
               .region = way.sign_for.region,
               .origin = origin_,
               .worker = &leaving_.worker,
               .client = &leaving_.client};
  auto keys = co_await leaving_.aws_sessions.get(wish);
  if (!keys) co_return fail(keys.error());
  name_sender(head.headers, way.sender);
  head.target = (*origin)->base_path + head.target;
  head.headers.set("Host", (*origin)->authority);
  auto signature =
      auth::sign_sigv4(head, **keys, way.sign_for.region, way.sign_for.service, way.body_sha256, leaving_.clock.now());
  if (!signature) co_return fail(ErrorKind::unavailable, "upstream.not_sent", signature.error().message);
  std::shared_ptr<const upstream::Origin> there = std::move(*origin);
  auto reply = co_await transmit(std::move(there), std::move(head), body, way.patience);
  const int status = reply ? (*reply)->head().status : 0;
  if (status != 400 && status != 401 && status != 403) co_return reply;
  adapters::HttpReply* answered = reply->get();
  const bool refused = co_await is_refused(answered);
  if (!refused) co_return reply;
  // Handed on, it would tell the agent that its own keys are wrong. Tried again, it has a new session.
  leaving_.aws_sessions.forget(wish, *keys);
  co_return fail(ErrorKind::unavailable, "aws.credential_unavailable",
                 "AWS does not take the gateway's keys: they have ended or were revoked, and nothing was done");
}

Result<std::shared_ptr<const upstream::Origin>> PooledDoor::origin_of(const std::string& endpoint) {
  if (auto known = endpoints_.find(endpoint); known != endpoints_.end()) return known->second;
  auto parsed = upstream::parse_origin("https://" + endpoint);
  if (!parsed) return fail(parsed.error());
  auto origin = std::make_shared<const upstream::Origin>(std::move(*parsed));
  if (endpoints_.size() < kMostEndpoints) endpoints_.emplace(endpoint, origin);
  return origin;
}

Task<PooledDoor::Sent> PooledDoor::send_as_app(std::shared_ptr<const auth::GithubApp> app, RequestHead head,
                                               adapters::BodySource* body) {
  auto need = token_need_of(app->settings(), head, body);
  if (!need) co_return fail(need.error());
  const TokenWish wish{upstream_, std::move(app), std::move(*need), &leaving_.worker, &leaving_.client};
  for (int attempt = 1;; ++attempt) {
    auto token = co_await leaving_.tokens.get(wish);
    if (!token) co_return fail(token.error());
    RequestHead with_token = head;
    with_token.headers.set("Authorization", token->authorization->expose());
    auto reply = co_await transmit(origin_, std::move(with_token), body);
    const bool refused = reply && (*reply)->head().status == 401;
    if (!refused) co_return reply;
    leaving_.tokens.forget(wish, token->serial);
    // Handed on, a 401 would tell the agent that its own credential is wrong.
    if (!token->kept || attempt > 1) {
      co_return fail(ErrorKind::unavailable, "vault.github_app_rejected",
                     "the upstream does not take the token that the GitHub API has just given");
    }
  }
}

Task<PooledDoor::Sent> PooledDoor::transmit(std::shared_ptr<const upstream::Origin> origin, RequestHead head,
                                            adapters::BodySource* body, TimeMs patience) {
  upstream::Request request;
  if (patience > 0) request.first_byte = patience;
  request.head = std::move(head);
  std::optional<http1::Spool> copy;
  if (auto* spooled = dynamic_cast<SpoolSource*>(body)) {
    request.body = &spooled->spool();  // sent as it lies
  } else if (body) {
    auto copied = copy_of(*body, leaving_.spool);
    if (!copied) co_return fail(ErrorKind::unavailable, "upstream.not_sent", copied.error().message);
    copy = std::move(*copied);
    request.body = &*copy;
  }
  auto response = co_await leaving_.client.send(std::move(origin), std::move(request));
  if (!response) co_return fail(response.error());
  if (patience > 0) (*response)->set_gap(patience);
  co_return std::make_unique<PooledReply>(std::move(*response));
}

Task<bool> PooledDoor::is_refused(adapters::HttpReply* reply) {
  auto* pooled = static_cast<PooledReply*>(reply);  // transmit() makes no others
  const std::string_view beginning = co_await pooled->peek(kMaxRefusal);
  co_return refuses_keys(reply->head(), beginning);
}

bool PooledDoor::shows_credential(std::string_view text) const {
  return leaving_.vault.shows(upstream_, text) || leaving_.tokens.shows(upstream_, text) ||
         leaving_.aws_sessions.shows(upstream_, text);
}

WorkerDoors::WorkerDoors(const Origins& origins, Leaving leaving, const McpSessions& sessions,
                         net::ThreadPool& blocking)
    : leaving_(std::move(leaving)), sessions_(sessions), blocking_(blocking) {
  for (const auto& [name, origin] : origins) http_.try_emplace(name, name, origin, leaving_);
}

adapters::HttpDoor* WorkerDoors::http(std::string_view upstream) {
  auto found = http_.find(upstream);
  return found == http_.end() ? nullptr : &found->second;
}

adapters::McpDoor* WorkerDoors::mcp(std::string_view upstream) {
  auto found = sessions_.find(upstream);
  return found == sessions_.end() ? nullptr : found->second.get();
}

Task<Status> WorkerDoors::run_blocking(std::move_only_function<Status()> work) {
  auto run = [work = std::move(work)]() mutable -> Result<bool> {
    Status done = work();
    if (!done) return fail(done.error());
    return true;
  };
  auto ran = co_await net::on_thread<bool>(&blocking_, std::move(run));
  if (!ran) co_return fail(ran.error());
  co_return Status();
}

Result<Origins> parse_origins(const config::Config& config) {
  Origins origins;
  for (const config::Upstream& upstream : config.upstreams) {
    if (upstream.url.empty()) {
      if (upstream.protocol == "aws") origins.emplace(upstream.name, nullptr);
      continue;
    }
    net::ClientTls tls;
    tls.ca_file = upstream.ca_file;
    auto origin = upstream::parse_origin(upstream.url, std::move(tls));
    if (!origin) return fail(origin.error());
    origins.emplace(upstream.name, std::make_shared<const upstream::Origin>(std::move(*origin)));
  }
  return origins;
}

}  // namespace countersign::proxy
