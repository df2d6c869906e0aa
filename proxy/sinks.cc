#include "proxy/sinks.h"

#include <algorithm>

namespace countersign::proxy {

Task<Status> ExchangeSink::start(ResponseHead head, std::optional<std::uint64_t> length) {
  // An event stream's head tells the client that its request is being worked on; a body of known length leaves with its
  // head.
  auto flush = length ? http1::HeadFlush::with_first_bytes : http1::HeadFlush::now;
  co_return co_await exchange_->start_response(std::move(head), length, flush);
}

Task<Status> ExchangeSink::write(ByteView bytes) {
  co_return co_await exchange_->write_body(bytes);
}

Task<Status> ExchangeSink::finish() {
  co_return co_await exchange_->finish();
}

Task<Status> GateSink::start(ResponseHead head, std::optional<std::uint64_t>) {
  head_ = std::move(head);
  co_return Status();
}

Task<Status> GateSink::write(ByteView bytes) {
  if (kept_.size() + bytes.size() > limit_) {
    co_return fail(ErrorKind::too_large, "upstream.answer_too_large",
                   "the upstream's answer is longer than may be kept");
  }
  co_return kept_.append(bytes);
}

Task<Status> GateSink::write_ahead(ByteView bytes) {
  if (!head_) co_return fail(ErrorKind::internal, "sink.misuse", "nothing can leave before the head");
  if (!client_->started()) {
    ResponseHead head = *head_;
    Status begun = co_await client_->start(std::move(head), std::nullopt);
    if (!begun) co_return begun;
  }
  co_return co_await client_->write(bytes);
}

Task<Status> GateSink::finish() {
  kept_.finish();
  finished_ = true;
  co_return Status();
}

Task<Status> GateSink::release() {
  if (!finished_) {
    if (client_->started()) co_return fail(ErrorKind::unavailable, "upstream.broken", "the answer broke off");
    Error error{ErrorKind::unavailable, "upstream.broken",
                "the upstream's answer broke off; the change may have taken effect"};
    co_return co_await adapters::send_problem(*client_, 502, std::move(error), "");
  }
  if (!client_->started()) {
    const std::uint64_t size = kept_.size();
    Status begun = co_await client_->start(std::move(*head_), size);
    if (!begun) co_return begun;
  }
  Bytes buffer(std::min<std::uint64_t>(kept_.size(), 64U << 10));
  std::uint64_t offset = 0;
  while (offset < kept_.size()) {
    auto count = kept_.read(offset, buffer);
    if (!count) co_return fail(count.error());
    if (*count == 0) co_return fail(ErrorKind::internal, "spool.unreadable", "the kept answer is shorter than it was");
    ByteView piece(buffer.data(), *count);
    Status sent = co_await client_->write(piece);
    if (!sent) co_return sent;
    offset += *count;
  }
  co_return co_await client_->finish();
}

Task<Status> CaptureSink::start(ResponseHead head, std::optional<std::uint64_t>) {
  reply_.status = head.status;
  reply_.head = adapters::encode_headers(head.headers);
  co_return Status();
}

Task<Status> CaptureSink::write(ByteView bytes) {
  std::uint64_t room = limit_ - std::min<std::uint64_t>(limit_, reply_.body.size());
  reply_.body += as_text(bytes).substr(0, room);
  if (bytes.size() > room) reply_.truncated = true;
  // The rest is read for its digest, but not for ever.
  constexpr std::uint64_t kPatience = 16;
  seen_ += bytes.size();
  if (seen_ > kPatience * limit_) {
    co_return fail(ErrorKind::too_large, "upstream.answer_too_large", "the upstream's answer does not end");
  }
  co_return Status();
}

Task<Status> CaptureSink::write_ahead(ByteView) {
  co_return Status();
}

Task<Status> CaptureSink::finish() {
  co_return Status();
}

}  // namespace countersign::proxy
