// The aws adapter: one account of AWS behind the proxy, mounted at /NAME/…, for unmodified tools (docs/aws.md).
//
// Agents sign with the AWS form of their token; the request is recognised from its wire form (aws_recognise.h), decided
// as aws:<service>:<Operation> on AwsResource::"NAME/<ARN>", and signed again with the account's own credentials. A
// held call keeps its connection for `aws.wait`, and is then answered with an error of AWS's own that SDKs do not
// retry; the identical request sent again collects the result.
#pragma once

#include "core/config.h"
#include "proxy/adapters/adapter.h"
#include "proxy/adapters/aws_session.h"
#include "proxy/adapters/aws_tags.h"

namespace countersign::adapters {

// Where the adapter says what it could not find out; it outlives the adapter.
struct AwsSurroundings {
  const Clock* clock = nullptr;  // nullptr: the system's
  const Log* log = nullptr;
  Metrics* metrics = nullptr;
  AwsAccounts accounts = {};  // of all upstreams
};

// But for what it keeps of tags, immutable after construction: describe, thaw and preview may be called from any
// thread.
class AwsAdapter final : public Adapter {
 public:
  explicit AwsAdapter(config::Upstream upstream, const AwsSurroundings& around = {});

  [[nodiscard]] bool takes_signatures() const override { return true; }
  [[nodiscard]] bool passes_bodies() const override { return true; }
  [[nodiscard]] std::uint64_t body_limit(const config::Limits& limits) const override { return limits.push_bytes; }
  Task<Status> prepare(Doors& doors) override;
  Result<std::unique_ptr<Conversation>> describe(const Inbound& inbound, Doors& doors) const override;
  Result<std::unique_ptr<Conversation>> thaw(const approvals::Frozen& frozen, std::string_view body,
                                             Doors& doors) const override;
  // "rds DeleteDBInstance on aws (production): destroys arn:aws:rds:…:db:orders; SkipFinalSnapshot true." Empty without
  // the whole body: in AWS's protocols it says what is asked for.
  [[nodiscard]] std::string sentence(const approvals::Frozen& frozen, std::string_view body,
                                     std::string_view environment) const override;
  [[nodiscard]] Preview preview(const approvals::Frozen& frozen, std::string_view body) const override;
  Task<Status> refuse(ReplySink& sink, Denial denial, const Inbound& inbound) const override;

 private:
  config::Upstream upstream_;
  AwsAccounts accounts_;
  std::unique_ptr<AwsTagReader> tags_;  // nullptr: labels do not come from tags
};

}  // namespace countersign::adapters
