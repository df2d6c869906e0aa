// /api/v1/audit and /log: the audit log, read from its files.
#include <algorithm>
#include <charconv>

#include "audit/proof.h"
#include "audit/query.h"
#include "console/api.h"

namespace countersign::console {
namespace {

Result<std::uint64_t> record_number(const std::string& text) {
  std::uint64_t seq = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seq);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(ErrorKind::not_found, "audit.unknown_record", "a record is named by its number");
  return seq;
}

constexpr std::uint64_t kMostScanned = 200'000;  // records a query looks at before it answers with what it has
constexpr std::size_t kPiece = 1'000;            // records of an export that are read at once
constexpr std::size_t kMaxText = 200;

// The filter of a query or an export; `others` are the parameters it takes besides.
Result<audit::Filter> filter_in(const Call& call, std::initializer_list<std::string_view> others) {
  struct Parameter {
    std::string_view name;
    std::string audit::Filter::* member;
  };
  static constexpr Parameter kParameters[] = {
      {"agent", &audit::Filter::agent},         {"owner", &audit::Filter::owner},
      {"actor", &audit::Filter::actor},         {"upstream", &audit::Filter::upstream},
      {"action", &audit::Filter::action},       {"effect", &audit::Filter::effect},
      {"decision", &audit::Filter::decision},   {"outcome", &audit::Filter::outcome},
      {"phase", &audit::Filter::phase},         {"request", &audit::Filter::request},
      {"operation", &audit::Filter::operation}, {"resource", &audit::Filter::resource},
      {"text", &audit::Filter::text},
  };
  audit::Filter filter;
  for (const auto& [name, value] : call.query) {
    auto parameter = std::ranges::find(kParameters, name, &Parameter::name);
    if (parameter != std::end(kParameters)) {
      filter.*parameter->member = value;
    } else if (name == "looks") {
      if (value != "true" && value != "false")
        return fail(ErrorKind::invalid, "admin.bad_query", "`looks` is true or false");
      filter.looks = value == "true" ? audit::Looks::included : audit::Looks::left_out;
    } else if (name != "since" && name != "until" && std::ranges::find(others, name) == others.end()) {
      return fail(ErrorKind::invalid, "admin.bad_query", "there is no query parameter `" + name + "` here");
    }
  }
  if (filter.text.size() > kMaxText) return fail(ErrorKind::invalid, "admin.bad_query", "`text` has at most 200 bytes");
  auto since = time_in(call, "since");
  if (!since) return fail(since.error());
  auto until = time_in(call, "until");
  if (!until) return fail(until.error());
  filter.from = *since;
  filter.until = *until;
  return filter;
}

// The records that match, newest first, a line each: the record's own bytes.
class ExportPieces final : public Pieces {
 public:
  ExportPieces(audit::Reader reader, audit::Filter filter, std::uint64_t before)
      : reader_(std::move(reader)), filter_(std::move(filter)), before_(before) {}

  Result<std::string> next() override {
    std::string out;
    while (out.empty() && before_) {
      auto found = audit::search(reader_, filter_, kPiece, before_, kMostScanned);
      if (!found) return fail(found.error());
      for (const audit::StoredRecord& record : found->records) out.append(record.line).append("\n");
      before_ = found->next;
    }
    return out;
  }

 private:
  const audit::Reader reader_;
  const audit::Filter filter_;
  std::optional<std::uint64_t> before_;
};

}  // namespace

Result<audit::Reader> AdminApi::reader() const {
  return audit::Reader::open(services_.log.folder());
}

Result<Answer> AdminApi::query_audit(const Call& call) {
  auto filter = filter_in(call, {"limit", "before"});
  if (!filter) return fail(filter.error());
  auto limit = number_in(call, "limit", 100, 1, 1000);
  if (!limit) return fail(limit.error());
  auto last = number_in(call, "before", UINT64_MAX, 0, UINT64_MAX);
  if (!last) return fail(last.error());
  std::optional<std::uint64_t> before;
  if (*last != UINT64_MAX) before = *last;

  auto log = reader();
  if (!log) return fail(log.error());
  auto found = audit::search(*log, *filter, *limit, before, kMostScanned);
  if (!found) return fail(found.error());
  // The records' own bytes, which are canonical JSON: what a reader hashes is what the log holds.
  Answer answer;
  answer.body = "{\"before\":" + (found->next ? std::to_string(*found->next) : std::string("null")) + ",\"records\":[";
  for (std::size_t at = 0; at < found->records.size(); ++at)
    answer.body.append(at == 0 ? "" : ",").append(found->records[at].line);
  answer.body += "]}\n";
  return answer;
}

Result<Answer> AdminApi::export_audit(const Call& call) {
  auto filter = filter_in(call, {});
  if (!filter) return fail(filter.error());
  auto log = reader();
  if (!log) return fail(log.error());
  auto size = log->size();
  if (!size) return fail(size.error());
  Answer answer = text_answer("", "application/jsonl");
  answer.headers.add("content-disposition", "attachment; filename=\"audit.jsonl\"");
  answer.pieces = std::make_shared<ExportPieces>(std::move(*log), std::move(*filter), *size);
  return answer;
}

Result<Answer> AdminApi::show_record(const Call& call) {
  auto seq = record_number(call.arguments[0]);
  if (!seq) return fail(seq.error());
  auto log = reader();
  if (!log) return fail(log.error());
  auto record = log->get(*seq);
  if (!record) return fail(record.error());
  return text_answer(std::move(record->line), "application/json");
}

Result<Answer> AdminApi::prove_record(const Call& call) {
  auto seq = record_number(call.arguments[0]);
  if (!seq) return fail(seq.error());
  auto log = reader();
  if (!log) return fail(log.error());
  std::lock_guard lock(tree_lock_);
  if (!tree_) tree_.emplace(*log);
  auto receipt = audit::make_receipt(*log, *tree_, *seq);
  if (!receipt && receipt.error().code == "audit.not_signed_yet") {
    // Whoever asks for a proof should not have to wait for the next checkpoint.
    if (auto signed_now = services_.log.checkpoint(); !signed_now) return fail(signed_now.error());
    receipt = audit::make_receipt(*log, *tree_, *seq);
  }
  if (!receipt) return fail(receipt.error());
  return text_answer(std::move(*receipt));
}

Result<Answer> AdminApi::show_key(const Call&) {
  const audit::VerifierKey& key = services_.log.verifier_key();
  return json_answer({{"vkey", key.text()}, {"origin", key.name}});
}

Result<Answer> AdminApi::log_file(const Call& call) {
  auto log = reader();
  if (!log) return fail(log.error());
  std::lock_guard lock(tree_lock_);
  if (!tree_) tree_.emplace(*log);
  auto bytes = audit::log_resource(*log, *tree_, call.arguments[0]);
  if (!bytes) return fail(bytes.error());
  bool text = call.arguments[0] == "checkpoint";
  return text_answer(std::move(*bytes), text ? "text/plain; charset=utf-8" : "application/octet-stream");
}

}  // namespace countersign::console
