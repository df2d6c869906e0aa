// Passing an upstream's answer on as it arrives.
#pragma once

#include <string>

#include "proxy/adapters/adapter.h"

namespace countersign::adapters {

// Sends `first` and then the rest of the reply's body to the sink, under `fields`. `replaced` bytes of the body are
// taken to be read already; `first` stands for them. The digest in the result is over what is sent.
struct RelayStart {
  HeaderList fields = {};
  std::string first = {};
  std::uint64_t replaced = 0;
};
Task<Forwarded> relay(HttpReply& reply, ReplySink& sink, RelayStart start);

}  // namespace countersign::adapters
