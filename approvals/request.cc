#include "approvals/request.h"

#include <array>
#include <utility>

namespace countersign::approvals {
namespace {

constexpr std::array<std::pair<State, const char*>, 12> kNames{{
    {State::held, "held"},
    {State::approved, "approved"},
    {State::denied, "denied"},
    {State::expired, "expired"},
    {State::cancelled, "cancelled"},
    {State::withdrawn, "withdrawn"},
    {State::superseded, "superseded"},
    {State::stale, "stale"},
    {State::executing, "executing"},
    {State::done, "done"},
    {State::failed, "failed"},
    {State::unknown, "unknown"},
}};

}  // namespace

const char* state_name(State state) {
  for (const auto& [value, name] : kNames) {
    if (value == state) return name;
  }
  return "unknown";
}

std::optional<State> state_from_name(std::string_view name) {
  for (const auto& [value, text] : kNames) {
    if (name == text) return value;
  }
  return std::nullopt;
}

bool may_move(State from, State to) {
  switch (from) {
    case State::held:
      return to == State::approved || to == State::denied || to == State::expired || to == State::cancelled ||
             to == State::withdrawn || to == State::superseded;
    case State::approved:
      return to == State::executing || to == State::denied || to == State::expired || to == State::stale ||
             to == State::cancelled || to == State::withdrawn;
    case State::executing:
      return to == State::done || to == State::failed || to == State::unknown;
    case State::denied:
    case State::expired:
    case State::cancelled:
    case State::withdrawn:
    case State::superseded:
    case State::stale:
    case State::done:
    case State::failed:
    case State::unknown:
      return false;
  }
  return false;
}

bool is_final(State state) {
  return state != State::held && state != State::approved && state != State::executing;
}

}  // namespace countersign::approvals
