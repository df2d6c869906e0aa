// A whole admin API over real stores and policies in a temporary folder; only what lives in proxy/ is stood in for.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audit/query.h"
#include "console/api.h"
#include "tests/support/soft_key.h"

namespace countersign::console::test {

inline constexpr TimeMs kNow = 1'795'253'400'000;  // 2026-11-21T09:30:00Z
inline constexpr const char* kOrigin = "https://countersign.example:8443";
inline constexpr const char* kPassword = "correct horse battery staple";

class ApiTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // --- asking ---
  Answer ask(Channel channel, const std::string& method, const std::string& target, const std::string& token = "",
             const std::string& body = "");
  Answer get(const std::string& target, const std::string& token) { return ask(Channel::tcp, "GET", target, token); }
  Answer post(const std::string& target, const std::string& token, const Json& body) {
    return ask(Channel::tcp, "POST", target, token, body.dump());
  }
  Answer socket_get(const std::string& target) { return ask(Channel::unix_socket, "GET", target); }
  Answer socket_post(const std::string& target, const Json& body, const std::string& token = "") {
    return ask(Channel::unix_socket, "POST", target, token, body.dump());
  }
  static Json json(const Answer& answer);
  static std::string code(const Answer& answer) { return string_or(json(answer), "code", ""); }

  // A personal token, issued through the API's own socket.
  std::string person(const std::string& name);
  // A request of agent builder, whose owner is olivia, that needs `production-change`; alone unless `bursts` says
  // otherwise.
  std::string hold(const std::string& identity, const std::string& agent = "builder",
                   const approvals::BurstLimits& bursts = {}, const std::string& effect = "write");
  approvals::State state_of(const std::string& id);

  // --- the console: with a session instead of a token ---
  // A signed-in person: what the browser has.
  struct Browser {
    std::string cookie;
    std::string csrf;
  };
  // Signs in with an account made for it; the password is kPassword.
  Browser sign_in(const std::string& name);
  // As the console's own script would send it.
  Call call_of(const Browser& browser, const std::string& method, const std::string& target,
               const std::string& body = "");
  Answer browse(const Browser& browser, const std::string& target) {
    return api_->handle(call_of(browser, "GET", target));
  }
  Answer submit(const Browser& browser, const std::string& target, const Json& body) {
    return api_->handle(call_of(browser, "POST", target, body.dump()));
  }
  // Enrols a passkey through the API.
  std::unique_ptr<testing::SoftKey> enrol(const Browser& browser);
  // What the console sends along with a vote: challenge, and the key's answer to it.
  Json signature(const Browser& browser, testing::SoftKey& key, const std::vector<std::string>& ids,
                 const std::string& decision, const std::string& reason);
  // The value of the session cookie that an answer sets; empty when it sets none.
  static std::string cookie_of(const Answer& answer);

  // Every durable record, oldest first.
  std::vector<Json> records();
  std::vector<Json> records_where(const std::string& member, const std::string& value);
  // From now on the log refuses everything, as after a disk failure.
  void break_audit_log();

  void write_policy_file(const std::string& name, std::string_view text);
  Services services();

  std::filesystem::path folder_;
  ManualClock clock_{kNow};
  config::Config config_;
  std::unique_ptr<auth::Keyring> keyring_;
  std::unique_ptr<auth::Registry> registry_;
  std::unique_ptr<auth::Revocations> revocations_;
  std::unique_ptr<auth::FrozenAgents> frozen_;
  std::unique_ptr<auth::People> people_;
  std::optional<auth::Authenticator> authenticator_;
  std::unique_ptr<approvals::Queue> queue_;
  std::unique_ptr<approvals::Emergencies> emergencies_;
  std::unique_ptr<audit::Log> log_;
  std::unique_ptr<audit::Refusals> refusals_;
  Metrics metrics_;
  std::unique_ptr<net::ThreadPool> pool_;
  std::optional<approvals::RulesetStore> rulesets_;
  Log quiet_{LogLevel::off};
  std::unique_ptr<policies::Journal> journal_;
  std::unique_ptr<PolicyDesk> policy_desk_;
  Status ready_;
  std::string sentence_;  // of every request in a list; empty: its summary
  std::string preview_text_ = "\x1b[2J<b>hello</b>";
  std::unique_ptr<AdminApi> api_;
};

}  // namespace countersign::console::test
