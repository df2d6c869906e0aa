#include "proxy/upstream/client.h"

#include <algorithm>
#include <array>

#include "proxy/http1/head.h"
#include "proxy/http1/writer.h"
#include "proxy/upstream/pool.h"

namespace countersign::upstream {
namespace {

constexpr std::size_t kCopyBytes = 64 * 1024;
constexpr int kInterimResponses = 16;
constexpr std::array<std::string_view, 8> kNothingSent = {
    "upstream.resolve_failed", "upstream.connect_failed",  "upstream.tls_failed",  "upstream.busy",
    "upstream.not_sent",       "upstream.connect_timeout", "upstream.bad_request", "body.incomplete"};

bool idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}
bool expects_body(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

// A failure while a request or response was under way, in this folder's words.
Error exchange_error(const Error& error) {
  if (error.code == "net.timeout")
    return {ErrorKind::timed_out, "upstream.timeout", "the upstream did not answer in time"};
  if (error.code == "net.cancelled")
    return {ErrorKind::unavailable, "upstream.cancelled", "cancelled while the upstream was at work"};
  if (error.code.starts_with("net.") || error.code == "http.truncated") {
    return {ErrorKind::unavailable, "upstream.broken", "the connection to the upstream broke: " + error.message};
  }
  if (error.code.starts_with("http.")) {
    return {ErrorKind::unavailable, "upstream.bad_response",
            "the upstream's response is refused (" + error.code + "): " + error.message};
  }
  return error;
}

}  // namespace

Sent sent_of(const Error& error) {
  return std::ranges::find(kNothingSent, error.code) != kNothingSent.end() ? Sent::nothing : Sent::maybe;
}

struct Response::State {
  Pool::Lease lease;
  http1::ParsedResponse parsed;
  http1::BodyReader body;
  std::optional<std::uint64_t> length;
  TimeMs gap;
  bool given_back = false;

