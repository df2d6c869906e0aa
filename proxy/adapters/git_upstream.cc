#include "proxy/adapters/git_upstream.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "proxy/adapters/git/fetch.h"
#include "proxy/adapters/git/objects/descriptor.h"
#include "proxy/adapters/git/push_writer.h"
#include "proxy/adapters/git/upstream_error.h"
#include "proxy/adapters/text_source.h"

namespace countersign::adapters {
namespace {

constexpr std::string_view kAgent = "git/2.0 (countersign)";  // hosts tell git from browsers by this
constexpr std::size_t kPackHead = 12;

RequestHead head_of(std::string_view method, std::string target, git::Service service) {
  RequestHead head{std::string(method), std::move(target), {}};
  head.headers.add("User-Agent", kAgent);
  head.headers.add("Accept-Encoding", "identity");
  if (service == git::Service::upload_pack) head.headers.add("Git-Protocol", "version=2");
  return head;
}

Error refused(int status) {
  ErrorKind kind = ErrorKind::unavailable;
  if (status == 401 || status == 403) kind = ErrorKind::forbidden;
  if (status == 404) kind = ErrorKind::not_found;
  return {kind, "git.upstream_refused", "the upstream answered with status " + std::to_string(status)};
}

template <class Reader>
Task<Status> read_into(HttpReply& reply, Reader& reader) {
  while (true) {
    Result<ByteView> piece = co_await reply.read();
    if (!piece) co_return fail(piece.error());
    if (piece->empty()) co_return Status();
    Status fed = reader.feed(as_text(*piece));
    if (!fed) co_return fed;
  }
}

Result<GitRefs> refs_of(std::vector<git::ListedRef> listed, git::ObjectFormat format,
                        const std::vector<std::string>& prefixes) {
  GitRefs out{format, {}, {}};
  for (git::ListedRef& ref : listed) {
    if (ref.name == "HEAD") {
      out.default_branch = ref.target;
      continue;
    }
    // Upstreams may pass over prefixes.
    auto begins = [&ref](const std::string& prefix) { return ref.name.starts_with(prefix); };
    if (prefixes.empty() || std::ranges::any_of(prefixes, begins)) out.refs.push_back(std::move(ref));
  }
  std::ranges::sort(out.refs, {}, &git::ListedRef::name);
  if (std::ranges::adjacent_find(out.refs, {}, &git::ListedRef::name) != out.refs.end())
    return git::bad_answer("the upstream lists a ref twice");
  return out;
}

std::string_view filter_of(git::Filter filter) {
  switch (filter) {
    case git::Filter::none:
      break;
    case git::Filter::no_blobs:
      return "blob:none";
    case git::Filter::no_trees:
      return "tree:0";
  }
  return {};
}

Status check_fetch(const git::Fetch& wanted, git::ObjectFormat format, std::size_t names) {
  auto bad = [&](const std::string& id) { return !git::is_object_id(id, format) || git::is_null_id(id); };
  if (wanted.wants.empty() || wanted.wants.size() > names || wanted.haves.size() > names - wanted.wants.size() ||
      std::ranges::any_of(wanted.wants, bad) || std::ranges::any_of(wanted.haves, bad))
    return fail(ErrorKind::invalid, "git.bad_fetch",
                "nothing to fetch, too much, or something that is no object's name");
  return {};
}

Status check_commands(const std::vector<git::RefCommand>& commands, std::size_t limit) {
  auto bad = [](std::string message) { return fail(ErrorKind::invalid, "git.bad_push", std::move(message)); };
  if (commands.empty() || commands.size() > limit) return bad("a push changes at least one ref, and not too many");
  std::set<std::string_view> names;
  for (const git::RefCommand& command : commands) {
    if (!git::is_ref_name(command.ref)) return bad("not a ref's name");
    if (!names.insert(command.ref).second) return bad("a push changes a ref once");
    if (git::is_null_id(command.old_id) && git::is_null_id(command.new_id)) return bad("a command changes nothing");
  }
  return {};
}

bool removes(const git::RefCommand& command) {
  return command.kind() == git::CommandKind::remove;
}

// What to claim in a push, so that it is done whole and its end is reported.
Result<git::PushCapabilities> claims_for(const std::vector<git::RefCommand>& commands,
                                         const git::Advertisement& upstream) {
  git::PushCapabilities out;
  out.report_status_v2 = upstream.has("report-status-v2");
  out.report_status = !out.report_status_v2 && upstream.has("report-status");
  if (!out.report_status && !out.report_status_v2)
    return fail(ErrorKind::unsupported, "git.upstream_too_old", "the upstream does not report what became of a push");
  out.side_band_64k = upstream.has("side-band-64k");
  out.quiet = upstream.has("quiet");
  out.atomic = commands.size() > 1;
  if (out.atomic && !upstream.has("atomic"))
    return fail(ErrorKind::unsupported, "git.upstream_cannot", "the upstream does not change several refs as one");
  if (std::ranges::any_of(commands, removes) && !upstream.has("delete-refs"))
    return fail(ErrorKind::unsupported, "git.upstream_cannot", "the upstream does not remove refs");
  out.format = upstream.format;
  if (upstream.has("agent")) out.agent = "countersign";
  for (const git::RefCommand& command : commands) {
    if (!git::is_object_id(command.old_id, out.format) || !git::is_object_id(command.new_id, out.format))
      return fail(ErrorKind::invalid, "git.bad_push", "not names of objects as this upstream has them");
  }
  return out;
}

// The report, a line for each command in their order.
Result<git::PushReport> complete(git::PushReport report, const std::vector<git::RefCommand>& commands) {
  if (report.refs.size() != commands.size()) return git::bad_answer("the upstream does not report on each ref");
  git::PushReport out{std::move(report.unpack), {}};
  for (const git::RefCommand& command : commands) {
    auto found = std::ranges::find(report.refs, command.ref, &git::RefReport::ref);
    if (found == report.refs.end()) return git::bad_answer("the upstream does not report on each ref");
    out.refs.push_back(std::move(*found));
  }
  return out;
}

Status unwritable(const std::filesystem::path& path) {
  return fail(ErrorKind::internal, "git.store_unwritable", "cannot write " + path.string());
}

// The file a pack goes to: removed again unless it is kept.
class PackFile {
 public:
  explicit PackFile(std::filesystem::path path)
      : path_(std::move(path)),
        file_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)) {}
  ~PackFile() {
    if (!kept_ && file_.is_open()) ::unlink(path_.c_str());
  }
  PackFile(const PackFile&) = delete;
  PackFile& operator=(const PackFile&) = delete;

