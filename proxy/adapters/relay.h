// Asking an upstream, and passing its answer on as it arrives.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "proxy/adapters/adapter.h"

namespace countersign::adapters {

// Sends a request through the door of that name (HttpDoor::send); not_connected() when there is none.
Task<Result<std::unique_ptr<HttpReply>>> send_upstream(Doors& doors, std::string_view upstream, RequestHead head,
                                                       BodySource* body);
// The same for clients that take an upstream's 401 for their own: it becomes credential_refused().
Task<Result<std::unique_ptr<HttpReply>>> ask_upstream(Doors& doors, std::string_view upstream, RequestHead head,
                                                      BodySource* body);

// The whole body; `too_long` when it has more bytes than `limit`.
Task<Result<std::string>> read_all(HttpReply& reply, std::size_t limit, Error too_long);

// Sends `first` and then the rest of the reply's body to the sink, under `fields`. `replaced` bytes of the body are
// taken to be read already; `first` stands for them. The digest in the result is over what is sent.
struct RelayStart {
  HeaderList fields = {};
  std::string first = {};
  std::uint64_t replaced = 0;
};
Task<Forwarded> relay(HttpReply& reply, ReplySink& sink, RelayStart start);

}  // namespace countersign::adapters
