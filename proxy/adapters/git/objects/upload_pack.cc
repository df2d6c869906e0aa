#include "proxy/adapters/git/objects/upload_pack.h"

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

#include "proxy/adapters/git/objects/change_reader.h"
#include "proxy/adapters/git/objects/history.h"
#include "proxy/adapters/git/objects/repository.h"
#include "proxy/adapters/git/pkt_line.h"

namespace countersign::adapters::git {
namespace {

namespace fs = std::filesystem;

// The client's word decides how git answers, so only words we know reach it.
std::vector<std::pair<std::string, std::string>> environment_for(std::string_view git_protocol) {
  if (git_protocol == "version=2" || git_protocol == "version=1") return {{"GIT_PROTOCOL", std::string(git_protocol)}};
  return {};
}

GitCommand upload_pack(const fs::path& folder, std::string_view git_protocol, std::vector<std::string> options) {
  GitCommand command;
  command.arguments = {"-c",
                       "uploadpack.allowFilter=true",
                       "-c",
                       "uploadpack.hideRefs=!refs/",
                       "upload-pack",
                       "--strict",
                       "--stateless-rpc"};
  command.arguments.insert(command.arguments.end(), options.begin(), options.end());
  command.arguments.push_back(folder.string());
  command.environment = environment_for(git_protocol);
  return command;
}

// Whether git gave up because history is not here, rather than because of the request.
bool lacks_objects(std::string_view complaint) {
  // The last is said of pack-objects, whose own words go to the client.
  for (std::string_view words :
       {"unable to read", "could not read", "Could not read", "missing", "bad tree object", "bad object",
        "unable to parse", "failed to read", "Failed to traverse", "cannot parse", "unable to load",
        "revision walk setup failed", "unable to find", "died with error"}) {
    if (complaint.contains(words)) return true;
  }
  return false;
}

std::unexpected<Error> bad_ref() {
  return fail(ErrorKind::invalid, "git.bad_ref", "a held ref needs a name and an object, each name once");
}

}  // namespace

Result<ReviewView> ReviewView::open(fs::path folder, std::shared_ptr<Cache> cache, std::vector<HeldRef> refs,
                                    UploadPackLimits limits) {
  std::ranges::sort(refs, {}, &HeldRef::name);
  std::vector<fs::path> alternates;
  std::set<fs::path> seen;
  // git takes the lines as sorted when they say so; peeled values are left to it.
  std::string packed = "# pack-refs with: sorted \n";
  for (std::size_t at = 0; at < refs.size(); ++at) {
    const HeldRef& ref = refs[at];
    bool sound = is_ref_name(ref.name) && is_object_id(ref.id, cache->format()) && ref.quarantine != nullptr;
    if (!sound || (at > 0 && refs[at - 1].name == ref.name)) return bad_ref();
    packed += ref.id + " " + ref.name + "\n";
    if (seen.insert(ref.quarantine->objects_dir()).second) alternates.push_back(ref.quarantine->objects_dir());
  }
  if (refs.empty()) return bad_ref();
  alternates.push_back(cache->objects_dir());
  Status made = make_repository(folder, cache->format(), alternates);
  if (!made) return fail(made.error());
  ReviewView view(fs::absolute(folder), std::move(cache), std::move(refs), limits);
  Status written = write_file(view.folder_ / "packed-refs", packed);
  if (!written) return fail(written.error());
  return view;
}

ReviewView::ReviewView(ReviewView&& other) noexcept
    : folder_(std::exchange(other.folder_, {})),
      cache_(std::move(other.cache_)),
      refs_(std::move(other.refs_)),
      limits_(other.limits_),
      edges_(std::move(other.edges_)),
      history_asked_(other.history_asked_) {}

ReviewView::~ReviewView() {
  if (folder_.empty()) return;
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

Result<std::vector<Fetch>> ReviewView::needs() {
  Result<ObjectReader> objects = ObjectReader::open(folder_, limits_.tool);
  if (!objects) return fail(objects.error());
  std::set<std::string> edges;
  NeedsBook book;
  for (const HeldRef& ref : refs_) {
    std::vector<Answer> no_answers;
    HistoryLimits limits;
    History history(*objects, cache_->format(), ref.quarantine->objects().get(), no_answers, limits);
    Result<History::Peeled> end = history.peel(ref.id);
    if (!end) return fail(end.error());
    Result<History::News> news = history.news_of(end->id, {});
    if (!news) return fail(news.error());
    for (const std::string& edge : news->edge) {
      edges.insert(edge);
      NeedsBook absent;
      Result<TreeDiff> diff = changes_between(history, *objects, cache_->format(), edge, end->id, {}, absent);
      if (!diff) return fail(diff.error());
      if (!absent.empty()) book.snapshot(edge);
    }
  }
  edges_.assign(edges.begin(), edges.end());
  if (book.empty()) return std::vector<Fetch>();
  return book.take().fetches;
}

Result<std::string> ReviewView::advertise(std::string_view git_protocol) {
  Result<GitOutcome> outcome = run_git(upload_pack(folder_, git_protocol, {"--advertise-refs"}), limits_.tool);
  if (!outcome) return fail(outcome.error());
  if (outcome->exit_code != 0) return tool_failed("git cannot list the held refs", *outcome);
  std::string out;
  if (git_protocol != "version=2") {
    write_pkt(out, "# service=git-upload-pack\n");
    write_flush(out);
  }
  return out + outcome->output;
}

Result<OrNeeds<std::monostate>> ReviewView::answer(const FileInput& body, std::string_view git_protocol,
                                                   const std::string& output_file) {
  GitCommand command = upload_pack(folder_, git_protocol, {});
  // Not advertised, but taken: a client that was told so by the upstream asks for them.
  for (const char* taken : {"uploadpack.allowRefInWant=true", "uploadpack.allowSidebandAll=true"})
    command.arguments.insert(command.arguments.begin(), {"-c", taken});
  command.input = body;
  command.output_file = output_file;
  ToolLimits tool = limits_.tool;
  tool.file_size = limits_.answer;
  Result<GitOutcome> outcome = run_git(command, tool);
  if (!outcome) return fail(outcome.error());
  if (outcome->exit_code == 0) return std::monostate();
  if (lacks_objects(outcome->errors) && !edges_.empty() && !history_asked_) {
    history_asked_ = true;
    return Needs{{Fetch{.wants = edges_, .haves = {}, .filter = Filter::none, .depth = 0}}};
  }
  Error error = tool_failed("git does not take the request", *outcome).error();
  return fail(ErrorKind::invalid, "git.refused", std::move(error.message));
}

}  // namespace countersign::adapters::git
