// What goes wrong with an upstream's answers, in the words of refs.h and fetch.h. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace countersign::adapters::git {

[[nodiscard]] std::unexpected<Error> bad_answer(std::string message);  // git.upstream_bad_answer
[[nodiscard]] std::unexpected<Error> too_large(std::string message);   // git.upstream_too_large

// What the upstream says in an ERR packet or on the side band's channel 3: git.upstream_lacks_object, or
// git.upstream_refused. Its words are in the message, their beginning, made visible.
[[nodiscard]] Error refusal_of(std::string_view words);

}  // namespace countersign::adapters::git
