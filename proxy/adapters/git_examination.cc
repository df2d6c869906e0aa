#include "proxy/adapters/git_examination.h"

#include <utility>

#include "proxy/adapters/git/objects/repository.h"

namespace countersign::adapters {
namespace {

using git::Missing;
using git::Needs;

constexpr int kRounds = 4;  // of asking the upstream, a stage
constexpr std::uint64_t kMostFetched = 4ULL << 30;

// The stages of one push. Blocking, but for settle() and give_up(); one thread at a time.
class Examination {
 public:
  Examination(GitWorkshop& workshop, const PushQuestion& question) : workshop_(workshop), question_(question) {}

  ~Examination() {
    std::error_code ignored;
    if (!copied_pack_.empty()) std::filesystem::remove(copied_pack_, ignored);
  }
  Examination(const Examination&) = delete;
  Examination& operator=(const Examination&) = delete;

  // Goes on until something is wanted from upstream; nullopt: everything is known.
  Result<std::optional<Needs>> advance() {
    while (stage_ != Stage::over) {
      Result<std::optional<Needs>> wanted = step();
      if (!wanted || *wanted) return wanted;
      stage_ = static_cast<Stage>(static_cast<int>(stage_) + 1);
      rounds_ = 0;
    }
    return std::nullopt;
  }

  void settle(std::vector<git::Answer> answers) {
    std::ranges::move(answers, std::back_inserter(question_of_facts_.answers));
    ++rounds_;
  }
  void give_up(std::string why) {
    findings_.unsettled = std::move(why);
    given_up_ = true;
  }
  void set_refs(const GitRefs& refs) {
    question_of_facts_.tips = refs.tips();
    findings_.default_branch = refs.default_branch;
    const git::ListedRef* branch = refs.find(refs.default_branch);
    if (branch != nullptr) question_of_facts_.default_tip = branch->id;
  }

  [[nodiscard]] std::shared_ptr<git::Cache> cache() const { return findings_.quarantine->cache(); }
  PushFindings take() { return std::move(findings_); }

 private:
  enum class Stage : std::uint8_t { open, admit, facts, secrets, over };

  Result<std::optional<Needs>> step() {
    switch (stage_) {
      case Stage::open:
        return open();
      case Stage::admit: {
        auto admitted = findings_.quarantine->admit(pack_, {}, missing());
        return needs_of(std::move(admitted), [](git::PackSummary) {});
      }
      case Stage::facts: {
        question_of_facts_.commands = question_.push->commands;
        question_of_facts_.missing = missing();
        auto facts = git::facts_of(*findings_.quarantine, question_of_facts_);
        return needs_of(std::move(facts), [this](git::PushFacts known) { findings_.facts = std::move(known); });
      }
      case Stage::secrets: {
        auto secrets = git::secrets_of(*findings_.quarantine, findings_.facts, workshop_.scanner(), {}, missing());
        return needs_of(std::move(secrets), [this](git::SecretReport known) { findings_.secrets = std::move(known); });
      }
      case Stage::over:
        break;
    }
    return std::nullopt;
  }

  template <class T, class Keep>
  static Result<std::optional<Needs>> needs_of(Result<git::OrNeeds<T>> answer, Keep keep) {
    if (!answer) return fail(answer.error());
    if (Needs* needs = std::get_if<Needs>(&*answer)) return std::move(*needs);
    keep(std::get<T>(std::move(*answer)));
    return std::nullopt;
  }

  [[nodiscard]] Missing missing() const { return given_up_ || rounds_ >= kRounds ? Missing::accept : Missing::report; }

  Result<std::optional<Needs>> open() {
    auto cache = workshop_.store().repository(question_.repository, question_.push->capabilities.format);
    if (!cache) return fail(cache.error());
    const std::filesystem::path folder = workshop_.new_folder();
    auto quarantine = git::Quarantine::open(folder, std::move(*cache));
    if (!quarantine) return fail(quarantine.error());
    findings_.quarantine = std::make_shared<git::Quarantine>(std::move(*quarantine));
    if (!question_.push->has_pack()) {
      stage_ = Stage::admit;  // nothing to admit
      return std::nullopt;
    }
    if (auto file = question_.body->file()) {
      pack_ = {file->string(), question_.push->pack_at};
      return std::nullopt;
    }
    copied_pack_ = folder.string() + ".pack";
    std::string bytes;
    question_.body->rewind();
    while (true) {
      auto piece = question_.body->next();
      if (!piece) return fail(piece.error());
      if (piece->empty()) break;
      bytes += as_text(*piece);
    }
    if (Status written = git::write_file(copied_pack_, bytes); !written) return fail(written.error());
    pack_ = {copied_pack_.string(), question_.push->pack_at};
    return std::nullopt;
  }

  GitWorkshop& workshop_;
  const PushQuestion& question_;
  Stage stage_ = Stage::open;
  int rounds_ = 0;
  bool given_up_ = false;
  git::FileInput pack_;
  std::filesystem::path copied_pack_;  // empty: the body lies in a file of its own
  git::FactsQuestion question_of_facts_;
  PushFindings findings_;
};

}  // namespace

Task<Result<std::vector<git::Answer>>> fetch_needs(Doors* doors, GitWorkshop* workshop, GitUpstream* upstream,
                                                   std::shared_ptr<git::Cache> cache, const Needs* needs) {
  std::vector<git::Answer> answers;
  for (const git::Fetch& fetch : needs->fetches) {
    const std::filesystem::path file = workshop->new_folder();
    git::Fetch wanted = fetch;
    std::filesystem::path into = file;
    const git::ObjectFormat format = cache->format();
    auto pack = co_await upstream->fetch(std::move(wanted), format, std::move(into), kMostFetched);
    Result<std::shared_ptr<const git::PackIndex>> added = std::shared_ptr<const git::PackIndex>();
    if (pack && pack->objects > 0) {
      auto add = [cache, file] { return cache->add_pack({file.string(), 0}); };
      added = co_await blocking<std::shared_ptr<const git::PackIndex>>(doors, std::move(add));
    }
    std::error_code ignored;
    std::filesystem::remove(file, ignored);
    if (!pack) co_return fail(pack.error());
    if (!added) co_return fail(added.error());
    answers.push_back({fetch, std::move(*added)});
  }
  co_return answers;
}

Task<Result<PushFindings>> examine_push(Doors* doors, const PushQuestion* question) {
  Examination examination(*question->workshop, *question);
  auto refs = co_await question->upstream->recent_refs();
  if (refs) {
    examination.set_refs(**refs);
  } else {
    examination.give_up(refs.error().message);
  }
  while (true) {
    auto advance = [&examination] { return examination.advance(); };
    auto wanted = co_await blocking<std::optional<Needs>>(doors, std::move(advance));
    if (!wanted) co_return fail(wanted.error());
    if (!*wanted) co_return examination.take();
    std::shared_ptr<git::Cache> cache = examination.cache();
    const Needs* needs = &**wanted;
    auto answers = co_await fetch_needs(doors, question->workshop, question->upstream, std::move(cache), needs);
    if (answers) {
      examination.settle(std::move(*answers));
    } else {
      examination.give_up(answers.error().message);
    }
  }
}

}  // namespace countersign::adapters
