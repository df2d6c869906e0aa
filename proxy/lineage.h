// One lineage's history (proxy/histories.h). Not for several threads at once.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/clock.h"
#include "core/tally.h"
#include "policies/decision.h"
#include "policies/session.h"
#include "scopes/operation.h"

namespace countersign::proxy {

// What a lineage has to know of an operation besides its accesses; read once, outside of any lock.
struct Deed {
  const Operation& operation;
  bool unprotects = false;     // takes protection off what it touches
  bool spares_things = false;  // what it destroys are contents: items of a table
  bool ends_things = true;     // what it destroys is gone: not stopped, nor without its policy
  bool overwrites = false;     // may replace what is there, though its name is that of a creation

  explicit Deed(const Operation& operation);
  // Whether this access makes its thing, or makes it again.
  [[nodiscard]] bool creates(const Access& access) const;  // for sure
  [[nodiscard]] bool may_create(const Access& access) const;
  [[nodiscard]] bool unprotects_by(const Access& access) const;
};

class Lineage {
 public:
  static constexpr TimeMs kWindow = 3'600'000;

  // `blurred_until`: what is not remembered is supposed until then.
  Lineage(TimeMs now, TimeMs blurred_until) : first_(now), last_(now), blurred_until_(blurred_until) {}

  [[nodiscard]] policies::Session look(const Deed& deed, TimeMs now) const;
  // `most`, here and below: marks to be kept.
  void decided(const Deed& deed, const policies::Decision& decision, TimeMs now, std::size_t most);
  // Whether policies let it pass, or people, who saw each thing: then it is no series of its own accord.
  enum class By : std::uint8_t { itself, approval };
  void done(const Deed& deed, By by, TimeMs now, std::size_t most);
  // `about`: as Decision::about.
  void refused(const Deed& deed, const std::vector<std::size_t>& about, bool waits, TimeMs now, std::size_t most);
  void waits_no_more(const Deed& deed);
  void succeeded(const Deed& deed, TimeMs now, std::size_t most);

  void seen(TimeMs now) {
    first_ = std::min(first_, now);
    last_ = std::max(last_, now);
  }
  [[nodiscard]] TimeMs last() const { return last_; }

 private:
  // The strictest that is remembered of operations of one effect.
  struct Refusal {
    Effect effect = Effect::destroy;
    bool waits = false;
    TimeMs at = 0;
    std::string action;  // empty: several
  };
  struct Mark {
    TimeMs created = 0;
    TimeMs destroyed = 0;
    TimeMs unprotected = 0;
    std::vector<Refusal> refused;  // on it
    std::vector<Refusal> inside;   // on something in it
    [[nodiscard]] TimeMs latest() const;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  template <class T>
  using ByName = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  [[nodiscard]] const Mark* find(std::string_view id) const;
  Mark& mark(std::string_view id, TimeMs now, std::size_t most);
  void forget_oldest(TimeMs now, std::size_t most);
  void read(std::string_view id, TimeMs now);
  [[nodiscard]] bool is_listed(std::string_view id, TimeMs now) const;
  [[nodiscard]] bool is_unprotected(std::string_view id, TimeMs now) const;
  [[nodiscard]] bool is_refused(const Access& access, const std::string& action, TimeMs now) const;
  [[nodiscard]] std::int64_t destroyed_in(std::string_view container, TimeMs now) const;
  [[nodiscard]] bool is_own(std::string_view id) const;
  static void add_refusal(std::vector<Refusal>& list, Effect effect, bool waits, const std::string& action, TimeMs now);

  TimeMs first_;
  TimeMs last_;
  TimeMs blurred_until_;
  Tally reads_, changes_, destroys_, denials_, holds_;
  ByName<Mark> marks_;
  ByName<TimeMs> listed_;
  TimeMs all_listed_until_ = 0;  // more was listed than is remembered
  ByName<Tally> destroyed_in_;
  TimeMs swept_ = 0;           // when room was made in it last
  Tally destroyed_elsewhere_;  // in what there was no room for
};

// What a thing is in, as ids have it: "files/a" of "files/a/b.txt", the bucket of an object, "…:instance" of the ARN of
// an instance; empty of an upstream.
[[nodiscard]] std::string_view container_of(std::string_view id);

}  // namespace countersign::proxy
