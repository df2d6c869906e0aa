#include "proxy/http1/connection.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "proxy/http1/head.h"
#include "proxy/http1/writer.h"

namespace countersign::http1 {
namespace {

constexpr std::size_t kLingerBytes = 1024 * 1024;
constexpr std::size_t kDiscardBytes = 16 * 1024;
constexpr std::size_t kRequestLineBytes = 200;

// The first line as a record may show it: queries can carry credentials.
std::string printable_request_line(std::string_view received) {
  std::string_view line = received.substr(0, received.find_first_of("\r\n?"));
  std::string out(line.substr(0, kRequestLineBytes));
  std::ranges::replace_if(out, [](char c) { return c < 0x20 || c == 0x7f; }, '.');
  return out;
}

}  // namespace

Connection::Connection(const ServerContext* context, net::Worker* worker, net::TransportPtr transport,
                       net::Admission admission)
    : context_(context),
      worker_(worker),
      transport_(std::move(transport)),
      admission_(admission),
      reader_(transport_, context->options.limits.head_bytes),
      body_(&reader_, BodyKind::none, 0, 0) {}

Task<void> Connection::run() {
  // Nothing thrown by a cancellation: it shows as the error of the operation it ends.
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  std::string fault;
  try {
    arm(context_->options.timeouts.head);
    Status secured = co_await transport_->handshake();
    if (!secured) {
      context_->observer->on_refused({transport_->peer(), secured.error(), 0, {}});
    } else if (admission_ == net::Admission::full) {
      Error full{ErrorKind::unavailable, "http.too_many_connections", "the server has as many connections as it may"};
      co_await refuse(std::move(full));
    } else {
      Going going = Going::on;
      while (going == Going::on) {
        going = co_await serve_one();
        first_ = false;
      }
    }
  } catch (const std::exception& error) {
    fault = error.what();
  }
  if (!fault.empty()) context_->observer->on_fault(transport_->peer(), fault);
  transport_->close();
}

Task<Result<std::size_t>> Connection::read_head() {
  const Timeouts& timeouts = context_->options.timeouts;
  std::size_t scanned = 0;
  bool head_begun = false;
  bool leading_line = true;  // RFC 9112 section 2.2: one empty line before a request is ignored
  activity_ = Activity::idle;
  for (;;) {
    std::string_view bytes = as_text(reader_.buffered());
    if (leading_line && bytes.size() >= 2) {
      leading_line = false;
      if (bytes.starts_with("\r\n")) reader_.consume(2);
      continue;
    }
    Result<std::size_t> end = find_head_end(bytes, scanned);
    if (!end || *end > 0) co_return end;
    scanned = bytes.size();
    if (scanned >= context_->options.limits.head_bytes) {
      co_return fail(ErrorKind::too_large, "http.head_too_large", "the head of the request is too large");
    }
    if (bytes.empty()) {
      arm(first_ ? timeouts.head : timeouts.idle);
    } else if (!head_begun) {
      head_begun = true;
      activity_ = Activity::serving;
      arm(timeouts.head);
    }
    Result<std::size_t> filled = co_await reader_.fill();
    if (!filled && filled.error().code == "net.timeout" && head_begun) {
      co_return fail(ErrorKind::timed_out, "http.timeout", "the head of the request did not arrive in time");
    }
    if (!filled) co_return filled;
    if (*filled == 0 && head_begun)
      co_return fail(ErrorKind::malformed, "http.truncated", "the stream ended inside a head");
    if (*filled == 0) co_return std::size_t{0};
  }
}

Status Connection::check_server_name(std::string_view host) const {
  std::string_view asked = transport_->server_name();
  if (asked.empty()) return {};
  std::string_view name =
      host.substr(0, host.rfind(':') == std::string_view::npos || host.ends_with(']') ? host.size() : host.rfind(':'));
  if (equal_ignoring_case(asked, name)) return {};
  return fail(ErrorKind::malformed, "http.sni_mismatch",
              "host names another server than the tls connection was opened for");
}

Task<Connection::Going> Connection::serve_one() {
  Result<std::size_t> end = co_await read_head();
  if (end && *end == 0) co_return Going::end;
  if (!end) {
    // A connection that breaks between requests is not a request.
    Error error = end.error();
    if (!error.code.starts_with("net.")) co_await refuse(std::move(error));
    co_return Going::end;
  }
  activity_ = Activity::serving;
  transport_->disarm_deadline();
  std::string_view bytes = as_text(reader_.buffered()).substr(0, *end);
  Result<ParsedRequest> parsed = parse_request(bytes, context_->options.limits);
  Status named;
  if (parsed) named = check_server_name(parsed->framing.host);
  if (!parsed || !named) {
    Error error = parsed ? named.error() : parsed.error();
    co_await refuse(std::move(error));
    co_return Going::end;
  }
  http10_ = bytes.substr(0, bytes.find('\r')).ends_with("HTTP/1.0");
  // HTTP/1.0 clients get one response a connection: its keep-alive was never specified well enough to be strict about.
  keep_ = draining_ || http10_ ? Persistence::close : parsed->framing.persistence;
  persistence_ = keep_;
  await_continue_ = parsed->framing.expectation == Expectation::continue_100;
  body_ = BodyReader(&reader_, parsed->framing.body, parsed->framing.length, UINT64_MAX);
  reader_.consume(*end);

  Exchange exchange(this, std::move(parsed->head));
  Exchange* seen = &exchange;
  co_await call_handler(seen);
  if (watch_ == Watch::fired || exchange.phase_ != Exchange::Phase::done) co_return Going::end;
  co_return co_await after_response();
}

Task<void> Connection::call_handler(Exchange* exchange) {
  std::string fault;
  try {
    co_await context_->handler->handle(exchange);
    if (!exchange->responded()) fault = "a handler returned without a response";
    if (exchange->phase_ == Exchange::Phase::streaming) fault = "a handler returned without ending its response";
  } catch (const std::exception& error) {
    fault = std::string("a handler leaked an exception: ") + error.what();
  } catch (...) {
    fault = "a handler leaked an exception";
  }
  if (fault.empty()) co_return;
  persistence_ = Persistence::close;
  keep_ = Persistence::close;
  if (watch_ == Watch::fired && !exchange->responded()) co_return;  // nobody is there to be answered
  context_->observer->on_fault(transport_->peer(), fault);
  if (exchange->responded()) {
    exchange->phase_ = Exchange::Phase::broken;
    co_return;
  }
  Error error{ErrorKind::internal, "http.internal", "the request could not be handled"};
  [[maybe_unused]] Status sent = co_await exchange->respond_problem(std::move(error));
}

Task<Connection::Going> Connection::after_response() {
  if (persistence_ == Persistence::close) {
    if (!body_.done()) {
      co_await linger();
    } else {
      [[maybe_unused]] Status ended = co_await transport_->shutdown_write();
    }
    co_return Going::end;
  }
  Bytes discarded;
  while (!body_.done()) {
    discarded.resize(kDiscardBytes);
    std::span<std::uint8_t> into = discarded;
    arm(context_->options.timeouts.body_gap);
    Result<std::size_t> count = co_await body_.read_some(into);
    if (!count) co_return Going::end;
  }
  if (draining_) co_return Going::end;
  co_return Going::on;
}

Task<void> Connection::refuse(Error error) {
  int status = status_of(error);
  std::string line = printable_request_line(as_text(reader_.buffered()));
  Refusal refusal{transport_->peer(), error, status, std::move(line)};
  if (error.code == "http.truncated") refusal.status = 0;
  context_->observer->on_refused(refusal);
  if (refusal.status == 0) co_return;
  Status sent = co_await send_problem(std::move(error), status);
  if (sent) co_await linger();
}

Task<Status> Connection::send_problem(Error error, int status) {
  ResponseHead head{status, {}};
  head.headers.add("Content-Type", "application/problem+json");
  head.headers.add("Cache-Control", "no-store");
  std::string body = problem_json(status, error);
  Delimiting delimiting{BodyKind::length, body.size()};
  out_.clear();
  Status written = append_response_head(out_, head, delimiting, Persistence::close);
  if (!written) co_return written;
  arm(context_->options.timeouts.write);
  ByteView first = as_bytes(out_);
  ByteView second = as_bytes(body);
  co_return co_await transport_->write(first, second);
}

Task<void> Connection::linger() {
  [[maybe_unused]] Status ended = co_await transport_->shutdown_write();
  arm(context_->options.timeouts.linger);
  std::size_t discarded = 0;
  while (discarded < kLingerBytes) {
    reader_.consume(reader_.buffered().size());
    Result<std::size_t> count = co_await reader_.fill();
    if (!count || *count == 0) co_return;
    discarded += *count;
  }
}

void Connection::drain() {
  draining_ = true;
  if (activity_ == Activity::idle) transport_->close();
}

void Connection::abort() {
  draining_ = true;
  on_gone();
  transport_->close();
}

void Connection::on_gone() {
  if (watch_ != Watch::on) return;
  watch_ = Watch::fired;
  cancel_.emit(boost::asio::cancellation_type::terminal);
}

}  // namespace countersign::http1
