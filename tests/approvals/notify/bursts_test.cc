#include "approvals/notify/bursts.h"

#include <gtest/gtest.h>

#include "approvals/notify/message.h"
#include "core/json.h"

namespace countersign::approvals::notify {
namespace {

constexpr TimeMs kNow = 1'790'000'000'000;

Event event_of(std::string name, std::string request, std::string burst) {
  Event event{.number = 1, .at = kNow, .name = std::move(name), .request = {}, .missing = "two people", .person = ""};
  event.request.id = std::move(request);
  event.request.burst = std::move(burst);
  event.request.requester.agent = "builder";
  event.request.requester.owner = "olivia";
  event.request.frozen.upstream = "aws";
  event.request.environment = "production";
  event.request.effect = "destroy";
  event.request.summary = "delete a bucket";
  return event;
}

CountBurst count_of(std::vector<BurstPart> parts) {
  return [parts = std::move(parts)](const std::string&) { return parts; };
}

std::vector<bool> told(const std::vector<Event>& events) {
  config::Notification all;
  all.name = "t";
  std::vector<bool> out;
  for (const Event& event : events) out.push_back(wants(all, event));
  return out;
}

TEST(NotifyBursts, TheFirstAtOnceAndThenAllThatWaitInOne) {
  std::vector<Event> events{event_of("held", "req_a", "bst_a"), event_of("held", "req_b", "bst_a"),
                            event_of("held", "req_c", "bst_a"), event_of("held", "req_z", "bst_z"),
                            event_of("held", "req_y", ""),      event_of("burst", "req_a", "bst_a")};
  tell_bursts_once(events,
                   count_of({{State::held, "destroy", 2}, {State::held, "write", 9}, {State::done, "write", 1}}));
  EXPECT_EQ(told(events), (std::vector<bool>{true, false, false, true, true, true}));
  EXPECT_FALSE(events[0].burst) << "nobody knows yet that others come";
  ASSERT_TRUE(events[5].burst);
  EXPECT_EQ(events[5].name, "held") << "to those who hear of what is held";
  EXPECT_EQ(events[5].burst->sentence, "make 11 changes on aws (production): 9 write, 2 destroy");
  config::Notification mail;
  mail.name = "mail";
  const Mail text = mail_of(mail, events[5], "https://x.example");
  EXPECT_NE(text.text.find("asks to: make 11 changes on aws (production): 9 write, 2 destroy"), std::string::npos)
      << text.text;
  EXPECT_NE(text.text.find("https://x.example/bursts/bst_a"), std::string::npos);
  const Json hook = *parse_json(webhook_body(events[5], "https://x.example"));
  EXPECT_EQ(hook["type"], "countersign.request.held");
  EXPECT_EQ(hook["data"]["burst"]["id"], "bst_a");
  EXPECT_EQ(hook["data"]["burst"]["requests"], 11);
  EXPECT_EQ(hook["data"]["link"], "https://x.example/bursts/bst_a");
  EXPECT_FALSE(parse_json(webhook_body(events[0], "https://x.example"))->at("data").contains("burst"));
}

TEST(NotifyBursts, NobodyIsToldOfABurstThatWasDecidedMeanwhile) {
  std::vector<Event> events{event_of("burst", "req_a", "bst_a")};
  tell_bursts_once(events, count_of({{State::done, "write", 11}}));
  EXPECT_EQ(told(events), std::vector<bool>{false});
}

TEST(NotifyBursts, RemindersAndExpiriesComeOnceOutcomesEach) {
  for (const char* name : {"reminded", "expired"}) {
    std::vector<Event> events{event_of(name, "req_a", "bst_a"), event_of(name, "req_b", "bst_a"),
                              event_of(name, "req_c", "bst_c")};
    tell_bursts_once(events, count_of({{State::held, "write", 2}, {State::expired, "write", 2}}));
    EXPECT_EQ(told(events), (std::vector<bool>{true, false, true})) << name;
    EXPECT_TRUE(events[0].burst) << name;
  }
  std::vector<Event> events;
  for (const char* name : {"failed", "failed", "stale", "unknown"}) events.push_back(event_of(name, "req_a", "bst_a"));
  tell_bursts_once(events, count_of({{State::failed, "write", 2}}));
  EXPECT_EQ(told(events), (std::vector<bool>{true, true, true, true}));
  for (const Event& event : events) EXPECT_FALSE(event.burst);
}

TEST(NotifyBursts, AnEditedRequestIsNewsByItself) {
  std::vector<Event> events{event_of("held", "req_b", "bst_a")};
  events[0].request.supersedes = "req_a";
  tell_bursts_once(events, count_of({}));
  EXPECT_EQ(told(events), std::vector<bool>{true});
}

}  // namespace
}  // namespace countersign::approvals::notify
