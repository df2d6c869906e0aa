// Where an answer goes: a live client, or the store that keeps an approved request's result. No sockets here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/http_head.h"
#include "core/task.h"

namespace countersign::adapters {

class ReplySink {
 public:
  virtual ~ReplySink() = default;
  // Once. `length` nullopt: the body's length is not known (chunked).
  virtual Task<Status> start(ResponseHead head, std::optional<std::uint64_t> length) = 0;
  // After start; leaves at once (server-sent events depend on it).
  virtual Task<Status> write(ByteView bytes) = 0;
  // After start: what may leave before the outcome of a change is durable, because it is no part of the result
  // (progress of a running call). A store drops it; the answer to a change is kept back otherwise.
  virtual Task<Status> write_ahead(ByteView bytes) { return write(bytes); }
  // Once, after the last write.
  virtual Task<Status> finish() = 0;
  [[nodiscard]] virtual bool started() const = 0;
};

// start + write + finish with a content length. `extra` are headers besides content-type, which is left out when empty.
Task<Status> send(ReplySink& sink, int status, std::string content_type, std::string body, HeaderList extra);
// An RFC 9457 problem document. `extra_members` as in problem_json (core/http_head.h).
Task<Status> send_problem(ReplySink& sink, int status, Error error, std::string extra_members);

// The spelling of StoredReply::head: canonical JSON, an array of [name, value]. Values that are not UTF-8 lose their
// bad bytes.
[[nodiscard]] std::string encode_headers(const HeaderList& headers);
// Error: request.malformed.
Result<HeaderList> decode_headers(std::string_view json);

}  // namespace countersign::adapters
