// The pure parts: messages, trees, lines, names.
#include <random>

#include "fixture.h"
#include "proxy/adapters/git/objects/ci_files.h"
#include "proxy/adapters/git/objects/commit.h"
#include "proxy/adapters/git/objects/line_diff.h"
#include "proxy/adapters/git/objects/object_hash.h"
#include "proxy/adapters/git/objects/trailers.h"
#include "proxy/adapters/git/objects/tree_diff.h"
#include "proxy/adapters/git/objects/visible.h"

namespace countersign::adapters::git {
namespace {

TEST(GitTrailers, AreThoseOfTheLastParagraph) {
  std::vector<Trailer> found =
      trailers_of("title\n\nbody: no trailer\n\nSigned-off-by: A <a@b>\nSee-also: x\n  more\n");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].key, "Signed-off-by");
  EXPECT_EQ(found[1].value, "x more");
  EXPECT_TRUE(trailers_of("Title: with a colon").empty());
  EXPECT_TRUE(trailers_of("title\n\nprose here\nKey: value\n").empty());
  EXPECT_EQ(trailers_of("title\n\nprose here\nSigned-off-by: x\n").size(), 1U);
  EXPECT_EQ(trailers_of("t\n\n" + std::string(500, '\n') + "A: 1\nB: 2\nC: 3", 2).size(), 2U);
  EXPECT_TRUE(trailers_of("").empty());
}

TEST(GitTrailers, AssistanceIsFoundWhereverItStands) {
  auto first = [](std::string_view message) {
    std::vector<Assistance> found = assistance_of(message);
    return found.empty() ? std::string("none") : std::string(name_of(found[0].kind)) + " " + found[0].assistant;
  };
  EXPECT_EQ(first("t\n\nCo-Authored-By: Claude Opus 4 <noreply@anthropic.com>\n"), "co-authored-by claude");
  EXPECT_EQ(first("t\n\nco-authored-by: Someone <noreply@anthropic.com>\n\nlater paragraph\n"),
            "co-authored-by claude");
  EXPECT_EQ(first("t\n\nCo-authored-by: Copilot <175728472+Copilot@users.noreply.github.com>"),
            "co-authored-by copilot");
  EXPECT_EQ(first("t\n\nCo-authored-by: Cursor <cursoragent@cursor.com>"), "co-authored-by cursor");
  EXPECT_EQ(first("t\n\nCo-authored-by: aider (gpt-4o) <noreply@aider.chat>"), "co-authored-by chatgpt");
  EXPECT_EQ(first("t\n\nAssisted-by: a tool nobody knows"), "assisted-by ");
  EXPECT_EQ(first("t\n\nGenerated-by: Gemini 3"), "generated-by gemini");
  EXPECT_EQ(first("t\n\n\xF0\x9F\xA4\x96 Generated with [Claude Code](https://claude.com/claude-code)\n"),
            "generated-with claude");
  EXPECT_EQ(first("t\n\n* Created by Devin AI\n"), "generated-with devin");
  EXPECT_EQ(first("t\r\n\r\nAssisted-by: Claude\r\n"), "assisted-by claude");
  EXPECT_EQ(first("t\n\nCo-authored-by: Anna Raider <anna@raiders.example>"), "none");
  EXPECT_EQ(first("t\n\nCo-authored-by: Kurt Hellmann <k@example.com>"), "none");
  EXPECT_EQ(first("t\n\nSuggested-by: Claude Shannon\n"), "none");
  EXPECT_EQ(first("t\n\nthe table is created by the migration\n"), "none");
  std::string many;
  for (int i = 0; i < 100; ++i) many += "Assisted-by: x\n";
  EXPECT_EQ(assistance_of(many, 7).size(), 7U);
}

