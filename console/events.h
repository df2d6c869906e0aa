// Events: what the console is told without asking, as server-sent events (WHATWG HTML, section 9.2).
//
// An EventHub hands each event to every open stream. A stream belongs to one connection: events wait in it, at most
// kMaxWaiting of them, until the connection has written the earlier ones; a reader that is slower than that is
// dropped, and fetches anew when it comes back. An event says that something changed and names it, no more: what it is
// may be read by whoever may read it.
//
// Any thread may call any method of either class. publish() does not block.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/result.h"

namespace countersign::console {

class EventStream {
 public:
  static constexpr std::size_t kMaxWaiting = 256;

  // Whose it is. `session` is the id of the session it was opened with; empty for a token. `may_read` says whether
  // they still may (blocks).
  struct Owner {
    std::string person;
    std::string session;
    std::function<bool()> may_read;
  };

  explicit EventStream(Owner owner) : owner_(std::move(owner)) {}
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  [[nodiscard]] const Owner& owner() const { return owner_; }

  struct Taken {
    std::string text;    // events as they are sent; may be empty
    bool check = false;  // whether owner().may_read has to be asked before anything more is sent
    bool ended = false;  // nothing follows
  };
  // What waits.
  [[nodiscard]] Taken take();
  // Called, on whatever thread, when something waits or the stream has ended; never after on_ready({}) has returned.
  // Must not block or call the stream.
  void on_ready(std::function<void()> wake);

  void push(std::string_view text);
  [[nodiscard]] bool is_idle() const;
  // The next take() asks for a check.
  void check();
  void end();

 private:
  void wake();  // under lock_

  const Owner owner_;
  mutable std::mutex lock_;
  std::vector<std::string> waiting_;
  bool check_ = false;
  bool ended_ = false;
  std::function<void()> ready_;
};

class EventHub {
 public:
  static constexpr std::size_t kMaxStreams = 256;
  static constexpr std::size_t kMaxOfPerson = 8;

  // events.too_many (unavailable) past either bound, events.closed (unavailable) after close().
  Result<std::shared_ptr<EventStream>> open(EventStream::Owner owner);
  // The stream ends when its connection has: to be called then.
  void forget(const std::shared_ptr<EventStream>& stream);

  void publish(std::string_view name, const Json& data);
  // Who may read may have changed: everybody is checked before anything more is sent.
  void check_all();
  void end_session(std::string_view session);
  void end_person(std::string_view person);
  // Ends all streams, and none is opened any more: before the listeners stop.
  void close();
  [[nodiscard]] std::size_t size() const;
  // Whether nothing waits in any stream.
  [[nodiscard]] bool is_idle() const;

 private:
  mutable std::mutex lock_;
  std::vector<std::shared_ptr<EventStream>> streams_;
  bool closed_ = false;
};

}  // namespace countersign::console
