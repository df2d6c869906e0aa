#include "console/events.h"

#include <algorithm>

namespace countersign::console {

EventStream::Taken EventStream::take() {
  std::lock_guard guard(lock_);
  Taken taken{.text = {}, .check = std::exchange(check_, false), .ended = ended_};
  for (const std::string& text : waiting_) taken.text += text;
  waiting_.clear();
  return taken;
}

void EventStream::on_ready(std::function<void()> ready) {
  std::lock_guard guard(lock_);
  ready_ = std::move(ready);
  if (ended_ || check_ || !waiting_.empty()) wake();
}

void EventStream::wake() {
  if (ready_) ready_();
}

void EventStream::push(std::string_view text) {
  std::lock_guard guard(lock_);
  if (ended_) return;
  if (waiting_.size() >= kMaxWaiting) {
    waiting_.clear();
    ended_ = true;
  } else {
    waiting_.emplace_back(text);
  }
  wake();
}

bool EventStream::is_idle() const {
  std::lock_guard guard(lock_);
  return waiting_.empty();
}

void EventStream::check() {
  std::lock_guard guard(lock_);
  check_ = true;
  wake();
}

void EventStream::end() {
  std::lock_guard guard(lock_);
  waiting_.clear();
  ended_ = true;
  wake();
}

Result<std::shared_ptr<EventStream>> EventHub::open(EventStream::Owner owner) {
  std::lock_guard guard(lock_);
  if (closed_) return fail(ErrorKind::unavailable, "events.closed", "the gateway is stopping");
  auto same = std::ranges::count(streams_, owner.person, [](const auto& stream) { return stream->owner().person; });
  if (streams_.size() >= kMaxStreams || static_cast<std::size_t>(same) >= kMaxOfPerson)
    return fail(ErrorKind::unavailable, "events.too_many", "too many event streams are open; close one of yours");
  streams_.push_back(std::make_shared<EventStream>(std::move(owner)));
  return streams_.back();
}

void EventHub::forget(const std::shared_ptr<EventStream>& stream) {
  stream->end();
  std::lock_guard guard(lock_);
  std::erase(streams_, stream);
}

void EventHub::publish(std::string_view name, const Json& data) {
  // One line of JSON: a line break inside a string is escaped, so nothing can make another event of it.
  std::string text =
      "event: " + std::string(name) + "\ndata: " + data.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n\n";
  std::lock_guard guard(lock_);
  for (const auto& stream : streams_) stream->push(text);
}

void EventHub::check_all() {
  std::lock_guard guard(lock_);
  for (const auto& stream : streams_) stream->check();
}

void EventHub::end_session(std::string_view session) {
  std::lock_guard guard(lock_);
  for (const auto& stream : streams_) {
    if (!session.empty() && stream->owner().session == session) stream->end();
  }
}

void EventHub::end_person(std::string_view person) {
  std::lock_guard guard(lock_);
  for (const auto& stream : streams_) {
    if (stream->owner().person == person) stream->end();
  }
}

void EventHub::close() {
  std::lock_guard guard(lock_);
  closed_ = true;
  for (const auto& stream : streams_) stream->end();
}

bool EventHub::is_idle() const {
  std::lock_guard guard(lock_);
  return std::ranges::all_of(streams_, [](const auto& stream) { return stream->is_idle(); });
}

std::size_t EventHub::size() const {
  std::lock_guard guard(lock_);
  return streams_.size();
}

}  // namespace countersign::console
