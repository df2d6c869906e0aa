#include "audit/entry.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/json_writer.h"
#include "core/sha256.h"

namespace countersign::audit {
namespace {

// Room for the values of seq (20 digits) and ts (26 bytes with its quotes).
constexpr std::size_t kPlaceBytes = 46;

std::string list_text(const std::vector<std::string>& values) {
  std::string out;
  JsonWriter w(out);
  w.begin_array();
  for (const std::string& value : values) w.value(value);
  w.end_array();
  return out;
}

RecordText write(const Entry& e, const std::vector<std::string>& cut) {
  RecordText record;
  std::string& out = record.text;
  out.reserve(768);
  JsonWriter w(out);
  auto number = [&](std::string_view name, std::int64_t value) {
    if (value >= 0) w.member(name, value);
  };
  w.begin_object();
  w.member_if("action", e.action);
  w.member_if("actor", e.actor);
  w.member_if("agent", e.agent);
  w.strings("chain", e.chain);
  w.member_if("code", e.code);
  w.member_if("comment", e.comment);
  w.member_if("decision", name_of(e.decision));
  w.member_if("detail", e.detail);
  w.member_if("effect", e.effect);
  w.member_if("environment", e.environment);
  w.member_if("fingerprint", e.fingerprint);
  number("input_bytes", e.input_bytes);
  w.member_if("input_sha256", e.input_sha256);
  number("latency_us", e.latency_us);
  w.member_if("operation", e.operation);
  w.member_if("outcome", name_of(e.outcome));
  number("output_bytes", e.output_bytes);
  w.member_if("output_sha256", e.output_sha256);
  w.member_if("owner", e.owner);
  w.member_if("peer", e.peer);
  w.member("phase", name_of(e.phase));
  w.strings("policies", e.policies);
  w.member_if("policy_digest", e.policy_digest);
  w.member_if("protocol", e.protocol);
  w.member_if("reason", e.reason);
  w.member_if("request", e.request);
  w.strings("resources", e.resources);
  w.key("seq").raw("");
  record.seq_at = out.size();
  w.strings("shadow", e.shadow);
  w.member_if("signature", e.signature);
  if (e.status > 0) w.member("status", std::int64_t{e.status});
  if (!cut.empty()) w.member("truncated", true);
  w.strings("truncated_sha256", cut);
  w.key("ts").raw("");
  record.ts_at = out.size();
  w.member_if("upstream", e.upstream);
  w.member("v", std::int64_t{kRecordVersion});
  w.end_object();
  return record;
}

struct NamedText {
  std::string_view name;
  std::string Entry::* member;
};
struct NamedList {
  std::string_view name;
  std::vector<std::string> Entry::* member;
};
// Every member whose length comes from outside, but the signature: half of one proves nothing. The ids and the
// signature are bounded by Log::append.
constexpr std::array kTexts = {
    NamedText{"action", &Entry::action},
    NamedText{"actor", &Entry::actor},
    NamedText{"agent", &Entry::agent},
    NamedText{"code", &Entry::code},
    NamedText{"comment", &Entry::comment},
    NamedText{"detail", &Entry::detail},
    NamedText{"effect", &Entry::effect},
    NamedText{"environment", &Entry::environment},
    NamedText{"fingerprint", &Entry::fingerprint},
    NamedText{"input_sha256", &Entry::input_sha256},
    NamedText{"operation", &Entry::operation},
    NamedText{"output_sha256", &Entry::output_sha256},
    NamedText{"owner", &Entry::owner},
    NamedText{"peer", &Entry::peer},
    NamedText{"policy_digest", &Entry::policy_digest},
    NamedText{"protocol", &Entry::protocol},
    NamedText{"reason", &Entry::reason},
    NamedText{"request", &Entry::request},
    NamedText{"upstream", &Entry::upstream},
};
constexpr std::array kLists = {
    NamedList{"chain", &Entry::chain},
    NamedList{"policies", &Entry::policies},
    NamedList{"resources", &Entry::resources},
    NamedList{"shadow", &Entry::shadow},
};

// Cuts at most `limit` bytes off the front, never inside a UTF-8 sequence.
void cut_text(std::string& text, std::size_t limit) {
  std::size_t end = limit;
  while (end > limit - 3 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text.resize(end);
}

// Keeps whole elements while they fit; a first element that does not fit is cut itself, so that the list never looks
// empty.
void cut_list(std::vector<std::string>& list, std::size_t limit) {
  std::size_t used = 0;
  std::size_t kept = 0;
  while (kept < list.size() && used + list[kept].size() + 3 <= limit) used += list[kept++].size() + 3;
  if (kept == 0) {
    if (list[0].size() > limit) cut_text(list[0], limit);
    kept = 1;
  }
  list.resize(kept);
}

std::size_t list_bytes(const std::vector<std::string>& list) {
  std::size_t bytes = 0;
  for (const std::string& element : list) bytes += element.size() + 3;
  return bytes;
}

RecordText render_cut(const Entry& entry) {
  // A byte may become six (\u0001). At the last limit 19 texts and 4 lists of 4 * 80 bytes stay below 17 KiB, and below
  // 20 KiB with names and digests; the signature is at most 44: the loop ends.
  RecordText record;
  for (std::size_t limit : {8192U, 2048U, 512U, 80U}) {
    Entry small = entry;
    std::vector<std::string> cut;
    for (const NamedText& text : kTexts) {
      std::string& value = small.*text.member;
      if (value.size() <= limit) continue;
      cut.push_back(std::string(text.name) + ':' + to_hex(sha256(value)));
      cut_text(value, limit);
    }
    for (const NamedList& list : kLists) {
      std::vector<std::string>& value = small.*list.member;
      if (list_bytes(value) <= 4 * limit) continue;
      cut.push_back(std::string(list.name) + ':' + to_hex(sha256(list_text(value))));
      cut_list(value, 4 * limit);
    }
    std::ranges::sort(cut);
    record = write(small, cut);
    if (record.text.size() + kPlaceBytes <= kMaxRecordBytes) break;
  }
  return record;
}

}  // namespace

std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::intent:
      return "intent";
    case Phase::outcome:
      return "outcome";
    case Phase::refused:
      return "refused";
    case Phase::approval:
      return "approval";
    case Phase::admin:
      return "admin";
    case Phase::recovered:
      return "recovered";
    case Phase::heartbeat:
      return "heartbeat";
  }
  return "admin";
}

