// Server-sent events: who gets them, how many streams there may be, and when they end.
#include "console/events.h"

#include <gtest/gtest.h>

#include "api_fixture.h"

namespace countersign::console::test {
namespace {

EventStream::Owner owner(const std::string& person, const std::string& session = "") {
  return {.person = person, .session = session, .may_read = [] { return true; }};
}

TEST(EventHubTest, EveryStreamGetsEveryEventAsOneBlock) {
  EventHub hub;
  auto one = *hub.open(owner("sam"));
  auto two = *hub.open(owner("pat"));
  int woken = 0;
  one->on_ready([&] { ++woken; });
  hub.publish("request", {{"id", "req_1"}, {"state", "held"}, {"from", Json()}});
  hub.publish("agents", Json::object());
  const std::string want =
      "event: request\ndata: {\"from\":null,\"id\":\"req_1\",\"state\":\"held\"}\n\nevent: agents\ndata: {}\n\n";
  EXPECT_EQ(one->take().text, want);
  EXPECT_EQ(two->take().text, want);
  EXPECT_EQ(one->take().text, "");
  EXPECT_EQ(woken, 2);
}

TEST(EventHubTest, NothingInAnEventCanBecomeAnother) {
  EventHub hub;
  auto stream = *hub.open(owner("sam"));
  hub.publish("request", {{"id", "x\n\nevent: policies\ndata: {}\r\n"}, {"state", "\xff"}});
  std::string text = stream->take().text;
  EXPECT_EQ(text.find("\n\n"), text.size() - 2);
  EXPECT_EQ(text.find('\r'), std::string::npos);
}

TEST(EventHubTest, AReaderThatIsTooSlowIsDropped) {
  EventHub hub;
  auto stream = *hub.open(owner("sam"));
  for (std::size_t at = 0; at < EventStream::kMaxWaiting; ++at) hub.publish("agents", Json::object());
  EXPECT_FALSE(stream->take().ended);
  for (std::size_t at = 0; at <= EventStream::kMaxWaiting; ++at) hub.publish("agents", Json::object());
  EventStream::Taken taken = stream->take();
  EXPECT_TRUE(taken.ended);
  EXPECT_TRUE(taken.text.empty());
}

TEST(EventHubTest, StreamsAreBoundedInAllAndForEachPerson) {
  EventHub hub;
  std::vector<std::shared_ptr<EventStream>> open;
  for (std::size_t at = 0; at < EventHub::kMaxOfPerson; ++at) open.push_back(*hub.open(owner("sam")));
  EXPECT_EQ(hub.open(owner("sam")).error().code, "events.too_many");
  hub.forget(open.back());
  EXPECT_TRUE(hub.open(owner("sam")));
  for (int at = 0; hub.size() < EventHub::kMaxStreams; ++at) EXPECT_TRUE(hub.open(owner("p" + std::to_string(at))));
  EXPECT_EQ(hub.open(owner("pat")).error().code, "events.too_many");
}

TEST(EventHubTest, EndingIsByPersonSessionOrForAll) {
  EventHub hub;
  auto a = *hub.open(owner("sam", "ses_1"));
  auto b = *hub.open(owner("sam", "ses_2"));
  auto c = *hub.open(owner("pat"));
  hub.end_session("ses_1");
  hub.end_session("");
  EXPECT_TRUE(a->take().ended);
  EXPECT_FALSE(c->take().ended);
  hub.end_person("sam");
  EXPECT_TRUE(b->take().ended);
  hub.check_all();
  EXPECT_TRUE(c->take().check);
  EXPECT_FALSE(c->take().check);
  hub.close();
  EXPECT_TRUE(c->take().ended);
  EXPECT_EQ(hub.open(owner("kim")).error().code, "events.closed");
}

class EventsTest : public ApiTest {};

TEST_F(EventsTest, TellWhatChangedAndNothingElse) {
  Browser sam = sign_in("sam");
  Answer answer = browse(sam, "/api/v1/events");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.content_type, "text/event-stream");
  EXPECT_EQ(answer.headers.get("cache-control").value_or(""), "no-store");
  ASSERT_TRUE(answer.events);
  std::string id = hold("one");
  std::string text = answer.events->take().text;
  EXPECT_EQ(text, "event: request\ndata: {\"from\":null,\"id\":\"" + id + "\",\"state\":\"held\"}\n\n");
  submit(sam, "/api/v1/requests/" + id + "/deny", {{"reason", "secret reason"}});
  text = answer.events->take().text;
  EXPECT_NE(text.find("\"state\":\"denied\""), std::string::npos);
  EXPECT_EQ(text.find("secret"), std::string::npos);
  api_->policies_changed("d1ge57");
  EventStream::Taken taken = answer.events->take();
  EXPECT_TRUE(taken.check);
  EXPECT_EQ(taken.text, "event: policies\ndata: {\"digest\":\"d1ge57\"}\n\n");
}

TEST_F(EventsTest, NeedSomebodyWhoMayRead) {
  EXPECT_EQ(get("/api/v1/events", "").status, 401);
  std::string token = person("sam");
  Answer answer = get("/api/v1/events", token);
  ASSERT_TRUE(answer.events);
  EXPECT_TRUE(answer.events->owner().may_read());
  clock_.advance(13 * 3'600'000);
  EXPECT_FALSE(answer.events->owner().may_read());
}

}  // namespace
}  // namespace countersign::console::test
