#include "policies/activation.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "policies/set_diff.h"
#include "policies/set_tests.h"
#include "policies_testing.h"

namespace countersign::policies {
namespace {

namespace fs = std::filesystem;

SnapshotSource set_of(const std::vector<DraftFile>& files) {
  Problems problems;
  SnapshotSource out = read_draft(files, problems);
  EXPECT_TRUE(problems.empty()) << format_problems(problems);
  return out;
}

class ActivationTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = outer_.path() / "policies";
    fs::create_directories(folder_ / "floor");
    fs::create_directories(folder_ / "notes" / "deep");
    write("a.cedar", "// a");
    write("floor/b.cedar", "// b");
    write("README.md", "hello");
    write("notes/deep/x.txt", "x");
    write("floor/README.md", "floor");
    old_ = read();
    fresh_ =
        set_of({{"c.cedar", "// c"}, {"floor/b.cedar", "// b2"}, {"roles/r.cedar", "// r"}, {"tests/t.json", "[]"}});
  }
  void write(const std::string& name, std::string_view text) { std::ofstream(folder_ / name) << text; }
  SnapshotSource read() const {
    Problems problems;
    return read_folder(folder_, problems);
  }
  std::string text(const std::string& name) const {
    auto out = read_file((folder_ / name).string(), 1000);
    return out ? *out : "(" + out.error().code + ")";
  }
  // What is in the folder around: the folder, and nothing left beside it.
  std::vector<std::string> around() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(outer_.path())) out.push_back(entry.path().filename().string());
    std::ranges::sort(out);
    return out;
  }
  static std::string code(const Status& status) { return status ? "" : status.error().code; }

  PolicyFolder outer_;
  fs::path folder_;
  SnapshotSource old_;
  SnapshotSource fresh_;
};

