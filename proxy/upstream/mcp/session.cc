#include "proxy/upstream/mcp/session.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace countersign::mcp {
namespace {

namespace asio = boost::asio;
using SteadyClock = std::chrono::steady_clock;
constexpr auto kWait = asio::as_tuple(asio::use_awaitable);

std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now().time_since_epoch()).count();
}

}  // namespace

// Touched on the waiting worker only.
struct Call::Waiting {
  explicit Waiting(asio::any_io_executor where) : executor(std::move(where)), timer(executor) {}
  asio::any_io_executor executor;
  asio::steady_timer timer;
  std::optional<Result<std::string>> answer;
  bool progressed = false;
};

Call::Call(asio::any_io_executor executor) : waiting_(std::make_unique<Waiting>(std::move(executor))) {}
Call::~Call() = default;

void Call::answer(const std::shared_ptr<Call>& call, Result<std::string> result) {
  asio::post(call->waiting_->executor, [call, result = std::move(result)]() mutable {
    if (call->waiting_->answer) return;
    call->waiting_->answer = std::move(result);
    call->waiting_->timer.cancel();
  });
}

void Call::progress(const std::shared_ptr<Call>& call, std::string params) {
  asio::post(call->waiting_->executor, [call, params = std::move(params)]() mutable {
    if (call->waiting_->answer) return;
    call->waiting_->progressed = true;
    call->waiting_->timer.cancel();
    if (call->on_progress) call->on_progress(std::move(params));
  });
}

Task<Result<std::string>> wait_for(std::shared_ptr<Call> call, const SessionOptions* options) {
  Call::Waiting& waiting = *call->waiting_;
  const auto last = SteadyClock::now() + std::chrono::milliseconds(options->call_in_all);
  const std::chrono::milliseconds gap(call->kind == Call::Kind::ready ? 2 * options->handshake : options->call);
  asio::cancellation_state stop = co_await asio::this_coro::cancellation_state;
  while (!waiting.answer && stop.cancelled() == asio::cancellation_type::none) {
    waiting.progressed = false;
    waiting.timer.expires_at(std::min(last, SteadyClock::now() + gap));
    co_await waiting.timer.async_wait(kWait);
    stop = co_await asio::this_coro::cancellation_state;
    bool expired = !waiting.answer && !waiting.progressed && stop.cancelled() == asio::cancellation_type::none;
    if (expired) co_return fail(ErrorKind::timed_out, "upstream.timeout", "the upstream did not answer in time");
  }
  if (waiting.answer) co_return std::move(*waiting.answer);
  co_return fail(ErrorKind::unavailable, "upstream.cancelled", "the call was given up");
}

std::shared_ptr<const adapters::McpCatalogue> SessionCore::catalogue() const {
  std::lock_guard lock(mutex_);
  return catalogue_;
}

bool SessionCore::fresh() const {
  std::int64_t listed = listed_at_.load();
  if (listed == kNever) return false;
  return ageing_ == Ageing::stays || steady_ms() - listed < options_.listing_age;
}

void SessionCore::publish(std::shared_ptr<const adapters::McpCatalogue> catalogue) {
  {
    std::lock_guard lock(mutex_);
    catalogue_ = std::move(catalogue);
  }
  listed_at_ = steady_ms();
}

std::shared_ptr<const adapters::McpCatalogue> Session::last_catalogue() const {
  return core_->catalogue();
}

Task<Result<std::string>> Session::perform(std::shared_ptr<Call> call) {
  std::shared_ptr<SessionCore> core = core_;
  core->home().post([core, call] { core->begin(call); });
  const SessionOptions& options = core->options();
  std::shared_ptr<Call> waited = call;
  Result<std::string> result = co_await wait_for(std::move(waited), &options);
  bool unanswered =
      !result && (result.error().code == "upstream.timeout" || result.error().code == "upstream.cancelled");
  if (unanswered) {
    core->home().post(
        [core, call, reason = result.error().message]() mutable { core->abandon(call, std::move(reason)); });
  }
  co_return result;
}

Task<Result<std::shared_ptr<const adapters::McpCatalogue>>> Session::catalogue() {
  if (core_->fresh()) co_return core_->catalogue();
  asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto call = std::make_shared<Call>(executor);
  call->kind = Call::Kind::ready;
  Result<std::string> ready = co_await perform(std::move(call));
  if (!ready) co_return fail(ready.error());
  co_return core_->catalogue();
}

Task<Result<std::string>> Session::call(std::string method, std::string params,
                                        std::function<void(std::string)> on_progress) {
  asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto call = std::make_shared<Call>(executor);
  call->method = std::move(method);
  call->params = std::move(params);
  call->on_progress = std::move(on_progress);
  co_return co_await perform(std::move(call));
}

}  // namespace countersign::mcp
