// PolicyDesk: what people do to policies: look at the running set, check, compare and replay a draft, propose it,
// activate what somebody else has proposed, go back. Without HTTP and without the audit log, which console/policies*.cc
// adds.
//
// Any thread; blocks. Checks and replays run at most two at a time; who does not get a place within five seconds is
// told policies.busy (unavailable).
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <semaphore>
#include <string>
#include <utility>
#include <vector>

#include "approvals/ruleset.h"
#include "console/proposals.h"
#include "core/clock.h"
#include "core/json.h"
#include "policies/activation.h"
#include "policies/journal.h"

namespace countersign::console {

// Who edits: a person by name, and the token they act with, if any.
struct Editor {
  std::string name;
  std::vector<std::string> chain;
};

class PolicyDesk {
 public:
  static constexpr std::size_t kMostDescription = 4'000;
  static constexpr int kMostDays = 366;

  struct Parts {
    approvals::RulesetStore& rulesets;
    const Clock& clock;
    std::filesystem::path state;
    policies::Journal* journal = nullptr;  // null: nothing is recorded
    // RulesetStore::reload and what else the program does then (Services::reload).
    std::function<approvals::RulesetStore::Reloaded()> reload;
    // Why the folder is not to be written, beyond what it says itself: it follows a git repository. Empty: it may be.
    std::string read_only;
  };
  // Keeps the running set in the history. Errors: those of Proposals::open.
  [[nodiscard]] static Result<std::unique_ptr<PolicyDesk>> open(Parts parts);

  // To be told after every reload that replaced the running set, whoever caused it; sets activated here are known
  // already. `by`: as the history is to name it, "git: <commit>"; empty: the folder has changed.
  void ruleset_changed(std::string_view by = {});

  // {"digest","files":[{"path","text"}],"read_only":why or ""}
  [[nodiscard]] Json files() const;
  // What policies see, for an editor.
  [[nodiscard]] Json schema() const;

  using Files = std::vector<policies::DraftFile>;
  // {"ok","digest","problems":[…],"tests":{…} or null}; `ok`: it loads and its tests pass.
  [[nodiscard]] Result<Json> check(const Files& files);
  [[nodiscard]] Result<Json> diff(const Files& files) const;
  enum class Against : std::uint8_t { recorded, running };
  [[nodiscard]] Result<Json> replay(const Files& files, int days, std::uint64_t limit, Against against);

  // Errors: policies.invalid (with how many problems), policies.tests_failed, policies.outdated (conflict; `base` is
  // not the running set), policies.unchanged, policies.read_only, draft.*, those of Proposals::add.
  [[nodiscard]] Result<Proposal> propose(const Files& files, const std::string& base, const std::string& description,
                                         const Editor& author);
  [[nodiscard]] Result<Proposal> propose_rollback(const std::string& digest, const std::string& reason,
                                                  const Editor& author);
  [[nodiscard]] Result<Proposal> find(const std::string& id) const { return proposals_->find(id); }
  // Errors: those of Proposals::close, and policies.busy (unavailable) while a proposal is being activated.
  [[nodiscard]] Status withdraw(const std::string& id, const std::string& reason, const Editor& who);

  struct Activated {
    Proposal proposal;
    std::string before;  // digests
    std::string after;
  };
  // A fresh check, then the folder, then the running set. `about_to` is called when everything is checked and before
  // anything is written: an error ends it there. Errors: policies.self (forbidden: the author, by name or by token),
  // proposals.unknown, proposals.closed, policies.outdated, policies.invalid, policies.tests_failed,
  // policies.read_only, policies.folder_differs, policies.write_failed, policies.activation_failed (the old set runs
  // on).
  using AboutTo = std::function<Status(const Activated&)>;
  [[nodiscard]] Result<Activated> activate(const std::string& id, const std::string& reason, const Editor& who,
                                           const AboutTo& about_to);

  // With state "outdated" where the base is not the running set.
  [[nodiscard]] Json list() const;
  [[nodiscard]] Result<Json> show(const std::string& id);
  [[nodiscard]] Json history() const;
  [[nodiscard]] Json proposal_json(const Proposal& proposal) const;

 private:
  explicit PolicyDesk(Parts parts) : parts_(std::move(parts)) {}
  struct Checked;
  // Room for one check or replay, given back at its end.
  class Place {
   public:
    explicit Place(std::counting_semaphore<2>* places) : places_(places) {}
    Place(Place&& other) noexcept : places_(std::exchange(other.places_, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (places_) places_->release();
    }

   private:
    std::counting_semaphore<2>* places_;
  };
  [[nodiscard]] Result<Place> take_place();
  [[nodiscard]] Checked look_into(const Files& files) const;
  [[nodiscard]] Status must_be_sound(const Checked& checked) const;
  [[nodiscard]] Status must_be_writable() const;
  [[nodiscard]] Json check_json(const Checked& checked) const;

  Parts parts_;
  std::unique_ptr<Proposals> proposals_;
  std::counting_semaphore<2> places_{2};
  std::mutex activating_;  // one activation or withdrawal at a time
};

}  // namespace countersign::console
