// audit query, export, show and proof: reading the log through the server.
#include <cstdio>
#include <functional>
#include <limits>

#include "cli/client.h"
#include "cli/commands/commands.h"
#include "cli/render.h"
#include "cli/report.h"

namespace countersign::cli {
namespace {

constexpr std::uint64_t kPage = 500;  // records asked for at once

// "2026-11-21T09:30:00Z" as it is, "2h" as the time two hours ago.
Result<std::string> point_in_time(const std::string& text) {
  if (auto time = parse_time(text)) return format_time(*time);
  auto span = parse_duration(text);
  if (!span) {
    return fail(ErrorKind::invalid, "time.malformed",
                "`" + text + "` is neither a time like 2026-11-21T09:30:00Z nor a duration like 2h");
  }
  return format_time(SystemClock().now() - *span);
}

Result<std::string> filter_query(const AuditQueryOptions& options) {
  std::string query;
  for (const auto& [name, value] : options.filters) query += "&" + name + "=" + escape(value);
  if (!options.since.empty()) {
    auto since = point_in_time(options.since);
    if (!since) return fail(since.error());
    query += "&since=" + escape(*since);
  }
  if (!options.until.empty()) {
    auto until = point_in_time(options.until);
    if (!until) return fail(until.error());
    query += "&until=" + escape(*until);
  }
  return query;
}

// Hands the answers' pages, newest first, to `take` until `limit` records are there or the log is at its end.
Status each_page(const Client& client, const std::string& filters, std::uint64_t limit,
                 const std::function<Status(const Json& records)>& take) {
  std::string before;
  std::uint64_t taken = 0;
  while (taken < limit) {
    std::uint64_t page = std::min(kPage, limit - taken);
    auto answer = client.get("/api/v1/audit?limit=" + std::to_string(page) + filters + before);
    if (!answer) return fail(answer.error());
    const Json* records = find_member(*answer, "records");
    if (records == nullptr || !records->is_array())
      return fail(ErrorKind::internal, "server.unexpected", "the server's answer has no records");
    if (auto done = take(*records); !done) return done;
    taken += records->size();
    const Json* next = find_member(*answer, "before");
    if (next == nullptr || !next->is_number_integer()) break;
    before = "&before=" + std::to_string(next->get<std::uint64_t>());
  }
  return {};
}

// Pages that arrive newest first, kept in an unnamed file so that any log can be turned around.
class Reversal {
 public:
  Reversal() : file_(std::tmpfile()) {}
  ~Reversal() {
    if (file_ != nullptr) static_cast<void>(std::fclose(file_));
  }
  Reversal(const Reversal&) = delete;
  Reversal& operator=(const Reversal&) = delete;

  Status add(const Json& records) {
    std::string page;
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
      auto line = canonical_json(*record);
      if (!line) return fail(line.error());
      page.append(*line).append("\n");
    }
    if (file_ == nullptr || std::fwrite(page.data(), 1, page.size(), file_) != page.size()) return failed();
    sizes_.push_back(page.size());
    return {};
  }

  // Oldest first, to standard output.
  Status print_all() {
    if (file_ == nullptr || std::fflush(file_) != 0) return failed();
    std::size_t end = 0;
    for (std::size_t size : sizes_) end += size;
    for (auto size = sizes_.rbegin(); size != sizes_.rend(); ++size) {
      end -= *size;
      std::string page(*size, '\0');
      if (std::fseek(file_, static_cast<long>(end), SEEK_SET) != 0) return failed();
      if (std::fread(page.data(), 1, page.size(), file_) != page.size()) return failed();
      if (!print(page)) return fail(ErrorKind::internal, "cli.output", "standard output cannot be written");
    }
    return {};
  }

 private:
  static Status failed() {
    return fail(ErrorKind::internal, "cli.temporary_file", "a temporary file cannot be written or read");
  }
  std::FILE* file_;
  std::vector<std::size_t> sizes_;
};

}  // namespace

int run_audit_query(const AuditQueryOptions& options) {
  auto filters = filter_query(options);
  if (!filters) return report(filters.error());
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  Json records = Json::array();
  auto take = [&](const Json& page) -> Status {
    for (const Json& record : page) records.push_back(record);
    return {};
  };
  if (auto done = each_page(*client, *filters, options.limit, take); !done) return report(*client, done.error());
  if (options.output == Output::json) return finish(render_json_list(records));
  return finish(render_records(records, Terminal::standard_output()));
}

int run_audit_export(const AuditQueryOptions& options) {
  auto filters = filter_query(options);
  if (!filters) return report(filters.error());
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  Reversal pages;
  auto take = [&](const Json& page) { return pages.add(page); };
  auto done = each_page(*client, *filters, std::numeric_limits<std::uint64_t>::max(), take);
  if (done) done = pages.print_all();
  return done ? kDone : report(*client, done.error());
}

int run_audit_show(const AuditRecordOptions& options) {
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto record = client->get("/api/v1/audit/" + std::to_string(options.seq));
  if (!record) return report(*client, record.error());
  if (options.output == Output::json) return finish(render_json(*record));
  return finish(render_record(*record, Terminal::standard_output()));
}

int run_audit_proof(const AuditRecordOptions& options) {
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto proof = client->get_text("/api/v1/audit/" + std::to_string(options.seq) + "/proof");
  if (!proof) return report(*client, proof.error());
  if (options.output == Output::json) return finish(render_json(Json{{"proof", *proof}, {"seq", options.seq}}));
  return finish(*proof);
}

}  // namespace countersign::cli
