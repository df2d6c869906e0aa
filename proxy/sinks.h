// The three places an answer can go: the client at once, the client once the outcome is durable, or the store.
#pragma once

#include <optional>
#include <string>

#include "approvals/request.h"
#include "proxy/adapters/reply.h"
#include "proxy/http1/exchange.h"

namespace countersign::proxy {

// Streams to the client.
class ExchangeSink final : public adapters::ReplySink {
 public:
  explicit ExchangeSink(http1::Exchange* exchange) : exchange_(exchange) {}
  Task<Status> start(ResponseHead head, std::optional<std::uint64_t> length) override;
  Task<Status> write(ByteView bytes) override;
  Task<Status> finish() override;
  [[nodiscard]] bool started() const override { return exchange_->responded(); }

 private:
  http1::Exchange* exchange_;
};

// The output gate: keeps the answer to a change back until release(), which is called once its outcome record is
// durable. What is no part of the result (progress of a running call) passes at once.
class GateSink final : public adapters::ReplySink {
 public:
  // An answer longer than `limit` bytes is broken off: nobody can be made to fill the disk.
  GateSink(adapters::ReplySink* client, http1::SpoolOptions spool, std::uint64_t limit)
      : client_(client), kept_(std::move(spool)), limit_(limit) {}
  Task<Status> start(ResponseHead head, std::optional<std::uint64_t> length) override;
  Task<Status> write(ByteView bytes) override;
  Task<Status> write_ahead(ByteView bytes) override;
  Task<Status> finish() override;
  [[nodiscard]] bool started() const override { return head_.has_value(); }

  // Sends what was kept. An answer that broke off in the middle becomes a problem document where the head has not left
  // yet.
  Task<Status> release();
  // Of the body that was kept, as much as is in memory.
  [[nodiscard]] std::string beginning() const { return std::string(kept_.in_memory().value_or("")); }

 private:
  adapters::ReplySink* client_;
  std::optional<ResponseHead> head_;
  http1::Spool kept_;
  std::uint64_t limit_;
  bool finished_ = false;
};

// Keeps the answer to an approved request for the agent's retry.
class CaptureSink final : public adapters::ReplySink {
 public:
  explicit CaptureSink(std::uint64_t limit) : limit_(limit) {}
  Task<Status> start(ResponseHead head, std::optional<std::uint64_t> length) override;
  Task<Status> write(ByteView bytes) override;
  Task<Status> write_ahead(ByteView bytes) override;
  Task<Status> finish() override;
  [[nodiscard]] bool started() const override { return reply_.status != 0; }
  [[nodiscard]] approvals::StoredReply take() { return std::move(reply_); }
  [[nodiscard]] const std::string& body() const { return reply_.body; }

 private:
  std::uint64_t limit_;
  std::uint64_t seen_ = 0;
  approvals::StoredReply reply_;
};

}  // namespace countersign::proxy
