// Random operations against the queue and against a model of a few lines; they must agree after every step.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "approvals/queue.h"
#include "tests/approvals/fixture.h"

namespace countersign::approvals {
namespace {

using test::kNow;

// Written down once more, apart from the code under test.
const std::set<std::pair<State, State>>& arrows() {
  static const std::set<std::pair<State, State>> all{
      {State::held, State::approved},      {State::held, State::denied},        {State::held, State::expired},
      {State::held, State::cancelled},     {State::held, State::withdrawn},     {State::held, State::superseded},
      {State::approved, State::executing}, {State::approved, State::denied},    {State::approved, State::expired},
      {State::approved, State::stale},     {State::approved, State::cancelled}, {State::approved, State::withdrawn},
      {State::executing, State::done},     {State::executing, State::failed},   {State::executing, State::unknown}};
  return all;
}

struct Known {
  State state = State::held;
  TimeMs expires = 0;
  int key = 0;
  std::set<std::string> approvers;
  std::string editor;
  bool documented = false;
  bool delivered = false;
  int executions = 0;
};

bool is_open(State state) {
  return state == State::held || state == State::approved || state == State::executing;
}
bool told_once(State state) {
  return state == State::done || state == State::failed || state == State::unknown || state == State::expired ||
         state == State::stale;
}
bool told_until_the_expiry(State state) {
  return state == State::denied || state == State::cancelled || state == State::withdrawn || state == State::superseded;
}

class Machine {
 public:
  explicit Machine(std::uint64_t seed) : random_(seed) { reopen(); }

  void step() {
    switch (pick(16)) {
      case 0:
      case 1:
        hold();
        break;
      case 2:
      case 3:
      case 4:
        vote();
        break;
      case 5:
        cancel();
        break;
      case 6:
        now_ += pick(40);
        expire_all();
        break;
      case 7:
        begin();
        break;
      case 8:
        finish();
        break;
      case 9:
        refuse();
        break;
      case 10:
        claim();
        break;
      case 11:
        withdraw();
        break;
      case 12:
        supersede();
        break;
      case 13:
        edit();
        break;
      case 14:
        document();
        break;
      default:
        if (pick(8) == 0) recover();
        release();
        break;
    }
  }

  void compare() {
    for (const auto& [id, known] : model_) {
      Result<HeldRequest> got = queue_->get(id);
      ASSERT_TRUE(got);
      ASSERT_EQ(got->state, known.state) << id;
      ASSERT_EQ(got->delivered, known.delivered) << id;
      ASSERT_LE(known.executions, 1);
    }
  }

 private:
  int pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

  void reopen() {
    queue_.reset();
    queue_ = test::open_queue(folder_.path());
    queue_->observe([this](const Change& change) {
      if (change.kind != Change::Kind::state) {
        EXPECT_EQ(change.from, change.to);
        return;
      }
      if (!change.from) return;
      EXPECT_TRUE(arrows().contains({*change.from, change.to}))
          << state_name(*change.from) << " > " << state_name(change.to);
      EXPECT_EQ(change.request.state, change.to);
      EXPECT_FALSE(is_final(*change.from));
      if (change.to == State::executing) ++model_[change.request.id].executions;
    });
  }

  // A request of the model, or an id nobody knows.
  std::string any_id() {
    if (model_.empty() || pick(20) == 0) return "req_none";
    auto it = model_.begin();
    // The newer ones more often: those are still open.
    std::size_t back = static_cast<std::size_t>(pick(10));
    if (pick(2) == 0 && order_.size() > back) return order_[order_.size() - 1 - back];
    std::advance(it, pick(static_cast<int>(model_.size())));
    return it->first;
  }
  Known* known(const std::string& id) {
    auto found = model_.find(id);
    return found == model_.end() ? nullptr : &found->second;
  }
  void expire(Known& known) {
    if ((known.state == State::held || known.state == State::approved) && now_ >= known.expires) {
      known.state = State::expired;
    }
  }
  // The model's answer to load_for_retry.
  std::string belongs(int key) {
    for (const std::string& id : order_) {
      const Known& known = model_.at(id);
      if (known.key != key) continue;
      bool repeats = (known.state == State::denied || known.state == State::cancelled) && now_ < known.expires;
      if (is_open(known.state) || repeats || (told_once(known.state) && !known.delivered)) return id;
    }
    return "";
  }

