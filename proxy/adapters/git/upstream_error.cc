#include "proxy/adapters/git/upstream_error.h"

#include "core/visible.h"

namespace countersign::adapters::git {
namespace {

constexpr std::size_t kMaxWords = 300;

// One line without anything that hides.
std::string shown(std::string_view words) {
  std::string out;
  words = words.substr(0, words.find('\n'));
  while (!words.empty() && out.size() < kMaxWords) {
    const TextCharacter c = front_character(words);
    if (c.is_utf8 && !hides(c.code)) {
      out += words.substr(0, c.bytes);
    } else {
      out += '?';
    }
    words.remove_prefix(c.bytes);
  }
  return out;
}

}  // namespace

std::unexpected<Error> bad_answer(std::string message) {
  return fail(ErrorKind::unavailable, "git.upstream_bad_answer", std::move(message));
}

std::unexpected<Error> too_large(std::string message) {
  return fail(ErrorKind::too_large, "git.upstream_too_large", std::move(message));
}

Error refusal_of(std::string_view words) {
  std::string message = "the upstream says: " + shown(words);
  // Git's own words for a want it does not serve, and those of the hosts that follow it.
  if (words.contains("not our ref")) return {ErrorKind::not_found, "git.upstream_lacks_object", std::move(message)};
  return {ErrorKind::forbidden, "git.upstream_refused", std::move(message)};
}

}  // namespace countersign::adapters::git