std::string_view name_of(Decision decision) {
  switch (decision) {
    case Decision::none:
      return "";
    case Decision::allow:
      return "allow";
    case Decision::hold:
      return "hold";
    case Decision::deny:
      return "deny";
  }
  return "";
}

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::none:
      return "";
    case Outcome::ok:
      return "ok";
    case Outcome::client_error:
      return "client_error";
    case Outcome::server_error:
      return "server_error";
    case Outcome::timeout:
      return "timeout";
    case Outcome::cancelled:
      return "cancelled";
    case Outcome::unknown:
      return "unknown";
    case Outcome::not_forwarded:
      return "not_forwarded";
  }
  return "";
}

bool signature_fits(std::string_view signature) {
  if (signature.empty()) return true;
  if (signature.size() > kMaxSignatureBytes) return false;
  std::string text;
  JsonWriter(text).value(signature);
  return text.size() <= kMaxSignatureBytes;
}

RecordText render(const Entry& entry) {
  RecordText record = write(entry, {});
  if (record.text.size() + kPlaceBytes <= kMaxRecordBytes) return record;
  return render_cut(entry);
}

void complete(const RecordText& record, std::uint64_t seq, std::string_view time, std::string& out) {
  std::string_view text = record.text;
  std::array<char, 24> digits{};
  auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), seq);
  out.append(text.substr(0, record.seq_at)).append(digits.data(), end);
  out.append(text.substr(record.seq_at, record.ts_at - record.seq_at));
  out.append("\"").append(time).append("\"").append(text.substr(record.ts_at));
}

namespace {

std::string_view after_key(std::string_view line, std::string_view name) {
  std::array<char, 40> key{};
  if (name.size() + 3 > key.size()) return {};
  key[0] = '"';
  std::ranges::copy(name, key.begin() + 1);
  key[name.size() + 1] = '"';
  key[name.size() + 2] = ':';
  std::size_t at = line.find(std::string_view(key.data(), name.size() + 3));
  return at == std::string_view::npos ? std::string_view() : line.substr(at + name.size() + 3);
}

}  // namespace

std::string_view raw_string(std::string_view line, std::string_view name) {
  std::string_view rest = after_key(line, name);
  if (!rest.starts_with('"')) return {};
  rest.remove_prefix(1);
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '\\') {
      ++i;
    } else if (rest[i] == '"') {
      return rest.substr(0, i);
    }
  }
  return {};
}

std::int64_t raw_integer(std::string_view line, std::string_view name) {
  std::string_view rest = after_key(line, name);
  std::int64_t value = -1;
  std::from_chars(rest.data(), rest.data() + rest.size(), value);
  return value;
}

bool opens_operation(Phase phase, Decision decision) {
  return phase == Phase::intent && decision != Decision::hold && decision != Decision::deny;
}

bool opens_operation(std::string_view line) {
  if (raw_string(line, "phase") != "intent") return false;
  std::string_view decision = raw_string(line, "decision");
  return decision != "hold" && decision != "deny";
}

}  // namespace countersign::audit
