// /api/v1/audit and /log: the audit log, read from its files.
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

Result<std::optional<TimeMs>> time_parameter(const Call& call, std::string_view name) {
  auto found = call.query.find(name);
  if (found == call.query.end()) return std::nullopt;
  auto time = parse_time(found->second);
  if (!time) return fail(ErrorKind::invalid, "admin.bad_query", "`" + std::string(name) + "`: " + time.error().message);
  return *time;
}

}  // namespace

Result<audit::Reader> AdminApi::reader() const {
  return audit::Reader::open(services_.log.folder());
}

Result<Answer> AdminApi::query_audit(const Call& call) {
  audit::Filter filter;
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
  };
  if (auto known =
          only_parameters(call, {"agent", "owner", "actor", "upstream", "action", "effect", "decision", "outcome",
                                 "phase", "request", "operation", "resource", "since", "until", "limit", "before"});
      !known) {
    return fail(known.error());
  }
  for (const Parameter& parameter : kParameters) {
    if (auto found = call.query.find(parameter.name); found != call.query.end())
      filter.*parameter.member = found->second;
  }
  auto since = time_parameter(call, "since");
  if (!since) return fail(since.error());
  auto until = time_parameter(call, "until");
  if (!until) return fail(until.error());
  filter.from = *since;
  filter.until = *until;
  auto limit = number_in(call, "limit", 100, 1, 1000);
  if (!limit) return fail(limit.error());
  auto last = number_in(call, "before", UINT64_MAX, 0, UINT64_MAX);
  if (!last) return fail(last.error());
  std::optional<std::uint64_t> before;
  if (*last != UINT64_MAX) before = *last;

  auto log = reader();
  if (!log) return fail(log.error());
  auto records = audit::query(*log, filter, *limit, before);
  if (!records) return fail(records.error());
  // The records' own bytes, which are canonical JSON: what a reader hashes is what the log holds.
  Answer answer;
  bool more = records->size() == *limit;
  answer.body = "{\"before\":" + (more ? std::to_string(records->back().seq) : std::string("null")) + ",\"records\":[";
  for (std::size_t at = 0; at < records->size(); ++at)
    answer.body.append(at == 0 ? "" : ",").append((*records)[at].line);
  answer.body += "]}\n";
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
