#include "proxy/adapters/terraform_locks.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/json_reader.h"
#include "core/json_writer.h"

namespace countersign::adapters {
namespace {

constexpr std::string_view kCode = "terraform.locks_unreadable";
constexpr std::size_t kRewrittenFrom = 1'000;  // lines that say nothing any more

struct Line {
  std::string state;
  KnownLock lock;
};

std::string line_of(std::string_view state, const KnownLock& lock) {
  std::string out;
  JsonWriter(out)
      .begin_object()
      .member("id", lock.id)
      .member("lineage", lock.lineage)
      .member("operation", lock.operation)
      .member("state", state)
      .end_object();
  return out;
}

std::optional<Line> read_line(std::string_view text) {
  Result<JsonDocument> document = JsonDocument::parse(text);
  if (!document) return std::nullopt;
  const JsonValue root = document->root();
  auto member = [&](std::string_view name) { return root.member(name).string(); };
  if (!member("id") || !member("lineage") || !member("operation") || !member("state")) return std::nullopt;
  return Line{std::string(*member("state")),
              {std::string(*member("id")), std::string(*member("lineage")), std::string(*member("operation"))}};
}

}  // namespace

Result<std::unique_ptr<TerraformLocks>> TerraformLocks::open(const std::filesystem::path& file) {
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  auto whole = [](std::string_view line) { return read_line(line).has_value(); };
  Result<auth::DurableLines> lines = auth::DurableLines::open(file, kCode, whole);
  if (!lines) return fail(lines.error());
  auto out = std::make_unique<TerraformLocks>();
  const std::vector<std::string> kept = lines->take_lines();
  for (const std::string& text : kept) {
    std::optional<Line> line = read_line(text);
    if (!line) return fail(ErrorKind::internal, kCode, "a line of " + file.string() + " cannot be read");
    if (line->lock.id.empty()) {
      out->drop(line->state);
    } else {
      out->put(line->state, std::move(line->lock));
    }
  }
  if (kept.size() >= out->locks_.size() + kRewrittenFrom) {
    const std::filesystem::path draft = file.string() + ".new";
    std::filesystem::remove(draft, error);
    Result<auth::DurableLines> fresh = auth::DurableLines::open(draft, kCode, whole);
    if (!fresh) return fail(fresh.error());
    for (const std::string& state : out->ages_) {
      if (Status written = fresh->append(line_of(state, out->locks_.find(state)->second.lock)); !written)
        return fail(written.error());
    }
    std::filesystem::rename(draft, file, error);
    if (error || !auth::sync_folder(file.parent_path()))
      return fail(ErrorKind::internal, kCode, file.string() + " cannot be replaced");
    lines = auth::DurableLines::open(file, kCode, whole);
    if (!lines) return fail(lines.error());
  }
  out->file_ = std::move(*lines);
  return out;
}

std::optional<KnownLock> TerraformLocks::find(std::string_view state) const {
  const std::scoped_lock lock(mutex_);
  auto found = locks_.find(state);
  return found == locks_.end() ? std::nullopt : std::optional(found->second.lock);
}

bool TerraformLocks::is_own(std::string_view state, std::string_view id, std::string_view lineage) const {
  const std::optional<KnownLock> known = find(state);
  return known && !id.empty() && known->id == id && !lineage.empty() && known->lineage == lineage;
}

void TerraformLocks::put(std::string_view state, KnownLock lock) {
  drop(state);
  if (locks_.size() >= kMostLocks) drop(std::string(ages_.front()));
  ages_.emplace_back(state);
  locks_.emplace(state, Entry{std::move(lock), std::prev(ages_.end())});
}

void TerraformLocks::drop(std::string_view state) {
  auto found = locks_.find(state);
  if (found == locks_.end()) return;
  ages_.erase(found->second.age);
  locks_.erase(found);
}

Status TerraformLocks::write(std::string_view state, const KnownLock& lock) {
  return file_ ? file_->append(line_of(state, lock)) : Status();
}

Status TerraformLocks::taken(std::string_view state, KnownLock lock) {
  const std::scoped_lock one_after_another(writing_);
  if (find(state) == lock) return {};
  {
    const std::scoped_lock known(mutex_);
    put(state, lock);
  }
  return write(state, lock);
}

Status TerraformLocks::released(std::string_view state) {
  const std::scoped_lock one_after_another(writing_);
  if (!find(state)) return {};
  {
    const std::scoped_lock known(mutex_);
    drop(state);
  }
  return write(state, {});
}

LockAskers::Asking::~Asking() {
  const std::scoped_lock lock(askers_.mutex_);
  askers_.asked_.erase(key_);
}

std::unique_ptr<LockAskers::Asking> LockAskers::ask(const std::string& key, Asked asked) {
  auto asking = [&] {
    const std::scoped_lock lock(mutex_);
    return asked_.emplace(key, std::move(asked)).second;
  }();
  return asking ? std::make_unique<Asking>(*this, key) : nullptr;
}

std::optional<LockAskers::Asked> LockAskers::find(const std::string& key) const {
  const std::scoped_lock lock(mutex_);
  auto found = asked_.find(key);
  const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(kAskMargin);
  return found == asked_.end() || found->second.until < soon ? std::nullopt : std::optional(found->second);
}

}  // namespace countersign::adapters
