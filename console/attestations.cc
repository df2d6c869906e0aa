// /api/v1/attestations: what was attested about approved pushes. Public statements, for whoever may ask at all.
#include "console/api.h"

namespace countersign::console {

Result<audit::AttestationStore*> AdminApi::attestations() const {
  if (services_.attestations == nullptr)
    return fail(ErrorKind::unavailable, "attestation.unavailable", "no attestations are kept here");
  return services_.attestations;
}

Result<Answer> AdminApi::list_attestations(const Call& call) {
  if (auto known = only_parameters(call, {"commit", "request", "before", "limit"}); !known) return fail(known.error());
  auto limit = number_in(call, "limit", 100, 1, 1000);
  if (!limit) return fail(limit.error());
  auto before = number_in(call, "before", INT64_MAX, 0, INT64_MAX);
  if (!before) return fail(before.error());
  auto text = [&](std::string_view name) {
    auto found = call.query.find(name);
    return found == call.query.end() ? std::string() : found->second;
  };
  audit::AttestationFilter filter{.commit = text("commit"),
                                  .request = text("request"),
                                  .before = static_cast<std::int64_t>(*before),
                                  .limit = *limit};
  auto store = attestations();
  if (!store) return fail(store.error());
  auto found = (*store)->list(filter);
  if (!found) return fail(found.error());
  Json list = Json::array();
  for (const audit::KeptAttestation& each : *found) {
    list.push_back({{"request", each.request},
                    {"upstream", each.upstream},
                    {"repository", each.repository},
                    {"refs", each.refs},
                    {"commits", each.commits},
                    {"executed", format_time(each.executed)},
                    {"published", each.published > 0 ? Json(format_time(each.published)) : Json()}});
  }
  const bool more = found->size() == filter.limit;
  return json_answer({{"attestations", std::move(list)}, {"before", more ? Json(found->back().number) : Json()}});
}

Result<Answer> AdminApi::show_attestation(const Call& call) {
  if (auto known = only_parameters(call, {}); !known) return fail(known.error());
  auto store = attestations();
  if (!store) return fail(store.error());
  auto envelope = (*store)->envelope(call.arguments[0]);
  if (!envelope) return fail(envelope.error());
  return text_answer(std::move(*envelope), "application/json");
}

}  // namespace countersign::console
