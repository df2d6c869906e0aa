// The git adapter: repositories behind smart HTTP, mounted at /NAME/…; stock git, no plugin.
//
// Fetching is a read of the repository. A push is one operation with an access a ref (git_operations.h); its bytes are
// received completely, judged, and then sent as they came. LFS requests are judged, and LFS files too where the
// upstream keeps them itself (git_lfs.h). A token comes as the password of Basic, or as Bearer.
#pragma once

#include <memory>

#include "core/config.h"
#include "proxy/adapters/adapter.h"
#include "proxy/adapters/git_lfs_conversation.h"
#include "proxy/adapters/git_reviews.h"
#include "proxy/adapters/git_workshop.h"

namespace countersign::adapters {

// Immutable after construction: describe, thaw and preview may be called from any thread.
class GitAdapter final : public Adapter {
 public:
  // `reviews` works in the same workshop.
  GitAdapter(config::Upstream upstream, std::shared_ptr<GitWorkshop> workshop, std::shared_ptr<GitReviews> reviews,
             LfsGate lfs)
      : upstream_(std::move(upstream)),
        workshop_(std::move(workshop)),
        reviews_(std::move(reviews)),
        lfs_(std::move(lfs)) {}

  // Basic, for "push" or "fetch". LFS leaves open which: its client keeps one credential for both.
  [[nodiscard]] Challenge challenge(std::string_view method, std::string_view rest) const override;
  [[nodiscard]] std::uint64_t body_limit(const config::Limits& limits) const override { return limits.push_bytes; }
  Task<Status> prepare(Doors& doors) override;
  Result<std::unique_ptr<Conversation>> describe(const Inbound& inbound, Doors& doors) const override;
  Result<std::unique_ptr<Conversation>> thaw(const approvals::Frozen& frozen, std::string_view body,
                                             Doors& doors) const override;
  Task<Status> publish(Doors& doors, const approvals::Frozen& frozen, Evidence evidence) override;
  [[nodiscard]] Preview preview(const approvals::Frozen& frozen, std::string_view body) const override;
  Task<Status> refuse(ReplySink& sink, Denial denial, const Inbound& inbound) const override;

 private:
  config::Upstream upstream_;
  std::shared_ptr<GitWorkshop> workshop_;
  std::shared_ptr<GitReviews> reviews_;
  LfsGate lfs_;
};

}  // namespace countersign::adapters
