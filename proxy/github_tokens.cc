#include "proxy/github_tokens.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <vector>

#include "core/json_reader.h"
#include "proxy/adapters/git_route.h"
#include "proxy/make_room.h"
#include "proxy/net/async.h"

namespace countersign::proxy {
namespace {

using Contents = config::GithubApp::Contents;
using Waiting = net::Done<GithubTokens::Held>;

std::string key_of(const TokenWish& wish) {
  const bool write = wish.need.contents == Contents::write;
  return wish.upstream + "/" + wish.need.owner + "/" + wish.need.name + (write ? " write" : " read");
}

// Whether a batch of LFS only asks where to fetch files. What cannot be read is taken for an upload: the upstream will
// say what it thinks of it.
bool is_lfs_download(adapters::BodySource* body) {
  constexpr std::size_t kMost = 1U << 20;
  std::string text;
  if (body == nullptr) return false;
  body->rewind();
  while (true) {
    Result<ByteView> piece = body->next();
    if (!piece || text.size() > kMost) return false;
    if (piece->empty()) break;
    text += as_text(*piece);
  }
  Result<JsonDocument> batch = JsonDocument::parse(text, {.bytes = kMost});
  return batch && batch->root().member("operation").string() == "download";
}

}  // namespace

Result<auth::TokenNeed> token_need_of(const config::GithubApp& app, const RequestHead& head,
                                      adapters::BodySource* body) {
  Result<adapters::GitRoute> route = adapters::read_git_route(head.method, head.target);
  if (!route) return fail(ErrorKind::forbidden, "vault.github_app_repository", route.error().message);
  using adapters::GitService;
  Contents contents = Contents::read;
  switch (route->service) {
    case GitService::advertise_push:
    case GitService::push:
    case GitService::lfs_verify:
    case GitService::lfs_verify_locks:  // lists, but for those who are about to push (git-lfs docs/api/locking.md)
    case GitService::lfs_lock:
    case GitService::lfs_unlock:
      contents = Contents::write;
      break;
    case GitService::lfs_batch:
      if (!is_lfs_download(body)) contents = Contents::write;
      break;
    default:
      break;
  }
  return auth::token_need(app, route->repository, contents);
}

struct GithubTokens::State {
  struct Entry {
    std::shared_ptr<const auth::GithubApp> app;  // that made the token: another one after the key was read again
    std::shared_ptr<const Secret> authorization;
    Secret token;
    TimeMs good_until = 0;
    std::uint64_t serial = 0;
    bool being_fetched = false;
    std::vector<Waiting> waiting;
  };

  explicit State(const Clock& clock_in) : clock(clock_in) {}

  // Under the lock.
  std::optional<Held> kept(const std::string& key, const TokenWish& wish) {
    auto found = entries.find(key);
    if (found == entries.end()) return std::nullopt;
    const Entry& entry = found->second;
    if (!entry.authorization || entry.app != wish.app || clock.now() >= entry.good_until) return std::nullopt;
    return Held{entry.authorization, entry.serial, true};
  }
  void settle(const std::string& key, const TokenWish& wish, Result<auth::InstallationToken> fetched);
  static Task<void> fetch(std::shared_ptr<State> state, std::string key, TokenWish wish);

