#include "approvals/notify/courier.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "approvals/notify/message.h"
#include "core/http_client.h"
#include "core/mail_client.h"

namespace countersign::approvals::notify {
namespace {

constexpr std::size_t kAtOnce = 100;
constexpr std::size_t kMostAnswer = 64U << 10;  // which nobody reads
constexpr std::array<std::string_view, 1> kSteps{
    "CREATE TABLE cursors (target TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;"};

Status post(const Target& target, HeaderList fields, std::string body) {
  HttpAsk ask{.method = "POST", .url = target.url, .headers = std::move(fields), .body = std::move(body)};
  ask.ca_file = target.settings.ca_file;
  ask.most_bytes = kMostAnswer;
  Result<HttpAnswer> answer = fetch(ask);
  if (!answer) return fail(answer.error());
  if (answer->status >= 200 && answer->status < 300) return {};
  return fail(ErrorKind::unavailable, "notify.refused",
              "it was answered with status " + std::to_string(answer->status));
}

}  // namespace

Status deliver(const Target& target, const Event& event, std::string_view public_url, TimeMs now, const Log& log) {
  switch (target.settings.kind) {
    case config::Notification::Kind::webhook: {
      std::string body = webhook_body(event, public_url);
      Result<HeaderList> fields = webhook_fields(id_of(event), now, body, target.secret.expose());
      if (!fields) return fail(fields.error());
      return post(target, std::move(*fields), std::move(body));
    }
    case config::Notification::Kind::slack: {
      HeaderList fields;
      fields.add("content-type", "application/json");
      return post(target, std::move(fields), slack_body(target.settings, event, public_url));
    }
    case config::Notification::Kind::email: {
      MailAsk ask{.url = target.url, .user = target.settings.user, .password = target.secret.expose()};
      ask.from = target.settings.from;
      ask.to = target.settings.to;
      ask.message = mail_message(target.settings, mail_of(target.settings, event, public_url), id_of(event), now);
      ask.ca_file = target.settings.ca_file;
      Result<MailReceipt> receipt = send_mail(ask);
      if (!receipt) return fail(receipt.error());
      if (receipt->refused > 0) {
        log.warning("a notification did not reach everybody: the mail server refused some of its recipients",
                    {{"target", target.settings.name},
                     {"event", std::to_string(event.number)},
                     {"refused", std::to_string(receipt->refused)},
                     {"reply", std::to_string(receipt->reply)}});
      }
      return {};
    }
  }
  return fail(ErrorKind::internal, "notify.kind", "a target of no kind");
}

struct Courier::Route {
  Target target;
  std::int64_t cursor = 0;
  Counter& sent;
  Counter& failed;
  Counter& given_up;
  std::jthread thread;
};

Courier::Courier(sql::Database cursors, Source source, Deliver deliver, const Clock& clock, const Log& log,
                 const Options& options)
    : cursors_(std::move(cursors)),
      source_(std::move(source)),
      deliver_(std::move(deliver)),
      clock_(clock),
      log_(log),
      options_(options) {}

Courier::~Courier() {
  stop();
  routes_.clear();  // joins
}

void Courier::stop() {
  for (const auto& route : routes_) route->thread.request_stop();
}

Result<std::unique_ptr<Courier>> Courier::start(const std::filesystem::path& cursors, std::vector<Target> targets,
                                                Source source, Deliver deliver, const Clock& clock, const Log& log,
                                                Metrics& metrics, const Options& options) {
  Result<sql::Database> database = sql::Database::open(cursors, {});
  if (!database) return fail(database.error());
  if (Status ready = sql::apply_schema(*database, "notifications", kSteps); !ready) return fail(ready.error());
  std::unique_ptr<Courier> courier(
      new Courier(std::move(*database), std::move(source), std::move(deliver), clock, log, options));
  for (Target& target : targets) {
    auto counter = [&](const char* result) -> Counter& {
      return metrics.counter("countersign_notifications_total", "Messages about held requests by target and result.",
                             {{"target", target.settings.name}, {"result", result}});
    };
    Counter& sent = counter("sent");
    Counter& failed = counter("failed");
    Counter& given_up = counter("given_up");
    Result<std::int64_t> cursor = courier->load_cursor(target.settings.name);
    if (!cursor) return fail(cursor.error());
    courier->routes_.push_back(
        std::make_unique<Route>(std::move(target), *cursor, sent, failed, given_up, std::jthread()));
  }
  for (const auto& route : courier->routes_) {
    Courier* self = courier.get();
    route->thread = std::jthread([self, each = route.get()](const std::stop_token& stop) { self->run(*each, stop); });
  }
  return courier;
}

Result<std::int64_t> Courier::load_cursor(const std::string& target) {
  {
    const std::scoped_lock hold(database_lock_);
    Result<sql::Statement> row = cursors_.prepare("SELECT number FROM cursors WHERE target = ?");
    if (!row) return fail(row.error());
    Result<sql::Step> step = row->bind(target).step();
    if (!step) return fail(step.error());
    if (*step == sql::Step::row) return row->integer(0);
  }
  Result<std::int64_t> last = source_.last();
  if (!last) return last;
  if (Status saved = save_cursor(target, *last); !saved) return fail(saved.error());
  return last;
}

Status Courier::save_cursor(const std::string& target, std::int64_t number) {
  const std::scoped_lock hold(database_lock_);
  Result<sql::Statement> row =
      cursors_.prepare("INSERT INTO cursors VALUES (?1, ?2) ON CONFLICT (target) DO UPDATE SET number = ?2");
  if (!row) return fail(row.error());
  return row->bind(target, number).run();
}

void Courier::wake() {
  {
    const std::scoped_lock hold(lock_);
    ++rung_;
  }
  bell_.notify_all();
}

void Courier::pause(const std::stop_token& stop, TimeMs time, std::uint64_t woken) {
  std::unique_lock hold(lock_);
  bell_.wait_for(hold, stop, std::chrono::milliseconds(time), [&] { return rung_ != woken; });
}

void Courier::run(Route& route, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::uint64_t woken = 0;
    {
      const std::scoped_lock hold(lock_);
      woken = rung_;
    }
    if (tell_what_there_is(route, stop)) pause(stop, options_.look_again, woken);
  }
}

