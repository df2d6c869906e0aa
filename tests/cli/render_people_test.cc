// People and sessions as they are listed; names and addresses are a stranger's text.
#include "cli/render_people.h"

#include <gtest/gtest.h>

namespace countersign::cli {
namespace {

constexpr TimeMs kNow = 1'795'253'400'000;
const Terminal kPlain(Terminal::Colours::off, 160);

Json person(const std::string& name) {
  return {{"user", name},
          {"listed", true},
          {"level", "senior"},
          {"password", false},
          {"passkeys", 0},
          {"sessions", 0},
          {"identity_providers", Json::array()},
          {"last_signed_in", nullptr},
          {"invited_until", nullptr},
          {"locked_until", nullptr}};
}

TEST(RenderPeople, WhatLetsThemInAndWhatIsWrong) {
  Json alice = person("alice");
  alice["password"] = true;
  alice["passkeys"] = 2;
  alice["sessions"] = 3;
  alice["identity_providers"] = {"https://login.example.com"};
  alice["last_signed_in"] = format_time(kNow - 4 * 3'600'000);
  Json bob = person("bob");
  bob["invited_until"] = format_time(kNow + 4 * 3'600'000);
  Json carol = person("carol");
  carol["locked_until"] = format_time(kNow + 300'000);
  Json gone = person("gone");
  gone["listed"] = false;
  const std::string text = render_people({alice, bob, carol, gone}, kNow, kPlain);
  EXPECT_NE(text.find("password, 2 passkeys, https://login.example.com"), std::string::npos) << text;
  EXPECT_NE(text.find("4 h ago"), std::string::npos);
  EXPECT_NE(text.find("none"), std::string::npos);
  EXPECT_NE(text.find("never"), std::string::npos);
  EXPECT_NE(text.find("invited, expires in 4 h"), std::string::npos);
  EXPECT_NE(text.find("password locked, accepted again in 5 min"), std::string::npos);
  EXPECT_NE(text.find("not in entities.yaml"), std::string::npos);
  EXPECT_EQ(render_people(Json::array(), kNow, kPlain), "no people\n");
}

TEST(RenderPeople, WhatIsMissingOrHostileIsHarmless) {
  const std::string text = render_people({person("a\x1b[2Jb"), Json::object()}, kNow, kPlain) +
                           render_sessions({{{"id", "ses_1"}, {"peer", "\x1b[31m"}}}, kNow, kPlain) +
                           render_invitation({{"link", "https://x/\x1b]0;"}, {"user", "\n\nalice"}}, kNow, kPlain);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\n\nalice"), std::string::npos);
}

TEST(RenderPeople, Sessions) {
  const Json session = {{"id", "ses_abc"},
                        {"how", "passkey"},
                        {"peer", "192.0.2.7:5000"},
                        {"signed_in", format_time(kNow - 4 * 3'600'000)},
                        {"last_seen", format_time(kNow - 300'000)},
                        {"expires", format_time(kNow + 7 * 3'600'000)}};
  const std::string text = render_sessions(Json::array({session}), kNow, kPlain);
  for (const char* part : {"ses_abc", "passkey", "192.0.2.7:5000", "4 h ago", "5 min ago", "in 7 h"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_EQ(render_sessions(Json::array(), kNow, kPlain), "no sessions\n");
}

TEST(RenderPeople, AnInvitationBeginsWithItsLink) {
  const std::string text = render_invitation({{"link", "https://cs.example.com/invitation#abc"},
                                              {"user", "alice"},
                                              {"expires", format_time(kNow + 86'400'000)}},
                                             kNow, kPlain);
  EXPECT_TRUE(text.starts_with("https://cs.example.com/invitation#abc\n")) << text;
  EXPECT_NE(text.find("alice"), std::string::npos);
}

}  // namespace
}  // namespace countersign::cli
