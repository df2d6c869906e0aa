// What an agent says to the people who will be asked: intent, ticket, rollback, references. Written as the JSON object
// of approvals/documentation.h, which also checks it; empty where the agent says nothing. Pure functions, any thread.
#pragma once

#include <span>
#include <string>

#include "core/http_head.h"

namespace countersign::adapters {

// From request fields, for every protocol over HTTP:
//   Countersign-Intent, Countersign-Ticket, Countersign-Rollback     one each; of several the first
//   Countersign-Reference: <URL>; updated=2026-10-01                 may be repeated; the date may be left out
[[nodiscard]] std::string documentation_in_fields(const HeaderList& headers);

// From git's push options: countersign.intent=…, countersign.ticket=…, countersign.rollback=…,
// countersign.reference=<URL>; updated=2026-10-01
[[nodiscard]] std::string documentation_in_options(std::span<const std::string> options);

}  // namespace countersign::adapters
