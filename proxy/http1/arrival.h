// A body that is passed on while it arrives.
#pragma once

#include "core/bytes.h"
#include "core/task.h"

namespace countersign::http1 {

class Arrival {
 public:
  virtual ~Arrival() = default;
  // The next piece, valid until the next call; empty at the end. The piece with the last byte is given out only when
  // the whole has been proven (Exchange::promise_body): whoever passes pieces on has never passed on a whole body that
  // was not. Errors: those of the proof; body.incomplete (malformed, timed_out, unavailable) when it did not come to
  // its end. They stay.
  [[nodiscard]] virtual Task<Result<ByteView>> next() = 0;
};

}  // namespace countersign::http1
