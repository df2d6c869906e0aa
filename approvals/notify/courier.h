// Courier: tells targets about events, each from a durable cursor of its own, in order, at least once.
//
// One thread a target: a target that does not answer holds up nobody else. A message that is not taken is sent again
// after 1 s, 2 s, 4 s … up to 5 minutes, until it is 24 hours old; then it is given up, which is logged and counted.
// The cursor moves when a message was taken, so that a crash between can send one twice: receivers know it by its id
// (webhook-id, Message-ID). A new target begins with what happens from now on.
//
// Metrics: countersign_notifications_total{target,result}, result being sent, failed (one attempt) or given_up.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "approvals/notify/event.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/result.h"
#include "core/secret.h"
#include "core/sql.h"

namespace countersign::approvals::notify {

struct Target {
  config::Notification settings;
  std::string url;  // resolved
  Secret secret;    // the key of webhooks, the password of a mail server; may be empty
};

// Where events come from: those after `after`, in order, at most `limit`; and the number of the last there is.
struct Source {
  std::function<Result<std::vector<Event>>(std::int64_t after, std::size_t limit)> after;
  std::function<Result<std::int64_t>()> last;
};

// Sends one event to one target; the real one is deliver(). Called by the target's own thread.
using Deliver = std::function<Status(const Target& target, const Event& event)>;
// Webhooks and Slack over HTTP: any 2xx of at most 64 KiB is success, every other answer notify.refused (unavailable),
// a redirect too; mail over SMTP.
// A mail that some of its recipients do not get is told to the others, and of it the log. `public_url` is that of the
// admin listener, without a final slash.
[[nodiscard]] Status deliver(const Target& target, const Event& event, std::string_view public_url, TimeMs now,
                             const Log& log);

class Courier {
 public:
  struct Options {
    TimeMs first_pause = 1'000;
    TimeMs longest_pause = 300'000;
    TimeMs give_up_after = 24LL * 3'600'000;
    TimeMs look_again = 30'000;  // without being woken
  };

  // `cursors` is a database of its own (<state>/notifications.db). Everything outlives the courier. Threads begin here
  // and end with it; a message being sent is waited for (10 s at most, 30 s for mail).
  static Result<std::unique_ptr<Courier>> start(const std::filesystem::path& cursors, std::vector<Target> targets,
                                                Source source, Deliver deliver, const Clock& clock, const Log& log,
                                                Metrics& metrics, const Options& options);
  ~Courier();
  Courier(const Courier&) = delete;
  Courier& operator=(const Courier&) = delete;

  // Something has happened. Any thread; does not block.
  void wake();
  // Nothing more is begun; the destructor waits for what was. Any thread; does not block.
  void stop();

 private:
  struct Route;
  Courier(sql::Database cursors, Source source, Deliver deliver, const Clock& clock, const Log& log,
          const Options& options);
  void run(Route& route, const std::stop_token& stop);
  // Whether everything there was has been told.
  bool tell_what_there_is(Route& route, const std::stop_token& stop);
  bool tell(Route& route, const Event& event, const std::stop_token& stop);
  Result<std::int64_t> load_cursor(const std::string& target);
  Status save_cursor(const std::string& target, std::int64_t number);
  void pause(const std::stop_token& stop, TimeMs time, std::uint64_t woken);

  std::mutex database_lock_;
  sql::Database cursors_;
  const Source source_;
  const Deliver deliver_;
  const Clock& clock_;
  const Log& log_;
  const Options options_;
  std::mutex lock_;
  std::condition_variable_any bell_;
  std::uint64_t rung_ = 0;  // under lock_
  std::vector<std::unique_ptr<Route>> routes_;
};

}  // namespace countersign::approvals::notify
