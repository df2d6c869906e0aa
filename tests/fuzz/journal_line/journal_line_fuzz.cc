// Any bytes as a line of the journal: an entry or an error. What was read can be written again, and reading that gives
// the same line once more: nothing is kept that was not there, and nothing grows.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "policies/folder.h"
#include "policies/journal_line.h"
#include "policies/snapshot.h"

namespace {

using namespace countersign;
using namespace countersign::policies;

std::shared_ptr<const Snapshot> snapshot() {
  static const std::shared_ptr<const Snapshot> loaded = [] {
    config::Upstream files;
    files.name = "files";
    files.protocol = "mcp";
    files.command = {"server"};
    SnapshotSource source;
    source.policies = {{"a.cedar", "a.cedar", "@id(\"all\") permit (principal, action, resource);"}};
    source.declarations = FileText{"inputs.cedarschema", "inputs.cedarschema",
                                   "type Arguments = { path?: String, amount?: Long, deep?: { name?: String } };\n"
                                   "type Query = { force?: String };\n"};
    Problems problems;
    auto out = Snapshot::load(std::move(source), {files}, problems);
    if (!out) std::abort();
    return out;
  }();
  return loaded;
}

std::string written(JournalEntry entry) {
  entry.snapshot = snapshot();
  return render_entry(entry);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto document = JsonDocument::parse({reinterpret_cast<const char*>(data), size});
  if (!document) return 0;
  auto entry = parse_entry(document->root());
  if (!entry) return 0;
  if (entry->agent.empty() || entry->operation.accesses.empty()) std::abort();
  if (!JsonDocument::parse(question_text(*entry))) std::abort();
  const std::string line = written(*entry);
  if (line.size() > kEntryBytes) std::abort();
  if (line.empty()) return 0;
  if (!line.ends_with('\n') || line.find('\n') != line.size() - 1) std::abort();
  auto again = JsonDocument::parse(line);
  if (!again) std::abort();
  auto same = parse_entry(again->root());
  if (!same || same->agent != entry->agent || same->verdict != entry->verdict || same->at != entry->at ||
      same->operation.accesses.size() != entry->operation.accesses.size()) {
    std::abort();
  }
  if (written(*same) != line) std::abort();
  return 0;
}