bool Courier::tell_what_there_is(Route& route, const std::stop_token& stop) {
  const std::string& name = route.target.settings.name;
  Result<std::vector<Event>> events = source_.after(route.cursor, kAtOnce);
  if (!events) {
    log_.error("notifications", {{"target", name}, {"why", events.error().message}});
    return true;
  }
  for (const Event& event : *events) {
    const bool wanted = wants(route.target.settings, event);
    if (wanted && !tell(route, event, stop)) return false;  // asked to stop
    route.cursor = event.number;
    if (!wanted && &event != &events->back()) continue;  // nothing is lost when it is passed over once more
    if (Status saved = save_cursor(name, route.cursor); !saved)
      log_.error("notifications", {{"target", name}, {"why", saved.error().message}});
  }
  return events->size() < kAtOnce;
}

bool Courier::tell(Route& route, const Event& event, const std::stop_token& stop) {
  const std::string& name = route.target.settings.name;
  for (TimeMs wait = options_.first_pause; !stop.stop_requested(); wait = std::min(2 * wait, options_.longest_pause)) {
    const Status told = deliver_(route.target, event);
    if (told) {
      route.sent.add();
      return true;
    }
    route.failed.add();
    const std::string number = std::to_string(event.number);
    if (clock_.now() - event.at >= options_.give_up_after) {
      route.given_up.add();
      log_.error("a notification is given up", {{"target", name}, {"event", number}, {"why", told.error().message}});
      return true;
    }
    log_.warning("a notification was not taken; it is sent again",
                 {{"target", name}, {"event", number}, {"code", told.error().code}, {"why", told.error().message}});
    // What happens meanwhile does not shorten the pause.
    std::unique_lock hold(lock_);
    bell_.wait_for(hold, stop, std::chrono::milliseconds(wait), [] { return false; });
  }
  return false;
}

}  // namespace countersign::approvals::notify
