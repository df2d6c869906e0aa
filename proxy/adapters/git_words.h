// What git's users read: lines that git prints behind "remote: ", and plain-text bodies it prints for refused requests.
// Each begins with the stable code, so that programs can read them too. Pure functions, any thread.
#pragma once

#include <string>

#include "proxy/adapters/adapter.h"

namespace countersign::adapters {

// "countersign: denied (policy.floor)\ncountersign: …\n"
[[nodiscard]] std::string denied_lines(const Denial& denial);
// "countersign: held for approval as req_…", the link, until when, and what happens next.
[[nodiscard]] std::string held_lines(const Pending& pending);

// A plain-text answer: git prints it when a request fails, where it would not print a problem document.
Task<Status> send_lines(ReplySink& sink, int status, std::string lines);
// So, that the upstream could not be asked or did not answer; and what the record says of it.
Task<Forwarded> answer_failure_lines(ReplySink& sink, Error error);

}  // namespace countersign::adapters
