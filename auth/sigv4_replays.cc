#include "auth/sigv4_replays.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace countersign::auth {

// Signatures are output of HMAC-SHA256: any eight bytes are as good as a hash.
std::size_t SigV4Replays::Hash::operator()(const Digest& signature) const {
  std::size_t hash = 0;
  std::memcpy(&hash, signature.data(), sizeof hash);
  return hash;
}

Status SigV4Replays::admit(const SigV4Claim& claim, TimeMs now, std::string_view body_sha256) {
  if (claim.form == SigV4Form::query) return {};
  return remember(claim, now, body_sha256, Again::passes_within_a_second);
}

Status SigV4Replays::admit_once(const SigV4Claim& claim, TimeMs now) {
  if (claim.form == SigV4Form::query)
    return fail(ErrorKind::forbidden, "sigv4.link", "a presigned URL gets no keys: sign the request in its head");
  return remember(claim, now, {}, Again::is_refused);
}

Status SigV4Replays::remember(const SigV4Claim& claim, TimeMs now, std::string_view body_sha256, Again again) {
  Result<Bytes> bytes = from_hex(claim.signature);
  Digest signature{};
  if (!bytes || bytes->size() != signature.size())
    return fail(ErrorKind::malformed, "sigv4.malformed", "the signature is not 64 hexadecimal digits");
  std::ranges::copy(*bytes, signature.begin());
  Seen seen{now};
  std::from_chars(body_sha256.data(), body_sha256.data() + std::min<std::size_t>(body_sha256.size(), 16), seen.body,
                  16);

  std::lock_guard guard(lock_);
  if (now >= begun_ + remembered_) {
    older_ = now < begun_ + 2 * remembered_ ? std::move(younger_) : Generation();
    younger_ = Generation();
    begun_ = now;
  }
  auto known = younger_.find(signature);
  auto end = younger_.end();
  if (known == end) {
    known = older_.find(signature);
    end = older_.end();
  }
  if (known != end) {
    const bool same = again == Again::passes_within_a_second && known->second.body == seen.body &&
                      !claim.is_signed("amz-sdk-invocation-id");
    if (same && now < known->second.first + kSameSecond) return {};
    return fail(ErrorKind::unauthenticated, "sigv4.replayed", "this signed change was sent before");
  }
  if (younger_.size() >= entries_)
    return fail(ErrorKind::unavailable, "sigv4.replays_full", "there are too many changes to tell repeated ones apart");
  younger_.emplace(signature, seen);
  return {};
}

}  // namespace countersign::auth
