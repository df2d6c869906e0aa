// The public keys of audit logs that a command was given.
#pragma once

#include <string>
#include <vector>

#include "audit/checkpoint.h"
#include "core/result.h"

namespace countersign::cli {

// Each of `given` is a verifier key, or a file of them: one a line, `#` begins a comment line. Error: cli.key, also
// when there is none.
Result<std::vector<audit::VerifierKey>> verifier_keys(const std::vector<std::string>& given);

}  // namespace countersign::cli
