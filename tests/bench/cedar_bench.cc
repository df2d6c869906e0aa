// cedar.decide_*: one decision in a set of so many policies, all reasons and errors included; requests are all
// different.
//
//   cedar_bench                     Google Benchmark; `cedar.scan.…` is the same question without the index
//   cedar_bench --export FOLDER     writes each workload as JSON, for cedar_peer.mjs, and runs nothing
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <deque>
#include <fstream>
#include <iostream>
#include <map>
#include <set>

#include "cedar_workload.h"
#include "policies/cedar/authorizer.h"
#include "policies/cedar/index.h"

namespace cedar::bench {
namespace {

constexpr std::size_t kPeerRequests = 64;  // the peer's calls are slow: it goes round fewer requests

struct Prepared {
  PolicySet policies;
  Entities base;
  std::deque<EntityOverlay> overlays;  // one, or one a request
};

std::map<std::string, const Entity*> entities_by_uid(const Workload& workload) {
  std::map<std::string, const Entity*> out;
  for (const Entity& entity : workload.entities) out[entity.uid.to_text()] = &entity;
  return out;
}

std::unique_ptr<Prepared> prepare(const Workload& workload) {
  auto out = std::make_unique<Prepared>();
  auto parsed = PolicySet::parse(workload.policies);
  if (!parsed) {
    std::cerr << workload.name << ": " << parsed.error().front().to_text();
    std::exit(1);
  }
  out->policies = std::move(*parsed);
  for (std::size_t i = 0; i < workload.templates.size(); ++i) {
    auto source = std::make_shared<const Source>("templates", workload.templates[i]);
    auto syntax = parse_policies(source->text());
    if (!syntax || !out->policies.add("template" + std::to_string(i), source, std::move(syntax->front()))) std::abort();
  }
  for (std::size_t i = 0; i < workload.links.size(); ++i) {
    const TemplateLink& link = workload.links[i];
    auto linked = out->policies.link("template" + std::to_string(link.policy_template), "link" + std::to_string(i),
                                     {link.principal, link.resource});
    if (!linked) std::abort();
  }
  out->base = Entities::make(workload.entities).value();
  if (workload.bring == Workload::Bring::nothing) {
    out->overlays.emplace_back(out->base);
    return out;
  }
  std::map<std::string, const Entity*> by_uid = entities_by_uid(workload);
  for (const Request& request : workload.requests) {
    EntityOverlay& overlay = out->overlays.emplace_back(out->base);
    for (const EntityUid& uid : {request.principal.as_entity(), request.action, request.resource.as_entity()}) {
      if (!overlay.add(*by_uid.at(uid.to_text()))) std::abort();
    }
  }
  return out;
}

// The one asked for last: Google Benchmark calls a benchmark several times in a row.
Prepared& prepared_once(const std::shared_ptr<Workload>& workload) {
  static std::shared_ptr<Workload> last;
  static std::unique_ptr<Prepared> prepared;
  if (last != workload) {
    prepared = prepare(*workload);
    prepared->policies.index();
    last = workload;
  }
  return *prepared;
}

void decide(benchmark::State& state, const std::shared_ptr<Workload>& workload) {
  Prepared* prepared = &prepared_once(workload);
  Answer answer;
  std::size_t i = 0;
  std::size_t policies = 0;
  for (auto _ : state) {
    const EntityOverlay& overlay = prepared->overlays[i % prepared->overlays.size()];
    authorize(prepared->policies, workload->requests[i], overlay, answer);
    policies += answer.satisfied_permits.size() + answer.satisfied_forbids.size() + answer.errored_permits.size() +
                answer.errored_forbids.size();
    benchmark::DoNotOptimize(answer.satisfied_permits.data());
    i = (i + 1) % workload->requests.size();
  }
  state.counters["answer"] = static_cast<double>(policies) / static_cast<double>(state.iterations());
}

// Of the requests that are proposed, half that are allowed and half that are not, as far as there are so many.
void choose_requests(Workload& workload) {
  std::vector<Request> proposed = std::move(workload.requests);
  workload.requests.clear();
  Workload::Bring bring = std::exchange(workload.bring, Workload::Bring::nothing);
  std::unique_ptr<Prepared> prepared = prepare(workload);
  workload.bring = bring;
  std::array<std::vector<Request>, 2> by_decision;
  for (Request& request : proposed) {
    Response response = respond(prepared->policies, authorize(prepared->policies, request, prepared->overlays.front()));
    by_decision.at(response.decision == Decision::allow ? 1 : 0).push_back(std::move(request));
  }
  for (std::size_t i = 0; i < proposed.size() && workload.requests.size() < kRequests; ++i) {
    for (std::vector<Request>& each : by_decision) {
      if (i < each.size() && workload.requests.size() < kRequests) workload.requests.push_back(std::move(each[i]));
    }
  }
}

void decide_by_scan(benchmark::State& state, const std::shared_ptr<Workload>& workload) {
  Prepared* prepared = &prepared_once(workload);
  std::size_t i = 0;
  for (auto _ : state) {
    const EntityOverlay& overlay = prepared->overlays[i % prepared->overlays.size()];
    Answer answer = authorize_by_scan(prepared->policies, workload->requests[i], overlay);
    benchmark::DoNotOptimize(answer.satisfied_permits.data());
    i = (i + 1) % workload->requests.size();
  }
}

void load(benchmark::State& state) {
  Workload workload = mix(10'000);
  for (auto _ : state) {
    auto parsed = PolicySet::parse(workload.policies);
    if (!parsed) std::abort();
    benchmark::DoNotOptimize(parsed->index().nodes());
  }
}

// --- the same for the peer -------------------------------------------------------------------------------------------

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string uid_json(const EntityUid& uid) {
  return "{\"type\":" + quoted(uid.type_name()) + ",\"id\":" + quoted(uid.id()) + "}";
}

std::string value_json(const Value& value) {
  std::string out;
  switch (value.kind()) {
    case ValueKind::boolean:
    case ValueKind::integer:
      return value.to_text();
    case ValueKind::string:
      return quoted(value.as_string());
    case ValueKind::entity:
      return "{\"__entity\":" + uid_json(value.as_entity()) + "}";
    case ValueKind::set:
      for (const Value& each : value.elements()) out += (out.empty() ? "" : ",") + value_json(each);
      return "[" + out + "]";
    case ValueKind::record:
      for (const Field& each : value.fields())
        out += (out.empty() ? "" : ",") + quoted(each.first.view()) + ":" + value_json(each.second);
      return "{" + out + "}";
    default:
      std::abort();  // no workload has another
  }
}

// What a request can reach: principal, action, resource, what they are in, and what their attributes name.
class Slice {
 public:
  explicit Slice(const Workload& workload) : by_uid_(entities_by_uid(workload)) {}
  std::string json(const Request& request) {
    out_.clear();
    seen_.clear();
    for (const EntityUid& uid : {request.principal.as_entity(), request.action, request.resource.as_entity()})
      reach(uid);
    return "[" + out_ + "]";
  }

 private:
  void reach(const EntityUid& uid) {
    std::string text = uid.to_text();
    auto found = by_uid_.find(text);
    if (found == by_uid_.end() || !seen_.insert(text).second) return;
    const Entity& entity = *found->second;
    std::string parents;
    for (const EntityUid& parent : entity.parents) parents += (parents.empty() ? "" : ",") + uid_json(parent);
    out_ += (out_.empty() ? "" : ",") + ("{\"uid\":" + uid_json(uid)) + ",\"attrs\":" + value_json(entity.attributes) +
            ",\"parents\":[" + parents + "]}";
    for (const EntityUid& parent : entity.parents) reach(parent);
    for (const Field& field : entity.attributes.fields()) {
      if (field.second.is(ValueKind::entity)) reach(field.second.as_entity());
    }
  }

  std::map<std::string, const Entity*> by_uid_;
  std::set<std::string> seen_;
  std::string out_;
};

void export_to(const std::string& folder, const Workload& workload) {
  std::unique_ptr<Prepared> prepared = prepare(workload);
  std::ofstream file(folder + "/" + workload.name + ".json");
  file << "{\"name\":" << quoted(workload.name) << ",\"policies\":{\"staticPolicies\":" << quoted(workload.policies)
       << ",\"templates\":{";
  for (std::size_t i = 0; i < workload.templates.size(); ++i) {
    file << (i == 0 ? "" : ",") << "\"template" << i << "\":" << quoted(workload.templates[i]);
  }
  file << "},\"templateLinks\":[";
  for (std::size_t i = 0; i < workload.links.size(); ++i) {
    const TemplateLink& link = workload.links[i];
    file << (i == 0 ? "" : ",") << "{\"templateId\":\"template" << link.policy_template << "\",\"newId\":\"link" << i
         << "\",\"values\":{\"?principal\":" << uid_json(link.principal) << ",\"?resource\":" << uid_json(link.resource)
         << "}}";
  }
  file << "]},\"requests\":[";
  Slice slice(workload);
  for (std::size_t i = 0; i < kPeerRequests; ++i) {
    const Request& request = workload.requests[i];
    Answer answer = authorize(prepared->policies, request, prepared->overlays[i % prepared->overlays.size()]);
    Response response = respond(prepared->policies, answer);
    file << (i == 0 ? "" : ",") << "{\"call\":{\"principal\":" << uid_json(request.principal.as_entity())
         << ",\"action\":" << uid_json(request.action) << ",\"resource\":" << uid_json(request.resource.as_entity())
         << ",\"context\":" << value_json(request.context) << ",\"entities\":" << slice.json(request)
         << "},\"decision\":" << (response.decision == Decision::allow ? "\"allow\"" : "\"deny\"")
         << ",\"reasons\":" << response.reason.size() << ",\"errors\":" << response.errors.size() << "}";
  }
  file << "]}\n";
}

std::vector<std::shared_ptr<Workload>> workloads() {
  std::vector<std::shared_ptr<Workload>> out;
  auto add = [&out](Workload workload) {
    choose_requests(workload);
    out.push_back(std::make_shared<Workload>(std::move(workload)));
  };
  for (auto* shape : {mix, roles, attributes, grants, guards}) {
    for (std::size_t size : {10U, 100U, 1000U, 10'000U}) add(shape(size));
  }
  for (std::size_t size : {5U, 10U, 20U, 50U}) {
    for (Encoding encoding : {Encoding::plain, Encoding::templates}) {
      add(gdrive(size, encoding));
      add(github(size, encoding));
    }
    add(tinytodo(size));
  }
  return out;
}

}  // namespace

int run(int argc, char** argv) {
  std::vector<std::shared_ptr<Workload>> all = workloads();
  if (argc == 3 && std::string_view(argv[1]) == "--export") {
    for (const auto& workload : all) export_to(argv[2], *workload);
    return 0;
  }
  for (const auto& workload : all) {
    benchmark::RegisterBenchmark(workload->name.c_str(), decide, workload)->MinTime(0.1);
    std::string scan = "cedar.scan." + workload->name.substr(workload->name.find('.') + 1);
    benchmark::RegisterBenchmark(scan.c_str(), decide_by_scan, workload)->MinTime(0.02);
  }
  benchmark::RegisterBenchmark("cedar.load_10000", load)->Unit(benchmark::kMillisecond)->MinTime(0.2);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace cedar::bench

int main(int argc, char** argv) {
  return cedar::bench::run(argc, argv);
}