  Status append(std::string_view bytes) {
    if (!file_.is_open()) return unwritable(path_);
    if (head_.size() < kPackHead) head_ += bytes.substr(0, kPackHead - head_.size());
    bytes_ += bytes.size();
    while (!bytes.empty()) {
      const ssize_t count = ::write(file_.get(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return unwritable(path_);
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
  }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

  // The whole pack is here. (gitformat-pack: "PACK", version, number of objects)
  Result<GitPack> keep() {
    using namespace std::string_view_literals;
    const bool begins = head_.starts_with("PACK\0\0\0\2"sv) || head_.starts_with("PACK\0\0\0\3"sv);
    if (head_.size() < kPackHead || !begins) return git::bad_answer("the upstream's pack is none");
    GitPack out{bytes_, 0};
    for (std::size_t i = 8; i < kPackHead; ++i) out.objects = out.objects << 8 | static_cast<std::uint8_t>(head_[i]);
    kept_ = true;
    return out;
  }

 private:
  std::filesystem::path path_;
  git::Descriptor file_;
  std::string head_;
  std::uint64_t bytes_ = 0;
  bool kept_ = false;
};

}  // namespace

Task<Result<std::unique_ptr<HttpReply>>> GitUpstream::answer(RequestHead head, std::string body, std::string type) {
  TextSource source(std::move(body));
  BodySource* sent = source.size() == 0 ? nullptr : &source;
  Result<std::unique_ptr<HttpReply>> reply = co_await door_.send(std::move(head), sent);
  if (!reply) co_return reply;
  const ResponseHead& answered = (*reply)->head();
  if (answered.status != 200) co_return fail(refused(answered.status));
  const std::string_view coding = answered.headers.get("Content-Encoding").value_or("identity");
  if (!equal_ignoring_case(answered.headers.get("Content-Type").value_or(""), type) ||
      !equal_ignoring_case(coding, "identity"))
    co_return git::bad_answer("the upstream's answer is not of git's media type");
  co_return reply;
}

Task<Result<std::unique_ptr<HttpReply>>> GitUpstream::post(git::Service service, std::string body) {
  const std::string name(git::name_of(service));
  RequestHead head = head_of("POST", place_.path + "/" + name, service);
  head.headers.add("Content-Type", "application/x-" + name + "-request");
  head.headers.add("Accept", "application/x-" + name + "-result");
  std::string type = "application/x-" + name + "-result";
  co_return co_await answer(std::move(head), std::move(body), std::move(type));
}

Task<Result<git::Advertisement>> GitUpstream::advertisement(git::Service service) {
  const std::string name(git::name_of(service));
  RequestHead head = head_of("GET", place_.path + "/info/refs?service=" + name, service);
  head.headers.add("Cache-Control", "no-cache");
  std::string type = "application/x-" + name + "-advertisement";
  std::string no_body;
  Result<std::unique_ptr<HttpReply>> reply = co_await answer(std::move(head), std::move(no_body), std::move(type));
  if (!reply) co_return fail(reply.error());
  HttpReply& answered = **reply;
  git::AdvertisementReader reader(service, limits_.refs);
  Status read = co_await read_into(answered, reader);
  if (!read) co_return fail(read.error());
  co_return reader.finish();
}

Task<Result<GitUpstream::Capabilities>> GitUpstream::capabilities(git::Service service) {
  Capabilities remembered = memory_.capabilities(place_, service);
  if (remembered) co_return remembered;
  Result<git::Advertisement> asked = co_await advertisement(service);
  if (!asked) co_return fail(asked.error());
  if (service == git::Service::receive_pack) {
    memory_.saw_push_advertisement(place_, *asked);
  } else {
    memory_.saw_capabilities(place_, service, *asked);
  }
  co_return std::make_shared<const git::Advertisement>(std::move(*asked));
}

Task<Result<std::vector<git::ListedRef>>> GitUpstream::list(std::vector<std::string> prefixes,
                                                            Capabilities capabilities) {
  if (!prefixes.empty()) prefixes.emplace_back("HEAD");
  std::string body = git::write_ls_refs(prefixes, *capabilities);
  Result<std::unique_ptr<HttpReply>> reply = co_await post(git::Service::upload_pack, std::move(body));
  if (!reply) co_return fail(reply.error());
  HttpReply& answered = **reply;
  git::RefsReader reader(capabilities->format, limits_.refs);
  Status read = co_await read_into(answered, reader);
  if (!read) co_return fail(read.error());
  co_return reader.finish();
}

Task<Result<GitRefs>> GitUpstream::refs(std::vector<std::string> prefixes) {
  if (!std::ranges::all_of(prefixes, git::is_ref_prefix))
    co_return fail(ErrorKind::invalid, "git.bad_ref", "not the beginning of a ref's name");
  Capabilities known = memory_.capabilities(place_, git::Service::upload_pack);
  std::vector<git::ListedRef> listed;
  if (!known || known->version < 2) {
    // Versions 0 and 1 advertise their refs with each answer.
    Result<git::Advertisement> asked = co_await advertisement(git::Service::upload_pack);
    if (!asked) co_return fail(asked.error());
    listed = std::exchange(asked->refs, {});
    known = std::make_shared<const git::Advertisement>(std::move(*asked));
    memory_.saw_capabilities(place_, git::Service::upload_pack, *known);
  }
  if (known->version == 2) {
    if (!known->has("ls-refs")) co_return git::bad_answer("the upstream does not list its refs");
    std::vector<std::string> below = prefixes;
    Result<std::vector<git::ListedRef>> answered = co_await list(std::move(below), known);
    if (!answered) {
      memory_.forget(place_);
      co_return fail(answered.error());
    }
    listed = std::move(*answered);
  }
  Result<GitRefs> out = refs_of(std::move(listed), known->format, prefixes);
  if (out) memory_.saw_default_branch(place_, out->default_branch);
  co_return out;
}

Task<Result<std::shared_ptr<const GitRefs>>> GitUpstream::recent_refs() {
  std::shared_ptr<const GitRefs> remembered = memory_.refs(place_);
  if (remembered && memory_.default_branch(place_)) co_return remembered;
  if (remembered) {
    // Seen before a push, where the protocol does not say what HEAD stands for.
    std::vector<std::string> head = {"HEAD"};
    Result<GitRefs> asked = co_await refs(std::move(head));
    if (!asked) co_return fail(asked.error());
    GitRefs completed = *remembered;
    completed.default_branch = std::move(asked->default_branch);
    co_return std::make_shared<const GitRefs>(std::move(completed));
  }
  std::vector<std::string> prefixes = {"refs/heads/", "refs/tags/"};
  Result<GitRefs> asked = co_await refs(std::move(prefixes));
  if (!asked) co_return fail(asked.error());
  memory_.saw_refs(place_, *asked);
  co_return std::make_shared<const GitRefs>(std::move(*asked));
}

Task<Result<GitPack>> GitUpstream::fetch(git::Fetch wanted, git::ObjectFormat format, std::filesystem::path into,
                                         std::uint64_t limit) {
  Status sound = check_fetch(wanted, format, limits_.names);
  if (!sound) co_return fail(sound.error());
  Result<Capabilities> upstream = co_await capabilities(git::Service::upload_pack);
  if (!upstream) co_return fail(upstream.error());
  if ((*upstream)->version < 2 || !(*upstream)->has("fetch"))
    co_return fail(ErrorKind::unsupported, "git.upstream_too_old",
                   "the upstream does not speak version 2 of git's protocol");
  if ((*upstream)->format != format)
    co_return fail(ErrorKind::invalid, "git.bad_fetch", "the upstream names objects in another way");

  const git::FetchCommand command{std::move(wanted.wants), std::move(wanted.haves), filter_of(wanted.filter),
                                  wanted.depth};
  std::string body = git::write_fetch(command, **upstream);
  Result<std::unique_ptr<HttpReply>> reply = co_await post(git::Service::upload_pack, std::move(body));
  if (!reply) {
    memory_.forget(place_);
    co_return fail(reply.error());
  }
  HttpReply& answered = **reply;
  Result<GitPack> pack = co_await receive(answered, std::move(into), limit);
  if (!pack && pack.error().code != "git.upstream_lacks_object") memory_.forget(place_);
  co_return pack;
}

Task<Result<GitPack>> GitUpstream::receive(HttpReply& reply, std::filesystem::path into, std::uint64_t limit) {
  PackFile file(std::move(into));
  git::FetchReader reader;
  std::string pack;
  while (true) {
    Result<ByteView> piece = co_await reply.read();
    if (!piece) co_return fail(piece.error());
    if (piece->empty()) break;
    pack.clear();
    Status fed = reader.feed(as_text(*piece), pack);
    if (!fed) co_return fail(fed.error());
    if (pack.size() > limit - file.bytes()) co_return git::too_large("the upstream's pack is over the limit");
    Status written = file.append(pack);
    if (!written) co_return fail(written.error());
  }
  Status finished = reader.finish();
  if (!finished) co_return fail(finished.error());
  co_return file.keep();
}

Task<Result<std::string>> GitUpstream::read_answer(HttpReply& reply) {
  std::string out;
  while (true) {
    Result<ByteView> piece = co_await reply.read();
    if (!piece) co_return fail(piece.error());
    if (piece->empty()) co_return out;
    if (piece->size() > limits_.report - out.size())
      co_return git::too_large("the upstream's answer to the push is over the limit");
    out += as_text(*piece);
  }
}

Task<Result<git::PushReport>> GitUpstream::push(std::vector<git::RefCommand> commands, std::string pack) {
  Status sound = check_commands(commands, limits_.commands);
  if (!sound) co_return fail(sound.error());
  const bool only_removes = std::ranges::all_of(commands, removes);
  if (only_removes && !pack.empty())
    co_return fail(ErrorKind::invalid, "git.bad_push", "a push that only removes refs has no pack");
  Result<Capabilities> upstream = co_await capabilities(git::Service::receive_pack);
  if (!upstream) co_return fail(upstream.error());
  Result<git::PushCapabilities> claims = claims_for(commands, **upstream);
  if (!claims) co_return fail(claims.error());
  if (!only_removes && pack.empty()) pack = git::empty_pack(claims->format);

  std::string body = git::write_push(commands, *claims, pack);
  Result<std::unique_ptr<HttpReply>> reply = co_await post(git::Service::receive_pack, std::move(body));
  if (!reply) {
    memory_.forget(place_);
    co_return fail(reply.error());
  }
  HttpReply& answered = **reply;
  Result<std::string> text = co_await read_answer(answered);
  memory_.forget_refs(place_);
  if (!text) co_return fail(text.error());
  Result<git::ReadReport> read = git::read_report(*text, *claims);
  if (!read) co_return git::bad_answer(read.error().message);
  co_return complete(std::move(read->report), commands);
}

}  // namespace countersign::adapters