TEST_F(ActivationTest, TheNewSetIsThereAndEverythingElseStillIs) {
  fs::create_symlink("README.md", folder_ / "link.md");
  ASSERT_EQ(::chmod(folder_.c_str(), 0750), 0);
  ASSERT_EQ(code(write_policy_folder(folder_, old_, fresh_)), "");
  EXPECT_TRUE(same_files(read(), fresh_));
  EXPECT_EQ(text("a.cedar"), "(file.missing)");
  EXPECT_EQ(text("README.md"), "hello");
  EXPECT_EQ(text("notes/deep/x.txt"), "x");
  EXPECT_EQ(text("floor/README.md"), "floor");
  EXPECT_TRUE(fs::is_symlink(folder_ / "link.md"));
  EXPECT_EQ(around(), (std::vector<std::string>{"floor", "policies"}));
  struct stat info{};
  ASSERT_EQ(::stat(folder_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0750U);
}

// A crash at any step leaves the old set or the new one, and the next start tidies up.
TEST_F(ActivationTest, AfterACrashAnywhereTheFolderHoldsOneSetEntirely) {
  for (std::string_view step : {"copy", "exchange", "clean"}) {
    SnapshotSource before = read();
    const SnapshotSource& wanted = same_files(before, fresh_) ? old_ : fresh_;
    pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      std::ignore = write_policy_folder(folder_, before, wanted, [step](std::string_view now) -> Status {
        if (now == step) ::_exit(42);
        return {};
      });
      ::_exit(1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(WEXITSTATUS(status), 42) << step;
    SnapshotSource after = read();
    EXPECT_TRUE(same_files(after, step == "clean" ? wanted : before)) << step;
    EXPECT_EQ(text("notes/deep/x.txt"), "x") << step;
    remove_leftovers(folder_);
    EXPECT_EQ(around(), (std::vector<std::string>{"floor", "policies"})) << step;
  }
}

// What a broken-off attempt has left does not get in the way, nor into the next one.
TEST_F(ActivationTest, LeftoversOfACrashAreNotTakenOver) {
  fs::path left = outer_.path() / ".policies.countersign-new";
  fs::create_directories(left);
  std::ofstream(left / "evil.cedar") << "permit (principal, action, resource);";
  ASSERT_EQ(code(write_policy_folder(folder_, old_, fresh_)), "");
  EXPECT_TRUE(same_files(read(), fresh_));
}

TEST_F(ActivationTest, SomebodyElsesEditIsNotOverwritten) {
  write("a.cedar", "// changed by hand");
  EXPECT_EQ(code(write_policy_folder(folder_, old_, fresh_)), "policies.folder_differs");
  EXPECT_EQ(text("a.cedar"), "// changed by hand");
  EXPECT_EQ(around(), (std::vector<std::string>{"floor", "policies"}));
}

TEST_F(ActivationTest, FoldersThatAreNotEditedHere) {
  EXPECT_EQ(code(check_writable(folder_)), "");
  fs::create_directories(outer_.path() / ".git");
  EXPECT_EQ(code(check_writable(folder_)), "policies.read_only");
  fs::remove(outer_.path() / ".git");
  std::ofstream(folder_ / ".git") << "gitdir: elsewhere";  // a worktree
  EXPECT_EQ(code(check_writable(folder_)), "policies.read_only");
  fs::remove(folder_ / ".git");
  // A link in place of a file, as a mounted configuration map has.
  fs::create_symlink("/etc/hostname", folder_ / "z.cedar");
  EXPECT_EQ(code(check_writable(folder_)), "policies.read_only");
  fs::remove(folder_ / "z.cedar");
  // A file of the running set that no draft can name would stay as it is, unseen.
  write("with blank.cedar", "// x");
  EXPECT_EQ(code(write_policy_folder(folder_, read(), fresh_)), "policies.read_only");
  fs::remove(folder_ / "with blank.cedar");
  EXPECT_EQ(code(check_writable(folder_ / "nowhere")), "policies.read_only");
  EXPECT_TRUE(same_files(read(), old_));
}

TEST_F(ActivationTest, ALinkToTheFolderIsFollowed) {
  fs::create_directory_symlink(folder_, outer_.path() / "current");
  ASSERT_EQ(code(write_policy_folder(outer_.path() / "current", old_, fresh_)), "");
  EXPECT_TRUE(same_files(read(), fresh_));
  EXPECT_TRUE(fs::is_symlink(outer_.path() / "current"));
}

TEST(SetDiffTest, FilesAndPolicies) {
  SnapshotSource before = set_of({{"a.cedar",
                                   "@id(\"x\") permit (principal, action, resource);\n"
                                   "@id(\"gone\") forbid (principal, action, resource);"},
                                  {"same.cedar", "// s"},
                                  {"roles/r.cedar", "@id(\"x\") permit (principal, action, resource);"}});
  SnapshotSource after =
      set_of({{"a.cedar", "// only a comment more\n@id(\"x\") permit (principal, action, resource);"},
              {"b.cedar", "permit (principal is Agent, action, resource);"},
              {"same.cedar", "// s"},
              {"floor/f.cedar", "@id(\"f\") forbid (principal, action, resource);"},
              {"roles/r.cedar", "@id(\"x\") permit (principal is User, action, resource);"}});
  SetDiff diff = diff_sets(before, after);
  ASSERT_EQ(diff.files.size(), 4U);
  EXPECT_EQ(diff.files[0].path, "a.cedar");
  EXPECT_FALSE(diff.files[1].before);
  ASSERT_TRUE(diff.policies);
  std::string changes;
  for (const PolicyChange& change : *diff.policies)
    changes += change.id + (change.kind == PolicyChange::Kind::added     ? "+ "
                            : change.kind == PolicyChange::Kind::removed ? "- "
                                                                         : "~ ");
  EXPECT_EQ(changes, "b.cedar:1+ f+ gone- roles/x~ ");
  Json json = diff_json(diff);
  EXPECT_TRUE(json["policies"][0]["before"].is_null());
  EXPECT_EQ(json["policies"][2]["change"], "removed");
  // Moved into the floor, it is another policy.
  EXPECT_EQ(diff_sets(set_of({{"a.cedar", "@id(\"x\") forbid (principal, action, resource);"}}),
                      set_of({{"floor/a.cedar", "@id(\"x\") forbid (principal, action, resource);"}}))
                .policies->size(),
            1U);
  EXPECT_TRUE(diff_sets(set_of({{"a.cedar", "@id(\"x\") forbid (principal, action, resource);"}}),
                        set_of({{"b.cedar", "@id(\"x\") forbid (principal, action, resource);"}}))
                  .policies->empty());
  EXPECT_FALSE(diff_sets(before, set_of({{"a.cedar", "permit"}})).policies);
  EXPECT_TRUE(diff_sets(before, before).empty());
}

TEST(SetTestsTest, PassFailAndWhatMeansNothing) {
  std::vector<DraftFile> files = {{"a.cedar", "@id(\"all\") permit (principal, action, resource);"},
                                  {"tests/a.json",
                                   R"({"upstreams":[{"name":"files","protocol":"mcp","types":["File"]}],
           "defaults":{"agent":"b","owner":"o","action":"mcp:call_tool","effect":"write","input":{"tool":"t"}},
           "cases":[{"name":"yes","request":{"resource":"File::files/a"},"decision":"allow"},
                    {"name":"no","request":{"resource":"File::files/a"},"decision":"deny"},
                    {"name":"none","request":{"resource":7},"decision":"deny"}]})"},
                                  {"tests/b.json", "not json"}};
  SetTests out = run_set_tests(set_of(files), {});
  EXPECT_EQ(out.passed, 1U);
  EXPECT_EQ(out.failed, 3U);
  ASSERT_EQ(out.failures.size(), 3U);
  EXPECT_EQ(out.failures[0].file, "tests/a.json");
  EXPECT_EQ(out.failures[0].name, "no");
  EXPECT_EQ(out.failures[2].file, "tests/b.json");
  EXPECT_EQ(set_tests_json(out)["failures"].size(), 3U);
}

}  // namespace
}  // namespace countersign::policies
