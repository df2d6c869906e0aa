// What the tests of approvals share: a folder of their own, a queue in it, people, and requests to hold.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "approvals/queue.h"

namespace countersign::approvals::test {

inline constexpr TimeMs kNow = 1'795'000'000'000;
inline constexpr TimeMs kHour = 3'600'000;

// Removed with everything in it when the test ends.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Fails the test (and returns an empty pointer) when it cannot be opened.
std::unique_ptr<Queue> open_queue(const std::filesystem::path& folder, const Queue::Options& options = {});

// A complete request of agent builder, owned by alice, token root "root-1", without a body. `identity` tells them
// apart.
HeldRequest draft(std::string_view identity, TimeMs now = kNow);
// Gives it a body: writes a spool file into `folder`.
void add_body(HeldRequest& request, const std::filesystem::path& folder, std::string_view bytes);

// production-change: one senior of team platform, then one director. pair: two of team platform. solo: anyone.
Rules house_rules();

Approver bob();    // senior, team platform
Approver carol();  // senior, team platform
Approver dave();   // director, no team
Approver erin();   // junior, team platform
Approver alice();  // vp, team platform: the owner of the drafts

Ballot yes(const Approver& approver);
Ballot no(const Approver& approver, std::string_view reason = "not now");

std::string slurp(const std::filesystem::path& file);

// The code of a refusal; "" for success.
template <class T>
std::string code_of(const Result<T>& result) {
  return result ? std::string() : result.error().code;
}

}  // namespace countersign::approvals::test