TEST(GitCommit, Reads) {
  std::string id(40, 'a');
  std::string text = "tree " + id + "\nparent " + id + "\nparent " + id +
                     "\nauthor A B <a@b> 12 -0130\ncommitter C <> 13 +0000\nencoding latin1\ngpgsig -----BEGIN PGP "
                     "SIGNATURE-----\n \n parent x\n -----END\n\nsubject\nof two lines\n\nbody\n";
  Result<Commit> commit = parse_commit(text, ObjectFormat::sha1);
  ASSERT_TRUE(commit) << problem(commit);
  EXPECT_EQ(commit->parents.size(), 2U);
  EXPECT_EQ(commit->author.name, "A B");
  EXPECT_EQ(commit->author.zone, "-0130");
  EXPECT_EQ(commit->committer.email, "");
  EXPECT_EQ(commit->signature, Signature::openpgp);
  EXPECT_EQ(subject_of(commit->message), "subject of two lines");
  EXPECT_EQ(code_of(parse_commit(text, ObjectFormat::sha256)), "git.bad_object");
  for (std::string_view wrong : {"", "tree\n", "tree x\n", "author A <a> 1 +0000\n"})
    EXPECT_EQ(code_of(parse_commit(wrong, ObjectFormat::sha1)), "git.bad_object");
  EXPECT_EQ(code_of(parse_commit("tree " + id + "\n\nx", ObjectFormat::sha1)), "git.bad_object");
  EXPECT_EQ(code_of(parse_commit("tree " + id + "\nparent x\n", ObjectFormat::sha1)), "git.bad_object");
  EXPECT_TRUE(parse_commit("tree " + id + "\nauthor odd\ncommitter < > x\n\n", ObjectFormat::sha1));
}

TEST(GitTag, ReadsSignaturesBehindTheMessage) {
  std::string id(40, 'a');
  Result<Tag> tag = parse_tag("object " + id +
                                  "\ntype commit\ntag v1\ntagger A <a@b> 1 +0000\n\nmessage\n-----BEGIN SSH "
                                  "SIGNATURE-----\nabc\n",
                              ObjectFormat::sha1);
  ASSERT_TRUE(tag) << problem(tag);
  EXPECT_EQ(tag->message, "message\n");
  EXPECT_EQ(tag->signature, Signature::ssh);
  EXPECT_EQ(code_of(parse_tag("object x\n", ObjectFormat::sha1)), "git.bad_object");
}

std::string entry(std::string_view mode, std::string_view name, char id = 'x') {
  return std::string(mode) + ' ' + std::string(name) + std::string(1, '\0') + std::string(20, id);
}

TEST(GitTree, ReadsOneWayOnly) {
  auto code = [](const std::string& text) { return code_of(parse_tree(text, ObjectFormat::sha1)); };
  EXPECT_EQ(code(""), "no error");
  EXPECT_EQ(code(entry("100644", "a") + entry("40000", "b") + entry("100755", "c")), "no error");
  EXPECT_EQ(code(entry("100644", "a.b") + entry("40000", "a") + entry("100644", "a0")), "no error");
  EXPECT_EQ(code(entry("40000", "a") + entry("100644", "a.b")), "git.bad_object") << "folders sort with a slash";
  EXPECT_EQ(code(entry("100644", "b") + entry("100644", "a")), "git.bad_object");
  EXPECT_EQ(code(entry("100644", "a") + entry("100644", "a")), "git.bad_object");
  EXPECT_EQ(code(entry("100644", "a") + entry("100644", "a.b") + entry("40000", "a")), "git.bad_object");
  for (const char* name : {"", ".", "..", ".git", ".GIT", "a/b"})
    EXPECT_EQ(code(entry("100644", name)), "git.bad_object") << name;
  for (const char* mode : {"", "1", "100000000", "160001", "10064x"})
    EXPECT_EQ(code(entry(mode, "a")), "git.bad_object") << mode;
  std::string sound = entry("100644", "a");
  for (std::size_t size = 1; size < sound.size(); ++size) EXPECT_EQ(code(sound.substr(0, size)), "git.bad_object");
}

// Applying the hunks must give the new text, and their number of lines must be what git finds.
void check(const std::string& before, const std::string& after, DiffEffort effort = {}) {
  std::vector<std::string_view> a = split_lines(before);
  std::vector<std::string_view> b = split_lines(after);
  std::string built;
  std::size_t at = 0;
  for (const Hunk& hunk : diff_lines(a, b, effort)) {
    ASSERT_GE(hunk.old_begin, at);
    for (; at < hunk.old_begin; ++at) built += a[at];
    for (std::size_t line = hunk.new_begin; line < hunk.new_end; ++line) built += b[line];
    at = hunk.old_end;
  }
  for (; at < a.size(); ++at) built += a[at];
  ASSERT_EQ(built, after);
}

