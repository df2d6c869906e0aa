#include "proxy/aws_sessions.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <optional>
#include <vector>

#include "auth/sigv4_sign.h"
#include "core/sha256.h"
#include "proxy/aws_sts.h"
#include "proxy/make_room.h"
#include "proxy/net/async.h"

namespace countersign::proxy {
namespace {

using Keys = AwsSessions::Keys;
using Waiting = net::Done<Keys>;
using From = config::AwsKeys::From;

std::unexpected<Error> unavailable(std::string message) {
  return fail(ErrorKind::unavailable, "aws.credential_unavailable", std::move(message));
}

// One session to be fetched: with a token file, or with `base`.
struct Fetch {
  AwsWish wish;
  std::shared_ptr<const config::AwsKeys> settings;
  std::string partition;
  Keys base;  // what the call is signed with; nullptr: a web identity's call, which is not signed
  Keys root;  // the configured keys, which may be read again; nullptr: a web identity
};

// Of what the configuration has for an upstream, or for looking its tags up.
std::string source_of(std::string_view upstream, AwsWish::For purpose) {
  return std::string(upstream) + (purpose == AwsWish::For::tags ? "\ntags" : "\n");
}

std::string key_of(const Fetch& fetch) {
  const AwsWish& wish = fetch.wish;
  const std::string source = source_of(wish.upstream, wish.purpose);
  if (fetch.base == nullptr) return source + "\nweb identity";
  return source + "\n" + wish.agent + "\n" + to_hex(sha256(wish.policy));
}

// What a signed call says, signed; or the unsigned one.
Result<RequestHead> sign(const Fetch& fetch, const upstream::Origin& sts, std::string_view body, TimeMs now) {
  RequestHead head = sts_head();
  head.target = sts.base_path + head.target;
  head.headers.set("Host", sts.authority);
  if (fetch.base == nullptr) return head;
  auto signature = auth::sign_sigv4(head, *fetch.base, fetch.wish.region, "sts", to_hex(sha256(body)), now);
  if (!signature) return unavailable("the call of sts could not be signed: " + signature.error().message);
  return head;
}

Result<Secret> body_of(const Fetch& fetch) {
  const config::AwsKeys& settings = *fetch.settings;
  if (fetch.base == nullptr) {
    Result<Secret> token = read_web_token(settings.token_file);
    if (!token) return token;
    return web_identity_body(settings.web_role, token->expose());
  }
  const AwsWish& wish = fetch.wish;
  RoleWish role{.agent = wish.agent, .operation = wish.operation, .duration = settings.role->duration};
  role.policy = wish.policy;
  if (settings.from == From::web_identity) role.duration = std::min(role.duration, kLongestChained);
  return Secret(assume_role_body(*settings.role, role));
}

// The answer's body, all of which comes before `deadline`.
Task<Result<Secret>> read_answer(upstream::Response* response, std::chrono::steady_clock::time_point deadline) {
  std::string text;
  text.reserve(kMaxStsAnswer);
  std::array<std::uint8_t, 8 * 1024> buffer;
  std::span<std::uint8_t> into = buffer;
  while (!response->done()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) co_return unavailable("sts did not answer in time");
    response->set_gap(left.count());
    Result<std::size_t> count = co_await response->read_some(into);
    if (!count) co_return unavailable("sts could not be asked: " + count.error().message);
    if (text.size() + *count > kMaxStsAnswer) co_return unavailable("the answer of sts is too long");
    text += as_text(into.first(*count));
  }
  co_return Secret(std::move(text));
}

Task<Result<StsSession>> ask(Fetch fetch, TimeMs now) {
  std::shared_ptr<const upstream::Origin> sts = fetch.wish.origin;
  if (sts == nullptr) {
    Result<std::string> endpoint = sts_endpoint(fetch.wish.region, fetch.partition);
    if (!endpoint) co_return fail(endpoint.error());
    Result<upstream::Origin> origin = upstream::parse_origin("https://" + *endpoint);
    if (!origin) co_return unavailable("the address of sts cannot be used: " + origin.error().message);
    sts = std::make_shared<const upstream::Origin>(std::move(*origin));
  }
  Result<Secret> text = body_of(fetch);
  if (!text) co_return fail(text.error());
  Result<RequestHead> head = sign(fetch, *sts, text->expose(), now);
  if (!head) co_return fail(head.error());
  const http1::Spool body = http1::Spool::of(text->expose());
  upstream::Request request;
  request.head = std::move(*head);
  request.body = &body;
  request.first_byte = kStsAnswerTime;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(2 * kStsAnswerTime);
  auto response = co_await fetch.wish.client->send(std::move(sts), std::move(request));
  if (!response) co_return unavailable("sts could not be asked: " + response.error().message);
  const int status = (*response)->head().status;
  upstream::Response* arriving = response->get();
  Result<Secret> answer = co_await read_answer(arriving, deadline);
  if (!answer) co_return fail(answer.error());
  co_return read_sts_answer(fetch.base == nullptr ? "AssumeRoleWithWebIdentity" : "AssumeRole", status,
                            answer->expose());
}

}  // namespace

