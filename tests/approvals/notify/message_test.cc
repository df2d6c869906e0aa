#include "approvals/notify/message.h"

#include <gtest/gtest.h>

#include "core/bytes.h"
#include "core/json.h"
#include "core/json_reader.h"

namespace countersign::approvals::notify {
namespace {

constexpr TimeMs kNow = 1'790'000'000'000;

Event held() {
  Event event{.number = 7, .at = kNow, .name = "held", .request = {}, .missing = "production-change: platform: 0 of 1"};
  HeldRequest& request = event.request;
  request.id = "req_1";
  request.expires = kNow + 3'600'000;
  request.requester.agent = "builder";
  request.requester.owner = "olivia";
  request.frozen.upstream = "web";
  request.action = "http:PUT";
  request.effect = "write";
  request.environment = "production";
  request.summary = "PUT /production/menu.json";
  request.resources = {"HttpEndpoint::web/production/menu.json"};
  request.input = R"({"secret":"sesame"})";
  request.rules = {"production-change"};
  return event;
}

config::Notification target(config::Notification::Kind kind) {
  config::Notification out;
  out.name = "t";
  out.kind = kind;
  out.from = "countersign@example.com";
  out.to = {"a@example.com", "b@example.com"};
  return out;
}

TEST(Notify, WhatIsToldUnlessSaidOtherwiseAsksOrAlarms) {
  config::Notification all = target(config::Notification::Kind::webhook);
  Event event = held();
  for (const char* name : {"held", "reminded", "expired", "stale", "failed", "unknown"}) {
    event.name = name;
    EXPECT_TRUE(wants(all, event)) << name;
  }
  for (const char* name : {"vote", "approved", "executing", "done", "denied", "withdrawn"}) {
    event.name = name;
    EXPECT_FALSE(wants(all, event)) << name;
  }
}

TEST(Notify, TargetsChooseByEventRuleAndEnvironment) {
  config::Notification some = target(config::Notification::Kind::slack);
  some.events = {"done"};
  some.rules = {"other", "production-change"};
  some.environments = {"production"};
  Event event = held();
  EXPECT_FALSE(wants(some, event));
  event.name = "done";
  EXPECT_TRUE(wants(some, event));
  event.request.rules = {"another"};
  EXPECT_FALSE(wants(some, event));
  event.request.rules = {"other"};
  event.request.environment = "staging";
  EXPECT_FALSE(wants(some, event));
}

TEST(Notify, WebhooksSayWhoWantsWhatAndNotTheArguments) {
  const std::string body = webhook_body(held(), "https://gate");
  Json json = parse_json(body).value();
  EXPECT_EQ(json.at("type"), "countersign.request.held");
  EXPECT_EQ(json.at("data").at("link"), "https://gate/requests/req_1");
  EXPECT_EQ(json.at("data").at("agent"), "builder");
  EXPECT_EQ(json.at("data").at("missing"), "production-change: platform: 0 of 1");
  EXPECT_EQ(body.find("sesame"), std::string::npos);
}

// The example of the Standard Webhooks specification.
TEST(Notify, WebhooksAreSignedAsTheSpecificationSays) {
  auto fields = webhook_fields("msg_p5jXN8AQM9LWM0D4loKWxJek", 1'614'265'330'000, R"({"test": 2432232314})",
                               "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  ASSERT_TRUE(fields) << fields.error().message;
  EXPECT_EQ(fields->get("webhook-id"), "msg_p5jXN8AQM9LWM0D4loKWxJek");
  EXPECT_EQ(fields->get("webhook-timestamp"), "1614265330");
  EXPECT_EQ(fields->get("webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  EXPECT_FALSE(webhook_fields("a", kNow, "", "whsec_!"));
  auto plain = webhook_fields("a", kNow, "", "a plain secret");
  ASSERT_TRUE(plain);
  EXPECT_NE(plain->get("webhook-signature"), fields->get("webhook-signature"));
}

TEST(Notify, SlackShowsTextAndNothingElse) {
  Event event = held();
  event.request.summary = "<!channel> *now* <https://evil|here> & \u202Emoc";
  const std::string body = slack_body(target(config::Notification::Kind::slack), event, "https://gate");
  Json json = parse_json(body).value();
  const std::string text = json.at("text");
  EXPECT_EQ(text.find("<!"), std::string::npos);
  EXPECT_NE(text.find("&lt;!channel&gt;"), std::string::npos);
  EXPECT_NE(text.find("\\u{202E}"), std::string::npos);
  EXPECT_EQ(json.at("blocks").at(0).at("text").at("type"), "plain_text");
  EXPECT_EQ(json.at("blocks").at(1).at("elements").at(0).at("url"), "https://gate/requests/req_1");
}

TEST(Notify, NoStrangerRingsEverybodyOrHidesWhereALinkLeads) {
  Event event = held();
  event.request.summary = "@all @here (@channel) olivia@example.com [the console](https://evil.example)";
  const std::string body = slack_body(target(config::Notification::Kind::slack), event, "https://gate");
  const std::string text = parse_json(body).value().at("text");
  for (const char* never : {"@all", "@here", "@channel", "]("}) EXPECT_EQ(text.find(never), std::string::npos) << never;
  EXPECT_NE(text.find("olivia@example.com"), std::string::npos) << "an address is none";
  config::Notification own = target(config::Notification::Kind::slack);
  own.text = "@here {{sentence}}";
  const std::string mine = parse_json(slack_body(own, event, "https://gate")).value().at("text");
  EXPECT_TRUE(mine.starts_with("@here @\u200Ball")) << "whoever writes the template may";
}

TEST(Notify, SlackTakesItHoweverLongTheFieldsAre) {
  Event event = held();
  for (const char* part : {"&", "<", "ö", "@", "😀", "](", "\x01"}) {
    std::string text;
    for (int i = 0; i < 2'000; ++i) text += part;
    event.request.summary = event.request.environment = event.request.requester.agent = text;
    event.request.requester.owner = event.missing = event.request.reason = text;
    const std::string body = slack_body(target(config::Notification::Kind::slack), event, "https://gate");
    Json json = parse_json(body).value();
    const std::string shown = json.at("blocks").at(0).at("text").at("text");
    EXPECT_LE(shown.size(), 3'000U) << part;
    EXPECT_TRUE(shown.ends_with("https://gate/requests/req_1\n")) << "the link is whole";
    EXPECT_TRUE(is_utf8(shown));
    config::Notification own = target(config::Notification::Kind::slack);
    for (int i = 0; i < 20; ++i) own.text += "{{sentence}} ";
    const std::string cut = parse_json(slack_body(own, event, "https://gate")).value().at("text");
    EXPECT_LE(cut.size(), 3'000U) << part;
    EXPECT_TRUE(cut.ends_with("… https://gate/requests/req_1")) << cut;
    const std::size_t entity = cut.rfind('&');
    EXPECT_TRUE(entity == std::string::npos || cut.find(';', entity) != std::string::npos) << "no half of an escape";
    EXPECT_TRUE(is_utf8(cut));
  }
}

TEST(Notify, IdsNameTheRequestSoThatTwoGatewaysAreToldApart) {
  Event event = held();
  EXPECT_EQ(id_of(event), "evt_1_7");
  event.request.id = "req_2";
  EXPECT_NE(id_of(event), "evt_1_7");
}

TEST(Notify, TemplatesAreFilledOnce) {
  config::Notification own = target(config::Notification::Kind::email);
  own.subject = "{{event}}: {{request}}";
  own.text = "{{sentence}}|{{agent}}|{{missing}}|{{link}}|{{nothing}}|{{";
  Event event = held();
  event.request.summary = "say {{agent}}";
  const Mail mail = mail_of(own, event, "https://gate");
  EXPECT_EQ(mail.subject, "waits for approval: req_1");
  EXPECT_EQ(mail.text, "say {{agent}}|builder|production-change: platform: 0 of 1|https://gate/requests/req_1||{{")
      << "what an agent writes is no template";
}

TEST(Notify, NoTextBecomesAHeaderOfAMail) {
  Event event = held();
  event.request.requester.agent = "builder\r\nBcc: everybody@example.com";
  config::Notification to = target(config::Notification::Kind::email);
  const std::string message = mail_message(to, mail_of(to, event, "https://gate"), "evt_7", kNow);
  const std::string head = message.substr(0, message.find("\r\n\r\n"));
  EXPECT_EQ(head.find("Bcc"), std::string::npos);
  EXPECT_NE(head.find("To: a@example.com,\r\n b@example.com\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("Message-ID: <evt_7@example.com>"), std::string::npos);
  EXPECT_NE(head.find("Auto-Submitted: auto-generated"), std::string::npos);
  for (std::size_t at = 0; at < message.size();) {
    const std::size_t end = message.find("\r\n", at);
    ASSERT_NE(end, std::string::npos) << "every line ends";
    EXPECT_LE(end - at, 78U);
    EXPECT_EQ(message.substr(at, end - at).find('\n'), std::string::npos);
    at = end + 2;
  }
}

TEST(Notify, SubjectsOfManyCharactersAreNotSplitInsideOne) {
  config::Notification own = target(config::Notification::Kind::email);
  std::string subject;
  for (int i = 0; i < 60; ++i) subject += "ö€😀";
  const std::string message = mail_message(own, {subject, "x"}, "evt_1", kNow);
  std::string decoded;
  for (std::size_t at = message.find("=?UTF-8?B?"); at != std::string::npos; at = message.find("=?UTF-8?B?", at)) {
    at += 10;
    auto bytes = from_base64(message.substr(at, message.find("?=", at) - at));
    ASSERT_TRUE(bytes);
    EXPECT_TRUE(is_utf8(as_text(*bytes))) << "each word is whole by itself";
    decoded += as_text(*bytes);
  }
  EXPECT_EQ(decoded, subject);
}

TEST(AccountMessages, SayWhoseAccountItIsWhateverTheTargetFiltersOrSays) {
  Event event{.number = 9, .at = kNow, .name = "passkey_added", .request = {}, .missing = "", .person = "sam@all"};
  event.request.id = "account_0193";
  config::Notification chat = target(config::Notification::Kind::slack);
  chat.rules = {"production-change"};
  chat.environments = {"production"};
  chat.text = "{{agent}} wants {{sentence}}";
  EXPECT_TRUE(wants(chat, event));
  chat.events = {"held"};
  EXPECT_FALSE(wants(chat, event));
  EXPECT_EQ(id_of(event), "evt_0193_9");
  Json hook = *parse_json(webhook_body(event, "https://c.example"));
  EXPECT_EQ(hook["type"], "countersign.account.passkey_added");
  EXPECT_EQ(hook["data"], (Json{{"person", "sam@all"}, {"link", "https://c.example/me"}}));
  const std::string text = string_or(*parse_json(slack_body(chat, event, "https://c.example")), "text", "");
  EXPECT_NE(text.find("A passkey was added to the account of sam"), std::string::npos) << text;
  EXPECT_NE(text.find("https://c.example/me"), std::string::npos) << text;
  EXPECT_EQ(text.find("wants"), std::string::npos) << text;
  const Mail mail = mail_of(target(config::Notification::Kind::email), event, "https://c.example");
  EXPECT_EQ(mail.subject, "A passkey was added to the account of sam@all");
}

TEST(AgentMessages, SayThatABudgetHasFrozenIt) {
  Event event{.number = 9, .at = kNow, .name = "agent_frozen", .request = {}, .missing = "", .person = "builder"};
  event.request.id = "account_0193";
  config::Notification chat = target(config::Notification::Kind::slack);
  chat.rules = {"production-change"};
  EXPECT_TRUE(wants(chat, event));
  Json hook = *parse_json(webhook_body(event, "https://c.example"));
  EXPECT_EQ(hook["type"], "countersign.agent.frozen");
  EXPECT_EQ(hook["data"], (Json{{"agent", "builder"}, {"link", "https://c.example/agents"}}));
  const std::string text = string_or(*parse_json(slack_body(chat, event, "https://c.example")), "text", "");
  EXPECT_NE(text.find("The agent builder wanted more than a budget has"), std::string::npos) << text;
  const Mail mail = mail_of(target(config::Notification::Kind::email), event, "https://c.example");
  EXPECT_EQ(mail.subject, "builder was frozen by a budget");
}

}  // namespace
}  // namespace countersign::approvals::notify