std::size_t changed(const std::string& before, const std::string& after) {
  std::vector<std::string_view> a = split_lines(before);
  std::vector<std::string_view> b = split_lines(after);
  std::size_t out = 0;
  DiffEffort effort;
  for (const Hunk& hunk : diff_lines(a, b, effort))
    out += hunk.old_end - hunk.old_begin + hunk.new_end - hunk.new_begin;
  return out;
}

// The textbook way: lines not in the longest common subsequence.
std::size_t least(const std::string& before, const std::string& after) {
  std::vector<std::string_view> a = split_lines(before);
  std::vector<std::string_view> b = split_lines(after);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t corner = 0;
    for (std::size_t j = 0; j < b.size(); ++j) {
      std::size_t above = row[j + 1];
      row[j + 1] = a[i] == b[j] ? corner + 1 : std::max(above, row[j]);
      corner = above;
    }
  }
  return a.size() + b.size() - 2 * row.back();
}

TEST(GitLineDiff, IsRightAndShortest) {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string before;
    std::string after;
    int alphabet = 1 + static_cast<int>(random() % 6);
    auto text = [&](std::string& out) {
      for (unsigned i = random() % 20; i > 0; --i)
        out += std::string(1, static_cast<char>('a' + static_cast<int>(random()) % alphabet)) + "\n";
      if (random() % 4 == 0) out += "no line feed";
    };
    text(before);
    text(after);
    ASSERT_NO_FATAL_FAILURE(check(before, after));
    ASSERT_NO_FATAL_FAILURE(check(before, after, {.cost = 1 + random() % 4}));
    ASSERT_EQ(changed(before, after), least(before, after)) << before << "---\n" << after;
  }
  std::string big;
  std::string other;
  for (int i = 0; i < 20'000; ++i) big += std::to_string(random()) + "\n";
  for (int i = 0; i < 20'000; ++i) other += std::to_string(random()) + "\n";
  check(big, other);
  check(big, other, {.cost = 100'000, .steps = 1'000});
  EXPECT_TRUE(comparable(big, other));
  EXPECT_FALSE(comparable("", std::string(400'000, '\n')));
  check(big, "");
  check("", big);
  EXPECT_EQ(changed(big, big), 0U);
  EXPECT_TRUE(split_lines("").empty());
  EXPECT_EQ(split_lines("a\nb").size(), 2U);
}

TEST(GitVisible, NothingHides) {
  EXPECT_EQ(visible("plain \xC3\xBC\ttab"), "plain \xC3\xBC\ttab");
  EXPECT_EQ(visible("a\x1B[31mb\r\n"), "a<1B>[31mb<0D><0A>");
  EXPECT_EQ(visible("a\n", LineFeeds::kept), "a\n");
  EXPECT_EQ(visible("\xE2\x80\xAE"
                    "evil"),
            "<U+202E>evil");
  EXPECT_EQ(visible("\xE2\x80\x8B\xC2\x85\xF3\xA0\x81\x81"), "<U+200B><U+0085><U+E0041>");
  EXPECT_EQ(visible("\xFF\xC0\x80\xED\xA0\x80\xC3"), "<FF><C0><80><ED><A0><80><C3>");
}

TEST(GitCiFiles, AreKnown) {
  EXPECT_EQ(ci_system_of(".github/workflows/x/y.yml"), "github-actions");
  EXPECT_EQ(ci_system_of(".GitHub/Workflows/x.yml"), "github-actions");
  EXPECT_EQ(ci_system_of("lib/Jenkinsfile"), "jenkins");
  EXPECT_EQ(ci_system_of("ci/deploy.gitlab-ci.yml"), "gitlab-ci");
  EXPECT_EQ(ci_system_of(".circleci/config.yml"), "circleci");
  EXPECT_EQ(ci_system_of("docs/.github/workflows"), "");
  EXPECT_EQ(ci_system_of("src/main.cc"), "");
  EXPECT_EQ(ci_system_of(""), "");
}

}  // namespace
}  // namespace countersign::adapters::git
