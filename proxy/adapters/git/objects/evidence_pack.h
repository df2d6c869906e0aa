// A pack with one commit that holds one file: how an attestation travels to a repository, as a ref of its own without
// any history. (gitformat-pack(5), git-commit(1)) Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"
#include "proxy/adapters/git/object_id.h"

namespace countersign::adapters::git {

inline constexpr std::string_view kAttestationFile = "attestation.json";
inline constexpr std::string_view kAttestationRefs = "refs/countersign/attestations/";

struct EvidencePack {
  std::string pack;    // three objects: blob, tree, commit; to be sent behind the commands of a push
  std::string commit;  // its id, hexadecimal: what the ref is to point to
};

// The pack for the ref `refs/countersign/attestations/<request>`, holding `envelope` as `attestation.json`. The same
// arguments give the same bytes, so publishing twice pushes the same commit. `request` must be a plain id (letters,
// digits, '_', '-'). Error: git.bad_ref for another one.
Result<EvidencePack> attestation_pack(ObjectFormat format, std::string_view request, std::string_view envelope,
                                      TimeMs executed_at);

}  // namespace countersign::adapters::git
