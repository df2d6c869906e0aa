#include "proxy/session_narrower.h"

#include "core/bytes.h"

namespace countersign::proxy {

Result<adapters::NarrowedKeys> SessionNarrower::narrow(auth::Caveats caveats) {
  const auth::PayloadKind kind = claim_.payload.kind;
  if (kind != auth::PayloadKind::body && kind != auth::PayloadKind::sha256)
    return fail(ErrorKind::forbidden, "aws.session_unsigned_body",
                "keys are given for a body that was signed as a whole, and this one was not");
  if (Status first = parts_.replays.admit_once(claim_, now()); !first) return fail(first.error());
  Status welcome = parts_.authenticator.check_stored(caller_.agent, caller_.chain, caller_.delegates);
  if (!welcome) return fail(welcome.error());
  auto child = parts_.authenticator.narrow(claim_, std::move(caveats));
  if (!child) return fail(child.error());
  return adapters::NarrowedKeys{std::move(child->credentials), to_hex(child->token.ids.back()),
                                std::string(caller_.token()), child->token.expires};
}

}  // namespace countersign::proxy
