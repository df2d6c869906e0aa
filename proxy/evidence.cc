#include "proxy/evidence.h"

#include <utility>

#include "approvals/rules.h"
#include "proxy/attest.h"

namespace countersign::proxy {
namespace {

void record(Parts& parts, const std::string& request, std::string_view code, std::string detail) {
  audit::Entry entry;
  entry.phase = audit::Phase::admin;
  entry.request = request;
  entry.code = code;
  entry.detail = std::move(detail);
  parts.recorder.log().append(entry);
}

Result<std::optional<audit::Attestation>> attestation_for(Parts& parts, const approvals::HeldRequest& request,
                                                          adapters::Landed landed, const RecordedRun& run) {
  const auto rules = parts.rulesets.current();
  const auto progress = approvals::progress_of(request, *rules->approvals, parts.clock.now());
  LandedPush push;
  push.repository = std::move(landed.repository);
  push.refs = std::move(landed.refs);
  push.origin = parts.recorder.log().origin();
  push.operation = run.operation;
  push.outcome = run.outcome;
  push.executed_at = parts.clock.now();
  return attestation_of(request, progress, std::move(push));
}

// The stored envelope, with what of the request says where it belongs.
struct Kept {
  adapters::Evidence evidence;
  approvals::HeldRequest request;
};

}  // namespace

Task<void> attest(Parts* parts, const approvals::HeldRequest* request, const adapters::Conversation* conversation,
                  const RecordedRun* run) {
  std::optional<adapters::Landed> landed = conversation->landed();
  if (!landed) co_return;
  auto attestation = attestation_for(*parts, *request, std::move(*landed), *run);
  if (attestation && !*attestation) co_return;
  auto keep = [parts, &attestation]() -> Result<bool> {
    if (!attestation) return fail(attestation.error());
    auto envelope = parts->attester.sign(**attestation);
    if (!envelope) return fail(envelope.error());
    if (Status kept = parts->attestations.add(**attestation, *envelope); !kept) return fail(kept.error());
    return true;
  };
  auto kept = co_await net::on_thread<bool>(&parts->blocking, std::move(keep));
  if (!kept) record(*parts, request->id, kept.error().code, "not attested: " + kept.error().message);
}

Task<void> publish_evidence(Parts* parts, std::string id, net::Worker* worker) {
  auto load = [parts, id]() -> Result<std::optional<Kept>> {
    auto envelope = parts->attestations.envelope(id);
    if (!envelope && envelope.error().code == "attestation.unknown") return std::nullopt;
    if (!envelope) return fail(envelope.error());
    auto request = parts->queue.get(id);
    if (!request) return fail(request.error());
    const TimeMs executed = request->finished > 0 ? request->finished : parts->clock.now();
    return Kept{{id, std::move(*envelope), executed}, std::move(*request)};
  };
  auto kept = co_await net::on_thread<std::optional<Kept>>(&parts->blocking, std::move(load));
  if (kept && !*kept) co_return;
  const Mount* mount = kept ? parts->mounts.of_upstream((*kept)->request.frozen.upstream) : nullptr;
  Status published = fail(ErrorKind::conflict, "request.stale", "its upstream is not configured any more");
  if (!kept) published = fail(kept.error());
  if (mount != nullptr) {
    adapters::Doors& doors = parts->doors(*worker);
    adapters::Evidence evidence = std::move((*kept)->evidence);
    const approvals::Frozen& frozen = (*kept)->request.frozen;
    published = co_await mount->adapter->publish(doors, frozen, std::move(evidence));
  }
  if (!published) {
    record(*parts, id, "attestation.not_published", published.error().message);
    co_return;
  }
  auto mark = [parts, id]() -> Result<bool> {
    if (Status marked = parts->attestations.mark_published(id, parts->clock.now()); !marked)
      return fail(marked.error());
    return true;
  };
  std::ignore = co_await net::on_thread<bool>(&parts->blocking, std::move(mark));  // else it is only looked for again
}

}  // namespace countersign::proxy
