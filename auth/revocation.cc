#include "auth/revocation.h"

#include <algorithm>
#include <cstring>

namespace countersign::auth {
namespace {

constexpr std::string_view kCode = "token.revocation_unavailable";

struct Line {
  TokenId id{};
  Revocation revocation;
};

std::optional<Line> parse_line(std::string_view text) {
  Line line;
  std::array<std::string_view, 3> fields;
  for (std::string_view& field : fields) {
    std::size_t tab = text.find('\t');
    if (tab == std::string_view::npos) return std::nullopt;
    field = text.substr(0, tab);
    text.remove_prefix(tab + 1);
  }
  Result<TokenId> id = token_id_from_hex(fields[0]);
  Result<TimeMs> at = parse_time(fields[1]);
  if (!id || !at) return std::nullopt;
  return Line{*id, {*at, std::string(fields[2]), std::string(text)}};
}

// Cut to `limit` bytes without splitting a character; tabs and line breaks must not make fields or lines.
std::string one_field(std::string_view text, std::size_t limit) {
  if (text.size() > limit) {
    while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80) --limit;
    text = text.substr(0, limit);
  }
  std::string out(text);
  std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return out;
}

}  // namespace

std::size_t Revocations::IdHash::operator()(const TokenId& id) const {
  std::size_t hash = 0;
  std::memcpy(&hash, id.data(), sizeof hash);
  return hash;
}

std::unique_ptr<Revocations> Revocations::open(const std::filesystem::path& path) {
  std::unique_ptr<Revocations> revocations(new Revocations());
  Result<DurableLines> file =
      DurableLines::open(path, kCode, [](std::string_view line) { return parse_line(line).has_value(); });
  if (!file) {
    revocations->problem_ = file.error().message;
    return revocations;
  }
  std::size_t number = 0;
  for (const std::string& text : file->take_lines()) {
    ++number;
    if (std::optional<Line> line = parse_line(text)) {
      revocations->revoked_.try_emplace(line->id, std::move(line->revocation));
    } else if (revocations->problem_.empty()) {
      revocations->problem_ = path.string() + ":" + std::to_string(number) + ": not a revocation";
    }
  }
  revocations->file_ = std::move(*file);
  return revocations;
}

Status Revocations::revoke(const TokenId& id, std::string_view actor, std::string_view reason, TimeMs now) {
  Revocation revocation{now, one_field(actor, kMaxActorBytes), one_field(reason, kMaxReasonBytes)};
  std::string line = to_hex(id) + "\t" + format_time(now) + "\t" + revocation.actor + "\t" + revocation.reason;
  // One writer at a time through both steps, so that whoever finds the id already revoked also finds it written.
  std::lock_guard writing(writing_);
  {
    std::unique_lock guard(lock_);
    if (!revoked_.try_emplace(id, std::move(revocation)).second && problem_.empty() && file_ && file_->healthy()) {
      return {};
    }
  }
  if (!file_) return fail(ErrorKind::unavailable, kCode, "revoked here, but not on disk: " + problem_);
  return file_->append(line);
}

bool Revocations::is_revoked(std::span<const TokenId> chain) const {
  std::shared_lock guard(lock_);
  if (revoked_.empty()) return false;
  return std::ranges::any_of(chain, [&](const TokenId& id) { return revoked_.contains(id); });
}

std::optional<Revocation> Revocations::find(const TokenId& id) const {
  std::shared_lock guard(lock_);
  auto found = revoked_.find(id);
  if (found == revoked_.end()) return std::nullopt;
  return found->second;
}

bool Revocations::healthy() const {
  return problem_.empty() && file_ && file_->healthy();
}

}  // namespace countersign::auth