  const Clock& clock;
  std::map<std::string, std::shared_ptr<const upstream::Origin>, std::less<>> apis;  // by upstream
  std::mutex lock;                                                                   // of what follows
  std::map<std::string, Entry, std::less<>> entries;
  std::uint64_t last_serial = 0;
  bool closed = false;
};

namespace {

Task<Result<auth::InstallationToken>> ask(std::shared_ptr<const upstream::Origin> api, TokenWish wish, TimeMs now) {
  Result<RequestHead> head = wish.app->token_request(now);
  if (!head) co_return fail(head.error());
  head->target = api->base_path + head->target;
  const http1::Spool body = http1::Spool::of(wish.app->token_request_body(wish.need));
  upstream::Request request;
  request.head = std::move(*head);
  request.body = &body;
  request.first_byte = kTokenAnswerTime;
  auto unreachable = [](const Error& error) {
    return fail(ErrorKind::unavailable, "vault.github_app_unreachable",
                "no token could be fetched from the GitHub API: " + error.message);
  };
  auto response = co_await wish.client->send(std::move(api), std::move(request));
  if (!response) co_return unreachable(response.error());
  (*response)->set_gap(kTokenAnswerTime);
  const int status = (*response)->head().status;
  auto text = co_await (*response)->read_all(auth::kMaxTokenAnswer);
  if (!text) co_return unreachable(text.error());
  const Secret answer(std::move(*text));
  co_return auth::read_token_answer(wish.need, status, answer.expose());
}

}  // namespace

void GithubTokens::State::settle(const std::string& key, const TokenWish& wish,
                                 Result<auth::InstallationToken> fetched) {
  Result<Held> result = Held{};
  std::vector<Waiting> waiting;
  {
    std::lock_guard guard(lock);
    if (closed) return;
    Entry& entry = entries[key];
    waiting = std::move(entry.waiting);
    if (fetched) {
      entry.app = wish.app;
      entry.authorization = std::make_shared<const Secret>(std::move(fetched->authorization));
      entry.token = std::move(fetched->token);
      entry.good_until = std::min(fetched->expires, clock.now() + kLongestToken) - kTokenMargin;
      entry.serial = ++last_serial;
      entry.being_fetched = false;
      result = Held{entry.authorization, entry.serial, false};
    } else {
      entries.erase(key);
      result = fail(fetched.error());
    }
  }
  for (Waiting& each : waiting) each(result);
}

Task<void> GithubTokens::State::fetch(std::shared_ptr<State> state, std::string key, TokenWish wish) {
  std::shared_ptr<const upstream::Origin> api = state->apis.at(wish.upstream);
  const TimeMs now = state->clock.now();
  auto fetched = co_await ask(api, wish, now);
  state->settle(key, wish, std::move(fetched));
}

Result<std::unique_ptr<GithubTokens>> GithubTokens::open(const config::Config& config, const Clock& clock) {
  auto state = std::make_shared<State>(clock);
  for (const config::Upstream& upstream : config.upstreams) {
    if (upstream.credential.kind != config::Credential::Kind::github_app) continue;
    net::ClientTls tls;
    tls.ca_file = upstream.ca_file;
    auto api = upstream::parse_origin(upstream.credential.app.api, std::move(tls));
    if (!api) return fail(api.error());
    state->apis.emplace(upstream.name, std::make_shared<const upstream::Origin>(std::move(*api)));
  }
  return std::unique_ptr<GithubTokens>(new GithubTokens(std::move(state)));
}

// Fetches that were under way are destroyed with the workers' loops, and must not wake anybody then: whoever waits is
// woken here, while the loops still exist (they have ended, so nobody runs).
GithubTokens::~GithubTokens() {
  std::vector<Waiting> waiting;
  std::lock_guard guard(state_->lock);
  state_->closed = true;
  for (auto& [key, entry] : state_->entries) std::ranges::move(entry.waiting, std::back_inserter(waiting));
  state_->entries.clear();
}

Task<Result<GithubTokens::Held>> GithubTokens::get(TokenWish wish) {
  const std::string key = key_of(wish);
  std::shared_ptr<State> state = state_;
  {
    std::lock_guard guard(state->lock);
    if (auto kept = state->kept(key, wish)) co_return std::move(*kept);
  }
  auto wait = [state, key, wish](Waiting done) {
    std::unique_lock guard(state->lock);
    if (auto kept = state->kept(key, wish)) return done(std::move(*kept));
    if (!state->entries.contains(key) && !make_room(state->entries, kMaxTokens))
      return done(fail(ErrorKind::unavailable, "vault.github_app_busy", "too many tokens are being fetched"));
    State::Entry& entry = state->entries[key];
    entry.waiting.push_back(std::move(done));
    if (entry.being_fetched) return;
    entry.being_fetched = true;
    guard.unlock();
    auto fetch = [state, key, wish] { return State::fetch(state, key, wish); };
    auto broken = [state, key, wish](std::exception_ptr) {
      state->settle(key, wish, fail(ErrorKind::internal, "vault.github_app_unreachable", "fetching a token broke off"));
    };
    wish.worker->spawn(std::move(fetch), std::move(broken));
  };
  co_return co_await net::await_callback<Held>(std::move(wait));
}

bool GithubTokens::shows(std::string_view upstream, std::string_view text) const {
  std::lock_guard guard(state_->lock);
  const std::string prefix = std::string(upstream) + "/";
  return std::ranges::any_of(state_->entries, [&](const auto& each) {
    const auto& [key, entry] = each;
    if (!key.starts_with(prefix) || !entry.authorization) return false;
    std::string_view sent = entry.authorization->expose();
    sent.remove_prefix(std::string_view("Basic ").size());
    return text.contains(entry.token.expose()) || text.contains(sent);
  });
}

void GithubTokens::forget(const TokenWish& wish, std::uint64_t serial) {
  std::lock_guard guard(state_->lock);
  auto found = state_->entries.find(key_of(wish));
  if (found == state_->entries.end() || found->second.serial != serial) return;
  if (found->second.being_fetched) {
    found->second.authorization = nullptr;
  } else {
    state_->entries.erase(found);
  }
}

}  // namespace countersign::proxy
