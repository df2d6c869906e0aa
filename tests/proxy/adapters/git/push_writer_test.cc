#include "proxy/adapters/git/push_writer.h"

#include <gtest/gtest.h>

#include "objects/fixture.h"

namespace countersign::adapters::git {
namespace {

TEST(PushWriter, IsReadBackByTheReaderOfPushes) {
  const std::string zero(40, '0');
  const std::string one(40, '1');
  PushCapabilities capabilities{.report_status_v2 = true, .side_band_64k = true, .quiet = true, .atomic = true};
  capabilities.agent = "countersign";
  const std::vector<RefCommand> commands = {{zero, one, "refs/heads/a"}, {one, zero, "refs/heads/b"}};
  const std::string body = write_push(commands, capabilities, empty_pack(ObjectFormat::sha1));
  Result<std::optional<PushRequest>> read = read_push(body, body.size());
  ASSERT_EQ(problem(read), "");
  const PushRequest& push = **read;
  ASSERT_EQ(push.commands.size(), 2U);
  EXPECT_EQ(push.commands[0].ref, "refs/heads/a");
  EXPECT_EQ(push.commands[1].old_id, one);
  EXPECT_TRUE(push.capabilities.report_status_v2);
  EXPECT_FALSE(push.capabilities.report_status);
  EXPECT_TRUE(push.capabilities.side_band_64k);
  EXPECT_TRUE(push.capabilities.quiet);
  EXPECT_TRUE(push.capabilities.atomic);
  EXPECT_EQ(push.capabilities.agent, "countersign");
  EXPECT_EQ(body.substr(push.pack_at), empty_pack(ObjectFormat::sha1));
}

TEST(PushWriter, NamesTheObjectFormat) {
  const std::string zero(64, '0');
  PushCapabilities capabilities{.report_status = true};
  capabilities.format = ObjectFormat::sha256;
  const std::string body = write_push({{std::string(64, 'a'), zero, "refs/tags/v1"}}, capabilities, "");
  Result<std::optional<PushRequest>> read = read_push(body, body.size());
  ASSERT_EQ(problem(read), "");
  EXPECT_EQ((**read).capabilities.format, ObjectFormat::sha256);
  EXPECT_FALSE((**read).has_pack());
}

class EmptyPack : public testing::TestWithParam<ObjectFormat> {};
INSTANTIATE_TEST_SUITE_P(Formats, EmptyPack, testing::Values(ObjectFormat::sha1, ObjectFormat::sha256),
                         [](const auto& info) { return std::string(name_of(info.param)); });

TEST_P(EmptyPack, IsWhatStockGitWrites) {
  Folder folder;
  Repository repository(folder.path() / "repository", GetParam());
  repository.git("pack-objects --stdout -q < /dev/null > ../pack");
  EXPECT_EQ(read_file(folder.path() / "pack"), empty_pack(GetParam()));
}

}  // namespace
}  // namespace countersign::adapters::git
