// People on a disk of their own, with a directory that tests change.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <set>
#include <string>

#include "auth/people.h"

namespace countersign::auth::test {

inline constexpr TimeMs kNow = 1'795'253'400'000;  // 2026-11-21T09:30:00Z
inline constexpr TimeMs kMinute = 60'000;
inline constexpr TimeMs kHour = 60 * kMinute;
inline constexpr TimeMs kDay = 24 * kHour;
inline constexpr std::string_view kPeer = "192.0.2.7:5000";

template <class T>
std::string code_of(const Result<T>& result) {
  return result ? "" : result.error().code;
}

class PeopleTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "people-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    open();
  }
  void TearDown() override {
    people_.reset();
    std::filesystem::remove_all(folder_);
  }

  // Also again, as after a restart.
  void open(TimeMs idle = 30 * kMinute, TimeMs absolute = 12 * kHour) {
    people_.reset();
    auto is_listed = [this](std::string_view user) {
      std::lock_guard guard(lock_);
      return listed_.contains(user);
    };
    auto opened = People::open(folder_, {.idle = idle, .absolute = absolute, .is_listed = is_listed});
    ASSERT_TRUE(opened) << opened.error().message;
    people_ = std::move(*opened);
  }
  void unlist(const std::string& user) {
    std::lock_guard guard(lock_);
    listed_.erase(user);
  }
  void list(const std::string& user) {
    std::lock_guard guard(lock_);
    listed_.insert(user);
  }

  // A person with this password, without a session.
  void enrol(const std::string& user, const std::string& password, TimeMs now = kNow) {
    auto invitation = people_->invite(user, now);
    ASSERT_TRUE(invitation) << invitation.error().message;
    auto accepted = people_->accept_invitation(invitation->code, Secret(password), kPeer, now);
    ASSERT_TRUE(accepted) << accepted.error().message;
    ASSERT_TRUE(people_->end_sessions_of(user, now));
  }
  // The cookie of a new session.
  std::string start(const std::string& user, TimeMs now = kNow, const std::string& old = {}) {
    auto signed_in = people_->start_session({user, SignInMethod::passkey, now, std::string(kPeer)}, now, old);
    EXPECT_TRUE(signed_in) << signed_in.error().message;
    return signed_in ? std::string(signed_in->cookie.expose()) : "";
  }
  std::string sign_in(const std::string& user, const std::string& password, TimeMs now, std::string_view peer = kPeer) {
    return code_of(people_->sign_in_with_password(user, Secret(password), peer, now));
  }
  Passkey passkey(const std::string& id, std::uint32_t count = 0) {
    return {.id = id, .public_key = "key-of-" + id, .sign_count = count, .aaguid = "0"};
  }

  std::filesystem::path folder_;
  std::mutex lock_;
  std::set<std::string, std::less<>> listed_ = {"alice", "bob", "carol"};  // under lock_
  std::unique_ptr<People> people_;
};

}  // namespace countersign::auth::test
