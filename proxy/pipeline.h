// Pipeline: the way of a request on the agents listener, as one coroutine that reads from top to bottom.
//
// docs/life-of-a-request.md follows it step by step. One Pipeline serves all workers; it keeps no state of its own.
#pragma once

#include "proxy/http1/server.h"
#include "proxy/parts.h"

namespace countersign::proxy {

class Pipeline final : public http1::Handler {
 public:
  explicit Pipeline(Parts& parts) : parts_(parts) {}
  Task<void> handle(http1::Exchange* exchange) override;

 private:
  Parts& parts_;
};

}  // namespace countersign::proxy