  void hold() {
    int key = pick(12);
    HeldRequest draft = test::draft("k" + std::to_string(key), now_);
    draft.expires = now_ + 1 + pick(100);
    draft.rules = {"pair"};
    std::string expected = belongs(key);
    Result<Holding> held = queue_->hold(draft, now_);
    ASSERT_TRUE(held);
    if (expected.empty()) {
      ASSERT_EQ(held->how, Holding::How::held);
      Known& fresh = model_[held->request.id];
      fresh.expires = draft.expires;
      fresh.key = key;
      order_.push_back(held->request.id);
    } else {
      ASSERT_EQ(held->how, Holding::How::joined);
      ASSERT_EQ(held->request.id, expected);
      expire(model_.at(expected));
    }
  }

  void vote() {
    static const std::vector<Approver> people{test::bob(), test::carol(), test::dave(), test::erin(), test::alice()};
    std::string id = any_id();
    const Approver& voter = people[static_cast<std::size_t>(pick(5))];
    bool approves = pick(6) != 0;
    Known* known = this->known(id);
    bool in_time = known != nullptr && known->state == State::held && now_ < known->expires;
    bool may = voter.name == "bob" || voter.name == "carol" || voter.name == "erin";
    bool edited_it = known != nullptr && known->editor == voter.name;
    bool counts = in_time && may && !edited_it && (!approves || !known->approvers.contains(voter.name));
    Result<HeldRequest> voted = queue_->vote(id, approves ? test::yes(voter) : test::no(voter), rules_, now_);
    ASSERT_EQ(voted.has_value(), counts) << id << " " << voter.name << (voted ? "" : voted.error().code);
    if (known == nullptr) return;
    if (known->state == State::held) expire(*known);
    if (!counts) return;
    if (approves) known->approvers.insert(voter.name);
    if (!approves) known->state = State::denied;
    if (approves && known->approvers.size() == 2) known->state = State::approved;
  }

  void cancel() {
    std::string id = any_id();
    Known* known = this->known(id);
    bool may = known != nullptr && (known->state == State::held || known->state == State::approved);
    ASSERT_EQ(queue_->cancel(id, "alice", "", now_).has_value(), may);
    if (may) known->state = State::cancelled;
  }

  void withdraw() {
    std::string id = any_id();
    Known* known = this->known(id);
    Requester requester = test::draft("").requester;
    bool other = pick(4) == 0;
    if (other) requester.chain.front() = "root-2";
    bool may = known != nullptr && !other && (known->state == State::held || known->state == State::approved);
    ASSERT_EQ(queue_->withdraw(id, requester, "", now_).has_value(), may);
    if (may) known->state = State::withdrawn;
  }

  void supersede() {
    if (pick(3) != 0) return;
    std::string id = any_id();
    Known* known = this->known(id);
    bool may = known != nullptr && known->state == State::held;
    ASSERT_EQ(queue_->supersede(id, "", now_).has_value(), may);
    if (may) known->state = State::superseded;
  }

  void edit() {
    static const std::vector<Approver> people{test::bob(), test::carol(), test::dave(), test::alice()};
    std::string id = any_id();
    const Approver& editor = people[static_cast<std::size_t>(pick(4))];
    Known* known = this->known(id);
    bool in_time = known != nullptr && known->state == State::held && now_ < known->expires;
    bool may = in_time && (editor.name == "bob" || editor.name == "carol") && known->editor.empty() &&
               !known->approvers.contains(editor.name);
    Edit edit{.request = test::draft("edited", now_), .what = "a smaller one", .fingerprint = ""};
    edit.request.rules = {"pair"};
    edit.request.expires = now_ + 1 + pick(100);
    TimeMs expires = edit.request.expires;
    Result<HeldRequest> edited = queue_->supersede_with_edit(id, std::move(edit), editor, rules_, now_);
    ASSERT_EQ(edited.has_value(), may) << (edited ? "" : edited.error().code);
    if (known == nullptr) return;
    if (known->state == State::held) expire(*known);
    if (!may) return;
    known->state = State::superseded;
    ASSERT_EQ(queue_->get(id)->superseded_by, edited->id);
    Known& fresh = model_[edited->id];
    fresh.expires = expires;
    fresh.key = model_.at(id).key;
    fresh.editor = editor.name;
    fresh.documented = model_.at(id).documented;
    order_.push_back(edited->id);
  }