struct AwsSessions::State {
  struct Entry {
    std::string upstream;
    Keys root;
    Keys keys;
    TimeMs good_until = 0;
    bool being_fetched = false;
    std::vector<Waiting> waiting;
  };
  struct Source {
    std::shared_ptr<const config::AwsKeys> settings;
    std::string partition;
  };

  State(const auth::Vault& vault_in, const Clock& clock_in) : vault(vault_in), clock(clock_in) {}

  // Under the lock. nullptr: there is none that is good.
  Keys kept(const std::string& key, const Fetch& fetch) {
    auto found = entries.find(key);
    if (found == entries.end()) return nullptr;
    const Entry& entry = found->second;
    return entry.root == fetch.root && clock.now() < entry.good_until ? entry.keys : nullptr;
  }
  void settle(const std::string& key, const Fetch& fetch, TimeMs asked, Result<StsSession> fetched);
  static Task<void> run(std::shared_ptr<State> state, std::string key, Fetch fetch);
  static Task<Result<Keys>> session(std::shared_ptr<State> state, Fetch fetch);

  const auth::Vault& vault;
  const Clock& clock;
  std::map<std::string, Source, std::less<>> sources;  // by upstream; constant
  std::mutex lock;                                     // of what follows
  std::map<std::string, Entry, std::less<>> entries;
  bool closed = false;
};

void AwsSessions::State::settle(const std::string& key, const Fetch& fetch, TimeMs asked, Result<StsSession> fetched) {
  const TimeMs now = clock.now();
  if (fetched && fetched->expires <= now)
    fetched = unavailable("by this machine's clock the session that sts gave has ended already");
  Result<Keys> result = nullptr;
  std::vector<Waiting> waiting;
  {
    std::lock_guard guard(lock);
    if (closed) return;
    Entry& entry = entries[key];
    waiting = std::move(entry.waiting);
    if (fetched) {
      const TimeMs wanted = fetch.base == nullptr ? kLongestChained : fetch.settings->role->duration;
      const TimeMs end = std::min(fetched->expires, asked + wanted);
      entry.upstream = fetch.wish.upstream;
      entry.root = fetch.root;
      entry.keys = std::make_shared<const auth::AwsCredentials>(std::move(fetched->keys));
      entry.good_until = end - std::min(kAwsSessionMargin, (end - asked) / 4);
      entry.being_fetched = false;
      entry.waiting.clear();
      result = entry.keys;
    } else {
      entries.erase(key);
      result = fail(fetched.error());
    }
  }
  for (Waiting& each : waiting) each(result);
}

Task<void> AwsSessions::State::run(std::shared_ptr<State> state, std::string key, Fetch fetch) {
  const TimeMs now = state->clock.now();
  auto fetched = co_await ask(fetch, now);
  state->settle(key, fetch, now, std::move(fetched));
}

Task<Result<Keys>> AwsSessions::State::session(std::shared_ptr<State> state, Fetch fetch) {
  const std::string key = key_of(fetch);
  {
    std::lock_guard guard(state->lock);
    if (Keys kept = state->kept(key, fetch)) co_return kept;
  }
  auto wait = [state, key, fetch](Waiting done) {
    std::unique_lock guard(state->lock);
    if (Keys kept = state->kept(key, fetch)) return done(std::move(kept));
    if (!state->entries.contains(key) && !make_room(state->entries, kMaxAwsSessions))
      return done(unavailable("too many sessions are being made"));
    Entry& entry = state->entries[key];
    entry.waiting.push_back(std::move(done));
    if (entry.being_fetched) return;
    entry.being_fetched = true;
    guard.unlock();
    auto start = [state, key, fetch] { return State::run(state, key, fetch); };
    auto broken = [state, key, fetch](std::exception_ptr) {
      state->settle(key, fetch, 0, unavailable("asking sts broke off"));
    };
    fetch.wish.worker->spawn(std::move(start), std::move(broken));
  };
  co_return co_await net::await_callback<Keys>(std::move(wait));
}

