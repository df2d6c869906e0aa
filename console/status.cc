// Upstreams, health, metrics, and the stream of events.
#include <algorithm>

#include "console/api.h"

namespace countersign::console {

Result<Answer> AdminApi::list_upstreams(const Call&) {
  std::vector<UpstreamStatus> health = services_.upstreams();
  Json upstreams = Json::array();
  for (const config::Upstream& upstream : services_.config.upstreams) {
    auto found = std::ranges::find(health, upstream.name, &UpstreamStatus::name);
    Json labels = Json::object();
    for (const auto& [name, value] : upstream.labels.free) labels[name] = value;
    if (upstream.labels.environment) labels["environment"] = *upstream.labels.environment;
    if (upstream.labels.tier) labels["tier"] = *upstream.labels.tier;
    if (upstream.labels.owner) labels["owner"] = *upstream.labels.owner;
    // Neither its address nor its command: both may hold what is nobody's business, and a command's arguments secrets.
    upstreams.push_back({{"name", upstream.name},
                         {"protocol", upstream.protocol},
                         {"labels", std::move(labels)},
                         {"health", found == health.end() ? "idle" : found->health},
                         {"detail", found == health.end() ? "" : found->detail}});
  }
  return json_answer({{"upstreams", std::move(upstreams)}});
}

Result<Answer> AdminApi::healthz(const Call&) {
  return text_answer("ok\n");
}

Result<Answer> AdminApi::readyz(const Call&) {
  Status ready = services_.ready();
  if (ready) ready = may_change();
  if (ready) return text_answer("ready\n");
  // Not a refusal, so no record: load balancers ask every second. Only the code, since anybody may ask.
  Answer answer = text_answer(ready.error().code + "\n");
  answer.status = 503;
  return answer;
}

Result<Answer> AdminApi::metrics(const Call&) {
  return text_answer(services_.metrics.render(), "text/plain; version=0.0.4; charset=utf-8");
}

Result<Answer> AdminApi::open_events(const Call& call) {
  if (auto known = only_parameters(call, {}); !known) return fail(known.error());
  EventStream::Owner owner{.person = call.principal.name,
                           .session = call.principal.session ? call.principal.session->id : "",
                           .may_read = [this, principal = call.principal] { return still_known(principal); }};
  auto stream = events_.open(std::move(owner));
  if (!stream) return fail(stream.error());
  Answer answer = text_answer("", "text/event-stream");
  answer.headers.add("x-accel-buffering", "no");  // proxies in between must not collect them
  answer.events = std::move(*stream);
  return answer;
}

}  // namespace countersign::console