  void document() {
    std::string id = any_id();
    Known* known = this->known(id);
    bool in_time = known != nullptr && known->state == State::held && now_ < known->expires;
    bool may = in_time && known->approvers.empty() && !known->documented;
    ASSERT_EQ(queue_->document(id, R"({"intent":"why"})", rules_, now_).has_value(), may);
    if (known != nullptr && known->state == State::held) expire(*known);
    if (may) known->documented = true;
  }

  void expire_all() {
    std::set<std::string> due;
    for (auto& [id, known] : model_) {
      State before = known.state;
      expire(known);
      if (known.state != before) due.insert(id);
    }
    Result<std::vector<std::string>> ids = queue_->expire_due(now_);
    ASSERT_TRUE(ids);
    ASSERT_EQ(std::set<std::string>(ids->begin(), ids->end()), due);
  }

  void begin() {
    std::string id = any_id();
    Known* known = this->known(id);
    bool may = known != nullptr && known->state == State::approved && now_ < known->expires;
    ASSERT_EQ(queue_->begin_execution(id, now_).has_value(), may);
    if (may) known->state = State::executing;
    if (known != nullptr && known->state == State::approved) expire(*known);
  }

  void finish() {
    std::string id = any_id();
    Known* known = this->known(id);
    State end = static_cast<State>(pick(12));
    bool may = known != nullptr && known->state == State::executing && arrows().contains({State::executing, end});
    Ending ending{.state = end, .reply = {}, .code = "", .reason = ""};
    ASSERT_EQ(queue_->finish(id, ending, now_).has_value(), may) << state_name(end);
    if (may) known->state = end;
  }

  void refuse() {
    std::string id = any_id();
    Known* known = this->known(id);
    bool may = known != nullptr && known->state == State::approved;
    bool stale = pick(2) == 0;
    std::string_view code = stale ? "request.stale" : "policy.changed";
    ASSERT_EQ(queue_->refuse_execution(id, code, "", now_).has_value(), may);
    if (may) known->state = stale ? State::stale : State::denied;
  }

  void claim() {
    std::string id = any_id();
    Known* known = this->known(id);
    bool once = known != nullptr && told_once(known->state) && !known->delivered;
    bool repeats = known != nullptr && told_until_the_expiry(known->state) && now_ < known->expires;
    ASSERT_EQ(queue_->claim_result(id, now_).has_value(), once || repeats);
    if (once || repeats) known->delivered = true;
  }

  void release() {
    std::string id = any_id();
    Known* known = this->known(id);
    // Two results of one key waiting at once is a state only this test makes: keep to what callers do.
    ASSERT_EQ(queue_->release_claim(id).has_value(), known != nullptr);
    if (known != nullptr) known->delivered = false;
  }

  void recover() {
    reopen();
    std::set<std::string> running;
    for (auto& [id, known] : model_) {
      if (known.state != State::executing) continue;
      known.state = State::unknown;
      running.insert(id);
    }
    Result<Recovered> recovered = queue_->recover(now_);
    ASSERT_TRUE(recovered);
    ASSERT_EQ(std::set<std::string>(recovered->interrupted.begin(), recovered->interrupted.end()), running);
  }

  test::TempFolder folder_;
  Rules rules_ = test::house_rules();
  std::mt19937_64 random_;
  std::map<std::string, Known> model_;
  std::vector<std::string> order_;
  TimeMs now_ = kNow;
  std::unique_ptr<Queue> queue_;
};

TEST(QueueProperty, AgreesWithTheModel) {
  std::vector<std::uint64_t> seeds{1, 2, 3, std::random_device{}()};
  for (std::uint64_t seed : seeds) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RecordProperty("seed", std::to_string(seed));
    Machine machine(seed);
    for (int i = 0; i < 600; ++i) {
      machine.step();
      if (testing::Test::HasFatalFailure()) FAIL() << "at step " << i;
      if (i % 20 == 0) machine.compare();
      if (testing::Test::HasFailure()) FAIL() << "at step " << i;
    }
    machine.compare();
  }
}

}  // namespace
}  // namespace countersign::approvals