AwsSessions::AwsSessions(const config::Config& config, const auth::Vault& vault, const Clock& clock)
    : state_(std::make_shared<State>(vault, clock)) {
  for (const config::Upstream& upstream : config.upstreams) {
    if (upstream.credential.kind != config::Credential::Kind::aws) continue;
    const std::string& partition = upstream.aws.partition;
    auto own = std::make_shared<const config::AwsKeys>(upstream.credential.aws);
    auto for_tags = own;
    if (upstream.aws.tags && upstream.aws.tags->credential)
      for_tags = std::make_shared<const config::AwsKeys>(*upstream.aws.tags->credential);
    using For = AwsWish::For;
    state_->sources.emplace(source_of(upstream.name, For::operation), State::Source{std::move(own), partition});
    state_->sources.emplace(source_of(upstream.name, For::tags), State::Source{std::move(for_tags), partition});
  }
}

// As with GithubTokens: whoever waits is woken here, while the loops still exist.
AwsSessions::~AwsSessions() {
  std::vector<Waiting> waiting;
  std::lock_guard guard(state_->lock);
  state_->closed = true;
  for (auto& [key, entry] : state_->entries) std::ranges::move(entry.waiting, std::back_inserter(waiting));
  state_->entries.clear();
}

Task<Result<AwsSessions::Keys>> AwsSessions::get(AwsWish wish) {
  std::shared_ptr<State> state = state_;
  const bool looks_up = wish.purpose == AwsWish::For::tags;
  auto found = state->sources.find(source_of(wish.upstream, wish.purpose));
  if (found == state->sources.end())
    co_return fail(ErrorKind::unavailable, "vault.missing", "this upstream has no keys");
  const config::AwsKeys& settings = *found->second.settings;
  Keys root;
  if (settings.from != From::web_identity) {
    Result<Keys> keys = looks_up ? state->vault.aws_for_tags(wish.upstream) : state->vault.aws(wish.upstream);
    if (!keys || !settings.role) co_return keys;
    root = std::move(*keys);
  }
  Fetch fetch{.wish = std::move(wish),
              .settings = found->second.settings,
              .partition = found->second.partition,
              .base = root,
              .root = root};
  if (settings.from == From::web_identity) {
    Result<Keys> keys = co_await State::session(state, fetch);
    if (!keys || !settings.role) co_return keys;
    fetch.base = std::move(*keys);
  }
  // A fence that was asked for and is not there must not become the whole role.
  const bool narrowed = !looks_up && settings.role->session == config::AwsRole::Session::operation;
  if (narrowed && fetch.wish.policy.empty())
    co_return unavailable("no session without a policy is made for operations");
  if (!narrowed) fetch.wish.policy.clear();
  co_return co_await State::session(state, std::move(fetch));
}

bool AwsSessions::wants_policy(std::string_view upstream) const {
  auto found = state_->sources.find(source_of(upstream, AwsWish::For::operation));
  if (found == state_->sources.end()) return false;
  const std::optional<config::AwsRole>& role = found->second.settings->role;
  return role && role->session == config::AwsRole::Session::operation;
}

bool AwsSessions::shows(std::string_view upstream, std::string_view text) const {
  std::lock_guard guard(state_->lock);
  return std::ranges::any_of(state_->entries, [&](const auto& each) {
    const State::Entry& entry = each.second;
    if (entry.upstream != upstream || entry.keys == nullptr) return false;
    return text.contains(entry.keys->secret.expose()) || text.contains(entry.keys->session_token);
  });
}

void AwsSessions::forget(const AwsWish& wish, const Keys& keys) {
  std::lock_guard guard(state_->lock);
  for (auto& [key, entry] : state_->entries) {
    if (entry.upstream == wish.upstream && entry.keys == keys) entry.good_until = 0;
  }
}

}  // namespace countersign::proxy
