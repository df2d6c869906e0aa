// Real repositories for tests: stock git in a folder that goes away with the test.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/adapters/git/object_id.h"
#include "proxy/adapters/git/objects/needs.h"
#include "proxy/adapters/git/objects/process.h"
#include "proxy/adapters/git/objects/quarantine.h"
#include "proxy/adapters/git/objects/store.h"

namespace countersign::adapters::git {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "git-objects-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A repository as a developer has it, with a fixed identity and time.
class Repository {
 public:
  explicit Repository(std::filesystem::path folder, ObjectFormat format = ObjectFormat::sha1)
      : folder_(std::move(folder)), format_(format) {
    std::filesystem::create_directories(folder_);
    git("init -q -b main --object-format=" + std::string(name_of(format)) + " .");
  }

  // Runs git in the folder; its output without the last line feed. `arguments` go through a shell.
  std::string git(const std::string& arguments) const {
    std::string command = "cd '" + folder_.string() +
                          "' && env GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 "
                          "GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.com GIT_COMMITTER_NAME=Bob "
                          "GIT_COMMITTER_EMAIL=bob@example.com GIT_AUTHOR_DATE='1700000000 +0100' "
                          "GIT_COMMITTER_DATE='1700000001 +0000' git -c commit.gpgsign=false " +
                          arguments;
    std::FILE* pipe = ::popen(command.c_str(), "r");
    std::string out;
    std::array<char, 4096> buffer{};
    while (std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe)) out.append(buffer.data(), count);
    EXPECT_EQ(::pclose(pipe), 0) << command;
    if (out.ends_with('\n')) out.pop_back();
    return out;
  }

  void write(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  // Commits all there is; the commit's name.
  std::string commit(const std::string& message) const {
    write("../message-of-" + folder_.filename().string(), message);
    git("add -A");
    git("commit -q --allow-empty --cleanup=verbatim -F '../message-of-" + folder_.filename().string() + "'");
    return head();
  }

  [[nodiscard]] std::string head() const { return git("rev-parse HEAD"); }
  [[nodiscard]] std::string id(const std::string& name) const { return git("rev-parse '" + name + "'"); }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] ObjectFormat format() const { return format_; }
  [[nodiscard]] std::string zero() const { return std::string(hex_length(format_), '0'); }

  // What `git push` would send: `revisions` as rev-list takes them, one a line ("main\n^origin").
  std::string pack(const std::string& revisions, const std::string& options = "--thin --delta-base-offset") const {
    static int count = 0;
    std::string name = (folder_.parent_path() / ("pack-" + std::to_string(++count))).string();
    write("../revisions", revisions + "\n");
    git("pack-objects --revs --stdout -q " + options + " < ../revisions > '" + name + "'");
    return name;
  }

 private:
  std::filesystem::path folder_;
  ObjectFormat format_;
};

// Plays the caller: answers fetches from a repository as an upstream would, by stock git upload-pack's rules where it
// matters here: the closure of the wants, without that of the haves, filtered.
inline std::vector<Answer> answer(const Needs& needs, const Repository& upstream, Cache& cache) {
  std::vector<Answer> out;
  for (const Fetch& fetch : needs.fetches) {
    std::string options = "--filter=none";
    if (fetch.filter == Filter::no_blobs) options = "--filter=blob:none";
    if (fetch.filter == Filter::no_trees) options = "--filter=tree:0";
    std::string names;
    if (fetch.depth == 1) {
      // Commits without what they grow on: their trees, and themselves.
      for (const std::string& want : fetch.wants) {
        upstream.git("rev-list --objects --no-object-names --no-walk " +
                     std::string(fetch.filter == Filter::none ? "" : options + " ") + want + " >> ../names");
      }
    } else {
      std::string revisions;
      for (const std::string& want : fetch.wants) revisions += want + " ";
      for (const std::string& have : fetch.haves) revisions += "^" + have + " ";
      upstream.git("rev-list --objects --no-object-names " +
                   std::string(fetch.filter == Filter::none ? "" : options + " ") + revisions + " >> ../names");
    }
    static int count = 0;
    std::string file = (upstream.folder().parent_path() / ("answer-" + std::to_string(++count))).string();
    upstream.git("pack-objects --stdout -q < ../names > '" + file + "'; rm ../names");
    Result<std::shared_ptr<const PackIndex>> added = cache.add_pack(FileInput{file, 0});
    EXPECT_TRUE(added.has_value()) << (added ? "" : added.error().message);
    out.push_back({fetch, added ? *added : nullptr});
  }
  return out;
}

template <class T>
std::string problem(const Result<T>& result) {
  return result ? std::string() : result.error().code + ": " + result.error().message;
}
template <class T>
std::string code_of(const Result<T>& result) {
  return result ? std::string("no error") : result.error().code;
}

}  // namespace countersign::adapters::git
