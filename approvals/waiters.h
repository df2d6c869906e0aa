// Connections that are kept open until a held request is over.
//
// Any thread. A callback runs once, on the thread that made the final change, and must be quick: it posts to its own
// connection's loop. To miss nothing, wait first and read the request from the Queue afterwards: what happened before
// wait() is not told again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "approvals/request.h"

namespace countersign::approvals {

class Waiters {
 public:
  using Callback = std::function<void(const HeldRequest&)>;

  // Ends the wait when it is destroyed. After cancel() the callback does not begin any more; one that has begun on
  // another thread may still be running, so what it captures must stay valid by itself (shared or weak pointers). May
  // outlive the Waiters, and may be destroyed inside its own callback.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept = default;
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket() { cancel(); }
    void cancel();

   private:
    friend class Waiters;
    struct Place;
    explicit Ticket(std::shared_ptr<Place> place) : place_(std::move(place)) {}
    std::shared_ptr<Place> place_;
  };

  Waiters();
  ~Waiters();
  Waiters(const Waiters&) = delete;
  Waiters& operator=(const Waiters&) = delete;

  [[nodiscard]] Ticket wait(std::string_view request_id, Callback callback);
  // Wakes those who wait for this request if its state is final; does nothing otherwise. Made to be called from the
  // Queue's observer.
  void notify(const HeldRequest& request);
  [[nodiscard]] std::size_t size() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace countersign::approvals
