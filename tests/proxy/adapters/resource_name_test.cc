#include "proxy/adapters/resource_name.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "cases.h"

namespace countersign::adapters::test {
namespace {

config::Upstream file_server(std::string directory, std::vector<std::string> command) {
  config::Upstream upstream;
  upstream.name = "files";
  upstream.protocol = "mcp";
  upstream.command = std::move(command);
  upstream.directory = std::move(directory);
  return upstream;
}

std::string shown(const Result<std::string>& name) {
  return name ? "=" + *name : "refused";
}

TEST(ResourceName, ArgumentsHaveOneNameOrNone) {
  ResourceNamer namer(file_server("/srv/data", {"server"}));
  for (const Case& entry : read_cases("mcp/names.txt", Escapes::bytes)) {
    Result<std::string> name = namer.argument(entry.fields.at(1));
    EXPECT_EQ(shown(name), entry.fields[0]) << "names.txt:" << entry.line;
    if (!name) {
      EXPECT_EQ(name.error().code, "mcp.ambiguous_resource") << "names.txt:" << entry.line;
    }
  }
  EXPECT_FALSE(namer.argument(""));
  EXPECT_FALSE(namer.argument(std::string(5000, 'a')));
}

TEST(ResourceName, UrisHaveOneNameOrNone) {
  ResourceNamer namer(file_server("/srv/data", {"server"}));
  for (const Case& entry : read_cases("mcp/uris.txt", Escapes::bytes)) {
    EXPECT_EQ(shown(namer.uri(entry.fields.at(1))), entry.fields[0]) << "uris.txt:" << entry.line;
  }
}

TEST(ResourceName, HttpPathsHaveOneNameOrNone) {
  for (const Case& entry : read_cases("http/paths.txt", Escapes::bytes)) {
    std::string path = entry.fields.at(1);
    path = path.substr(0, path.find('?'));
    EXPECT_EQ(shown(name_of_uri_path(path, RawUnicode::refused, "http.ambiguous_path")), entry.fields[0])
        << "paths.txt:" << entry.line;
  }
}

TEST(ResourceName, AbsolutePathsNeedAKnownFolder) {
  config::Upstream remote = file_server("/srv/data", {});
  remote.url = "http://host/mcp";
  ResourceNamer namer(remote);
  EXPECT_FALSE(namer.argument("/srv/data/x"));
  EXPECT_FALSE(namer.uri("file:///srv/data/x"));
  EXPECT_EQ(namer.argument("owner/repo").value(), "owner/repo");
}

class Folders : public ::testing::Test {
 protected:
  void SetUp() override {
    base_ = std::filesystem::canonical(std::filesystem::temp_directory_path()) /
            ("countersign-names-" + std::to_string(::getpid()));
    std::filesystem::remove_all(base_);  // of a run that was killed
    std::filesystem::create_directories(base_ / "data" / "production");
    std::filesystem::create_directory_symlink(base_ / "data", base_ / "link");
  }
  void TearDown() override { std::filesystem::remove_all(base_); }
  std::filesystem::path base_;
};

TEST_F(Folders, BothSpellingsOfTheFolderGiveTheSameName) {
  ResourceNamer namer(file_server(base_ / "link", {"server", "."}));
  EXPECT_EQ(namer.argument((base_ / "link/production/x").string()).value(), "production/x");
  EXPECT_EQ(namer.argument((base_ / "data/production/x").string()).value(), "production/x");
  EXPECT_EQ(namer.argument("production/x").value(), "production/x");
}

// `command: [server, ./data]` without `directory`: relative paths mean the root, absolute ones lead through it.
TEST_F(Folders, ARootAmongTheArgumentsIsWhatPathsAreRelativeTo) {
  ResourceNamer namer(file_server(base_, {"server", "--verbose", "./data"}));
  EXPECT_EQ(namer.argument((base_ / "data/production/x").string()).value(), "production/x");
  EXPECT_EQ(namer.argument("production/x").value(), "production/x");
  EXPECT_EQ(namer.argument((base_ / "data").string()).value(), "");
  EXPECT_FALSE(namer.argument((base_ / "other").string()));
  EXPECT_FALSE(namer.argument("data/production/x")) << "from the working directory this is production/x";
  EXPECT_FALSE(namer.argument("data"));
  EXPECT_EQ(namer.argument("database").value(), "database");
}

TEST(ComposedUnicode, KnowsWhatNormalisationWouldChange) {
  EXPECT_TRUE(is_composed_unicode("caf\u00e9 \u4e2d\u6587 \ud55c\uae00 \U0001F600"));
  EXPECT_FALSE(is_composed_unicode("cafe\u0301"));
  EXPECT_FALSE(is_composed_unicode("\u212b"));              // angstrom sign, canonically equal to å with ring
  EXPECT_FALSE(is_composed_unicode("\u1112\u1161\u11ab"));  // conjoining jamo
  EXPECT_FALSE(is_composed_unicode("\uf900"));              // CJK compatibility ideograph
  EXPECT_FALSE(is_composed_unicode("\xff"));
}

}  // namespace
}  // namespace countersign::adapters::test