  // After the last byte: the connection is clean if the response says so and nothing else has come.
  void end() {
    if (given_back) return;
    given_back = true;
    bool clean = parsed.framing.persistence == http1::Persistence::keep_alive &&
                 lease.link().reader.buffered().empty() && !lease.link().reader.ended();
    lease.link().transport->disarm_deadline();
    if (clean) lease.keep();
  }
};

Response::Response(std::unique_ptr<State> state) : state_(std::move(state)) {}
Response::~Response() = default;

const ResponseHead& Response::head() const {
  return state_->parsed.head;
}
ResponseHead Response::take_head() {
  return std::move(state_->parsed.head);
}
std::optional<std::uint64_t> Response::length() const {
  return state_->length;
}
bool Response::done() const {
  return state_->body.done();
}
void Response::set_gap(TimeMs gap) {
  state_->gap = gap;
}

Task<Result<std::size_t>> Response::read_some(std::span<std::uint8_t> into) {
  State& state = *state_;
  if (state.body.done()) co_return std::size_t{0};
  net::Transport& transport = *state.lease.link().transport;
  if (state.gap >= 0) {
    transport.arm_deadline(std::chrono::milliseconds(state.gap));
  } else {
    transport.disarm_deadline();
  }
  Result<std::size_t> count = co_await state.body.read_some(into);
  if (!count) co_return fail(exchange_error(count.error()));
  if (state.body.done()) state.end();
  co_return count;
}

Task<Result<std::string>> Response::read_all(std::size_t limit) {
  std::string out;
  Bytes buffer(std::min<std::size_t>(kCopyBytes, state_->length.value_or(kCopyBytes)));
  std::span<std::uint8_t> into = buffer;
  while (!state_->body.done()) {
    Result<std::size_t> count = co_await read_some(into);
    if (!count) co_return fail(count.error());
    if (out.size() + *count > limit) {
      co_return fail(ErrorKind::too_large, "upstream.too_large", "the upstream's response is larger than allowed");
    }
    out += as_text(into.first(*count));
  }
  co_return out;
}

struct Client::State {
  State(net::Worker& worker, ClientOptions options) : pool(std::make_shared<Pool>(worker, std::move(options))) {}
  std::shared_ptr<Pool> pool;
};

namespace {

// A body that comes while it goes. What it ends with when it breaks off is no failure of the upstream's: `*broken_off`.
Task<Status> pass_on(Link* link, std::string head, http1::Arrival* arrival, TimeMs timeout, bool* broken_off) {
  net::Transport& transport = *link->transport;
  ByteView first = as_bytes(head);
  for (;;) {
    transport.disarm_deadline();  // the client has times of its own
    Result<ByteView> piece = co_await arrival->next();
    if (!piece) {
      *broken_off = true;
      co_return fail(piece.error());
    }
    if (piece->empty()) co_return Status();
    transport.arm_deadline(std::chrono::milliseconds(timeout));
    ByteView second = *piece;
    Status written = co_await transport.write(first, second);
    if (!written) co_return written;
    first = {};
  }
}

// A small request leaves in one system call; a body on disk follows its head piece by piece.
Task<Status> write_request(Link* link, std::string head, const http1::Spool* body, TimeMs timeout) {
  net::Transport& transport = *link->transport;
  auto write_limit = std::chrono::milliseconds(timeout);
  transport.arm_deadline(write_limit);
  ByteView first = as_bytes(head);
  if (body == nullptr || !body->on_disk()) {
    ByteView second = body == nullptr ? ByteView() : as_bytes(body->in_memory().value_or(std::string_view()));
    co_return co_await transport.write(first, second);
  }
  Bytes buffer(kCopyBytes);
  for (std::uint64_t at = 0; at < body->size();) {
    Result<std::size_t> count = body->read(at, buffer);
    if (!count) co_return fail(count.error());
    at += *count;
    ByteView piece = ByteView(buffer).first(*count);
    transport.arm_deadline(write_limit);
    Status written = co_await transport.write(first, piece);
    if (!written) co_return written;
    first = {};
  }
  co_return Status();
}

// Reads heads until one is not interim (1xx). `*received` tells whether any byte of a response has come.
Task<Result<http1::ParsedResponse>> read_response_head(Link* link, std::string method, const ClientOptions* options,
                                                       bool* received) {
  http1::Reader& reader = link->reader;
  for (int interim = 0; interim < kInterimResponses; ++interim) {
    std::size_t scanned = 0;
    std::size_t end = 0;
    while (end == 0) {
      std::string_view bytes = as_text(reader.buffered());
      Result<std::size_t> found = http1::find_head_end(bytes, scanned);
      if (!found) co_return fail(found.error());
      end = *found;
      if (end > 0) break;
      scanned = bytes.size();
      Result<std::size_t> filled = co_await reader.fill();
      if (!filled) co_return fail(filled.error());
      if (*filled == 0) co_return fail(ErrorKind::unavailable, "net.closed", "no complete response came");
      *received = true;
    }
    *received = true;
    std::string_view head = as_text(reader.buffered()).substr(0, end);
    Result<http1::ParsedResponse> parsed = http1::parse_response(head, method, options->limits);
    if (!parsed) co_return parsed;
    reader.consume(end);
    if (parsed->framing.status == 101) {
      co_return fail(ErrorKind::unavailable, "http.unexpected_upgrade", "the upstream switched protocols unasked");
    }
    if (parsed->framing.status >= 200) co_return parsed;
  }
  co_return fail(ErrorKind::unavailable, "http.too_many_interim", "the upstream sent only interim responses");
}

std::optional<std::uint64_t> announced_length(const ResponseHead& head) {
  auto text = head.headers.get("content-length");
  if (!text) return std::nullopt;
  return std::stoull(std::string(*text));  // one decimal number of at most 18 digits: the framing check has seen to it
}

}  // namespace

Client::Client(net::Worker& worker, ClientOptions options)
    : state_(std::make_shared<State>(worker, std::move(options))) {}
Client::~Client() = default;

std::size_t Client::open_connections(const Origin& origin) const {
  return state_->pool->open(origin.key);
}
std::size_t Client::idle_connections(const Origin& origin) const {
  return state_->pool->idle(origin.key);
}

Task<Result<std::unique_ptr<Response>>> Client::send(std::shared_ptr<const Origin> origin, Request request) {
  std::shared_ptr<Pool> pool = state_->pool;
  const ClientOptions* options = &pool->options();
  http1::strip_hop_by_hop(request.head.headers);
  if (request.head.headers.count("host") == 0) request.head.headers.add("Host", origin->authority);
  request.head.headers.remove("expect");  // the body is here already: nobody needs to be asked
  http1::Delimiting delimiting;
  if (request.body != nullptr && request.body->size() > 0) {
    delimiting = {http1::BodyKind::length, request.body->size()};
  } else if (expects_body(request.head.method)) {
    delimiting = {http1::BodyKind::length, 0};
  }
  std::string head;
  head.reserve(1024);
  Status made = http1::append_request_head(head, request.head, delimiting, http1::Persistence::keep_alive);
  if (!made) co_return fail(ErrorKind::internal, "upstream.bad_request", made.error().message);

  http1::Arrival* arrival = request.body == nullptr ? nullptr : request.body->arrival();
  bool again = idempotent(request.head.method) && arrival == nullptr;  // what has arrived does not come again
  Pool::Want want = again ? Pool::Want::any : Pool::Want::alive;
  for (;;) {
    Result<Pool::Lease> lease = co_await pool->acquire(origin, want);
    if (!lease) co_return fail(lease.error());
    Link* link = &lease->link();
    bool received = false;
    bool broken_off = false;
    Status written;
    if (arrival != nullptr) {
      written = co_await pass_on(link, head, arrival, options->write, &broken_off);
      if (broken_off) co_return fail(written.error());
    } else {
      written = co_await write_request(link, head, request.body, options->write);
    }
    Result<http1::ParsedResponse> parsed;
    bool ask = written ||
               written.error().code == "net.closed";  // an upstream may answer and close before it has read everything
    if (ask) {
      link->transport->arm_deadline(std::chrono::milliseconds(request.first_byte.value_or(options->first_byte)));
      parsed = co_await read_response_head(link, request.head.method, options, &received);
    } else {
      parsed = fail(written.error());
    }
    if (parsed) {
      std::optional<std::uint64_t> length = announced_length(parsed->head);
      http1::strip_hop_by_hop(parsed->head.headers);
      if (!written) parsed->framing.persistence = http1::Persistence::close;
      http1::BodyReader body(&link->reader, parsed->framing.body, parsed->framing.length, UINT64_MAX);
      auto state = std::unique_ptr<Response::State>(
          new Response::State{std::move(*lease), std::move(*parsed), std::move(body), length, options->gap});
      if (state->body.done()) state->end();
      co_return std::unique_ptr<Response>(new Response(std::move(state)));
    }
    bool stale = link->used_before && !received && parsed.error().code == "net.closed";
    if (!again || !stale) co_return fail(exchange_error(parsed.error()));
    again = false;
    want = Pool::Want::fresh;
  }
}

Clients::Clients(net::Workers& workers, const ClientOptions& options) {
  for (std::size_t i = 0; i < workers.size(); ++i) clients_.push_back(std::make_unique<Client>(workers.at(i), options));
}

}  // namespace countersign::upstream
