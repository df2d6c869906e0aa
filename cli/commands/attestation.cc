// attestation list, attestation export: what the gateway has attested.
#include "cli/client.h"
#include "cli/commands/commands.h"
#include "cli/render.h"
#include "cli/report.h"

namespace countersign::cli {
namespace {

constexpr std::uint64_t kPage = 500;  // attestations asked for at once

Result<Json> list_attestations(const Client& client, const AttestationOptions& options, std::uint64_t limit) {
  Json list = Json::array();
  std::string before;
  while (list.size() < limit) {
    std::string path =
        "/api/v1/attestations?limit=" + std::to_string(std::min<std::uint64_t>(kPage, limit - list.size())) + before;
    if (!options.commit.empty()) path += "&commit=" + escape(options.commit);
    if (!options.request.empty()) path += "&request=" + escape(options.request);
    auto answer = client.get(path);
    if (!answer) return fail(answer.error());
    const Json* page = find_member(*answer, "attestations");
    if (page == nullptr || !page->is_array() || page->empty()) break;
    for (const Json& each : *page) list.push_back(each);
    const std::int64_t next = integer_or(*answer, "before", -1);
    if (next < 0) break;
    before = "&before=" + std::to_string(next);
  }
  return list;
}

std::string refs_of(const Json& attestation) {
  std::string out;
  if (const Json* refs = find_member(attestation, "refs"); refs != nullptr && refs->is_array()) {
    for (const Json& ref : *refs)
      out.append(out.empty() ? "" : ", ").append(ref.is_string() ? ref.get<std::string>() : "");
  }
  return out;
}

std::string render_attestations(const Json& list, const Terminal& terminal) {
  Table table({{"REQUEST", 12}, {"REPOSITORY", 10}, {"REFS", 10}, {"COMMITS"}, {"PUSHED"}, {"PUBLISHED"}});
  for (const Json& each : list) {
    const std::string repository = string_or(each, "upstream", "") + "/" + string_or(each, "repository", "");
    table.add({one_line(string_or(each, "request", "")), one_line(repository), one_line(refs_of(each)),
               std::to_string(integer_or(each, "commits", 0)), one_line(string_or(each, "executed", "")),
               one_line(string_or(each, "published", "not yet"))});
  }
  return table.empty() ? std::string("no attestations\n") : table.render(terminal);
}

}  // namespace

int run_attestation_list(const AttestationOptions& options) {
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto list = list_attestations(*client, options, options.limit);
  if (!list) return report(*client, list.error());
  if (options.output == Output::json) return finish(render_json_list(*list));
  return finish(render_attestations(*list, Terminal::standard_output()));
}

int run_attestation_export(const AttestationOptions& options) {
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto list = list_attestations(*client, options, UINT64_MAX);
  if (!list) return report(*client, list.error());
  for (const Json& each : *list) {
    auto envelope = client->get_text("/api/v1/attestations/" + escape(string_or(each, "request", "")));
    if (!envelope) return report(*client, envelope.error());
    if (!envelope->ends_with('\n')) *envelope += '\n';
    if (!print(*envelope)) return kUnreachable;
  }
  return kDone;
}

}  // namespace countersign::cli
