#include "proxy/adapters/git_memory.h"

#include <algorithm>
#include <unordered_set>

namespace countersign::adapters {
namespace {

std::size_t bytes_of(const std::string& text) {
  // Short texts lie in the string itself.
  return sizeof(std::string) + (text.capacity() > 15 ? text.capacity() + 1 : 0);
}

std::size_t bytes_of(const GitRefs& refs) {
  std::size_t out = sizeof(GitRefs) + bytes_of(refs.default_branch);
  for (const git::ListedRef& ref : refs.refs)
    out += bytes_of(ref.name) + bytes_of(ref.id) + bytes_of(ref.peeled) + bytes_of(ref.target);
  return out;
}

std::size_t bytes_of(const git::Advertisement& advertisement) {
  std::size_t out = sizeof(git::Advertisement);
  for (const std::string& each : advertisement.capabilities) out += bytes_of(each);
  return out;
}

bool is_branch_or_tag(const git::ListedRef& ref) {
  return ref.name.starts_with("refs/heads/") || ref.name.starts_with("refs/tags/");
}

// `map` holds nodes; the list, another copy of the place.
constexpr std::size_t kEntryBytes = 512;

}  // namespace

const git::ListedRef* GitRefs::find(std::string_view name) const {
  auto found = std::ranges::lower_bound(refs, name, {}, &git::ListedRef::name);
  return found == refs.end() || found->name != name ? nullptr : &*found;
}

std::vector<std::string> GitRefs::tips() const {
  std::vector<std::string> out;
  std::unordered_set<std::string_view> seen;
  auto add = [&](const git::ListedRef& ref) {
    const std::string& id = ref.peeled.empty() ? ref.id : ref.peeled;
    if (seen.insert(id).second) out.push_back(id);
  };
  if (const git::ListedRef* first = find(default_branch)) add(*first);
  for (const git::ListedRef& ref : refs) add(ref);
  return out;
}

std::shared_ptr<const git::Advertisement> GitMemory::capabilities(const Place& place, git::Service service) {
  const TimeMs now = clock_.now();
  std::scoped_lock lock(mutex_);
  const Entry* entry = find(place);
  if (!entry) return nullptr;
  const auto& seen = service == git::Service::upload_pack ? entry->fetch : entry->push;
  return is_fresh(seen.at, limits_.capabilities_age, now) ? seen.what : nullptr;
}

std::shared_ptr<const GitRefs> GitMemory::refs(const Place& place) {
  const TimeMs now = clock_.now();
  std::scoped_lock lock(mutex_);
  const Entry* entry = find(place);
  return entry && is_fresh(entry->refs.at, limits_.refs_age, now) ? entry->refs.what : nullptr;
}

std::optional<std::string> GitMemory::default_branch(const Place& place) {
  const TimeMs now = clock_.now();
  std::scoped_lock lock(mutex_);
  const Entry* entry = find(place);
  if (!entry || !is_fresh(entry->default_branch.at, limits_.capabilities_age, now)) return std::nullopt;
  return entry->default_branch.what;
}

void GitMemory::saw_capabilities(const Place& place, git::Service service, const git::Advertisement& advertisement) {
  const TimeMs now = clock_.now();
  std::scoped_lock lock(mutex_);
  Entry& entry = make(place);
  keep_capabilities(entry, service, advertisement, now);
  settle(place, entry);
}

void GitMemory::saw_refs(const Place& place, GitRefs refs) {
  const TimeMs now = clock_.now();
  std::scoped_lock lock(mutex_);
  Entry& entry = make(place);
  keep_refs(entry, std::move(refs), now);
  settle(place, entry);
}

void GitMemory::saw_default_branch(const Place& place, const std::string& name) {
  const TimeMs now = clock_.now();
  std::scoped_lock lock(mutex_);
  Entry& entry = make(place);
  entry.default_branch = {now, name};
  if (entry.refs.what && entry.refs.what->default_branch != name) {
    GitRefs refs = *entry.refs.what;
    refs.default_branch = name;
    entry.refs.what = std::make_shared<const GitRefs>(std::move(refs));
  }
  settle(place, entry);
}

void GitMemory::saw_push_advertisement(const Place& place, git::Advertisement advertisement) {
  const TimeMs now = clock_.now();
  GitRefs refs{advertisement.format, std::move(advertisement.refs), {}};
  advertisement.refs.clear();
  std::scoped_lock lock(mutex_);
  Entry& entry = make(place);
  keep_refs(entry, std::move(refs), now);
  keep_capabilities(entry, git::Service::receive_pack, std::move(advertisement), now);
  settle(place, entry);
}

void GitMemory::forget_refs(const Place& place) {
  std::scoped_lock lock(mutex_);
  Entry* entry = find(place);
  if (!entry) return;
  entry->refs = {};
  settle(place, *entry);
}

void GitMemory::forget(const Place& place) {
  std::scoped_lock lock(mutex_);
  auto found = entries_.find(place);
  if (found != entries_.end()) drop(found);
}

std::size_t GitMemory::entries() const {
  std::scoped_lock lock(mutex_);
  return entries_.size();
}

std::size_t GitMemory::bytes() const {
  std::scoped_lock lock(mutex_);
  return bytes_;
}

GitMemory::Entry* GitMemory::find(const Place& place) {
  auto found = entries_.find(place);
  if (found == entries_.end()) return nullptr;
  uses_.splice(uses_.begin(), uses_, found->second.used);
  return &found->second;
}

GitMemory::Entry& GitMemory::make(const Place& place) {
  if (Entry* entry = find(place)) return *entry;
  uses_.push_front(place);
  Entry& entry = entries_[place];
  entry.used = uses_.begin();
  return entry;
}

void GitMemory::keep_refs(Entry& entry, GitRefs refs, TimeMs now) {
  std::erase_if(refs.refs, [](const git::ListedRef& ref) { return !is_branch_or_tag(ref); });
  std::ranges::sort(refs.refs, {}, &git::ListedRef::name);
  if (!refs.default_branch.empty()) {
    entry.default_branch = {now, refs.default_branch};
  } else if (is_fresh(entry.default_branch.at, limits_.capabilities_age, now)) {
    refs.default_branch = entry.default_branch.what.value_or("");
  }
  entry.refs = {};
  if (bytes_of(refs) > limits_.refs_bytes) return;
  refs.refs.shrink_to_fit();
  entry.refs = {now, std::make_shared<const GitRefs>(std::move(refs))};
}

void GitMemory::keep_capabilities(Entry& entry, git::Service service, git::Advertisement advertisement, TimeMs now) {
  advertisement.refs = {};
  auto& seen = service == git::Service::upload_pack ? entry.fetch : entry.push;
  seen = {now, std::make_shared<const git::Advertisement>(std::move(advertisement))};
}

// Counts an entry anew, and makes room: the entry itself goes last.
void GitMemory::settle(const Place& place, Entry& entry) {
  std::size_t bytes = kEntryBytes + 2 * (place.upstream.size() + place.path.size());
  if (entry.fetch.what) bytes += bytes_of(*entry.fetch.what);
  if (entry.push.what) bytes += bytes_of(*entry.push.what);
  if (entry.refs.what) bytes += bytes_of(*entry.refs.what);
  bytes_ = bytes_ - entry.bytes + bytes;
  entry.bytes = bytes;
  while (!uses_.empty() && (entries_.size() > limits_.entries || bytes_ > limits_.bytes))
    drop(entries_.find(uses_.back()));
}

void GitMemory::drop(Entries::iterator entry) {
  bytes_ -= entry->second.bytes;
  uses_.erase(entry->second.used);
  entries_.erase(entry);
}

bool GitMemory::is_fresh(TimeMs at, TimeMs age, TimeMs now) {
  return at <= now && now - at <= age;
}

WatchedAdvertisement::WatchedAdvertisement(HttpReply& reply, GitMemory& memory, GitMemory::Place place)
    : reply_(reply), memory_(memory), place_(std::move(place)) {
  const bool readable = reply.head().status == 200 && !reply.head().headers.get("Content-Encoding");
  // On the wire a ref takes about half of what it takes in memory.
  if (readable) reader_.emplace(git::Service::receive_pack, git::RefLimits{.bytes = memory.refs_bytes() / 2});
}

Task<Result<ByteView>> WatchedAdvertisement::read() {
  Result<ByteView> piece = co_await reply_.read();
  if (!reader_) co_return piece;
  if (!piece) {
    reader_.reset();
  } else if (piece->empty()) {
    Result<git::Advertisement> whole = reader_->finish();
    if (whole) memory_.saw_push_advertisement(place_, std::move(*whole));
    reader_.reset();
  } else {
    Status fed = reader_->feed(as_text(*piece));
    if (!fed) reader_.reset();
  }
  co_return piece;
}

}  // namespace countersign::adapters
