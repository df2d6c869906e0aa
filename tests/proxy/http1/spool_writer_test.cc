#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "proxy/http1/spool.h"
#include "proxy/http1/writer.h"

namespace countersign::http1 {
namespace {

namespace fs = std::filesystem;

class SpoolTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "countersign-spool-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { fs::remove_all(directory_); }

  Spool make(std::string_view content, std::size_t memory_bytes, std::size_t piece) {
    Spool spool({directory_, memory_bytes});
    for (std::size_t at = 0; at < content.size(); at += piece) {
      EXPECT_TRUE(spool.append(as_bytes(content.substr(at, piece))));
    }
    spool.finish();
    return spool;
  }
  std::size_t files() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory_), {})); }

  fs::path directory_;
};

std::string content_of(std::size_t size) {
  std::string content(size, '\0');
  for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 31 + i / 251);
  return content;
}

TEST_F(SpoolTest, SameBytesAndDigestInMemoryAndOnDisk) {
  std::string content = content_of(100'000);
  Spool memory = make(content, 1 << 20, 777);
  Spool disk = make(content, 5'000, 777);
  EXPECT_FALSE(memory.on_disk());
  EXPECT_TRUE(disk.on_disk());
  EXPECT_EQ(memory.digest(), sha256(content));
  EXPECT_EQ(disk.digest(), sha256(content));
  EXPECT_EQ(memory.in_memory(), content);
  EXPECT_FALSE(disk.in_memory());
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(*disk.text(content.size()), content);
    EXPECT_EQ(*memory.text(content.size()), content);
  }
  EXPECT_EQ(disk.text(content.size() - 1).error().code, "spool.too_large");
  Bytes part(10);
  ASSERT_EQ(*disk.read(99'995, part), 5U);
  EXPECT_EQ(as_text(ByteView(part).first(5)), content.substr(99'995));
  EXPECT_EQ(*disk.read(100'000, part), 0U);
}

TEST_F(SpoolTest, TheBoundItselfStaysInMemory) {
  EXPECT_FALSE(make(content_of(1000), 1000, 100).on_disk());
  EXPECT_TRUE(make(content_of(1001), 1000, 100).on_disk());
}

TEST_F(SpoolTest, TemporaryFileIsPrivateAndRemoved) {
  {
    Spool disk = make(content_of(1000), 10, 100);
    ASSERT_EQ(files(), 1U);
    EXPECT_EQ(fs::directory_iterator(directory_)->status().permissions(),
              fs::perms::owner_read | fs::perms::owner_write);
    Spool moved = std::move(disk);
    EXPECT_EQ(*moved.text(1000), content_of(1000));
    EXPECT_EQ(files(), 1U);
  }
  EXPECT_EQ(files(), 0U);
}

TEST_F(SpoolTest, PersistFromMemoryAndDiskAndReopen) {
  std::string content = content_of(3000);
  for (std::size_t memory_bytes : {10U, 1U << 20}) {
    fs::path path = directory_ / ("kept-" + std::to_string(memory_bytes));
    {
      Spool spool = make(content, memory_bytes, 512);
      auto kept = spool.persist(path);
      ASSERT_TRUE(kept) << kept.error().message;
      EXPECT_EQ(*kept, path);
      EXPECT_EQ(*spool.text(3000), content);
    }
    auto opened = Spool::open(path);
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->size(), 3000U);
    EXPECT_EQ(opened->digest(), sha256(content));
    EXPECT_EQ(*opened->text(3000), content);
  }
  EXPECT_EQ(files(), 2U);  // nothing temporary is left, nothing kept was removed
}

TEST_F(SpoolTest, PersistTwiceMakesTwoFiles) {
  Spool spool = make("frozen", 2, 6);
  ASSERT_TRUE(spool.persist(directory_ / "one"));
  ASSERT_TRUE(spool.persist(directory_ / "two"));
  EXPECT_EQ(*Spool::open(directory_ / "one")->text(10), "frozen");
  EXPECT_EQ(*Spool::open(directory_ / "two")->text(10), "frozen");
}

TEST_F(SpoolTest, EmptyBody) {
  Spool spool = make("", 10, 1);
  EXPECT_EQ(spool.digest(), sha256(std::string_view()));
  ASSERT_TRUE(spool.persist(directory_ / "empty"));
  EXPECT_EQ(Spool::open(directory_ / "empty")->size(), 0U);
}

TEST_F(SpoolTest, FailuresAreErrors) {
  Spool spool({directory_ / "missing", 4});
  EXPECT_EQ(spool.append(as_bytes("more than four")).error().code, "spool.write_failed");
  EXPECT_EQ(Spool::open(directory_ / "missing").error().code, "spool.unreadable");
  EXPECT_EQ(Spool::open(directory_).error().code, "spool.unreadable");
  Spool memory = make("abc", 10, 3);
  EXPECT_EQ(memory.persist(directory_ / "missing" / "x").error().code, "spool.write_failed");
}

TEST_F(SpoolTest, AFileCutShortIsNoticed) {
  Spool spool = make(content_of(1000), 10, 100);
  ASSERT_TRUE(spool.persist(directory_ / "kept"));
  fs::resize_file(directory_ / "kept", 500);
  EXPECT_EQ(spool.text(1000).error().code, "spool.unreadable");
}

TEST_F(SpoolTest, LeftoversOfAKilledProcessGo) {
  std::ofstream(directory_ / "spool-abcdef") << "x";
  std::ofstream(directory_ / "kept") << "x";
  Spool::remove_leftovers(directory_);
  EXPECT_FALSE(fs::exists(directory_ / "spool-abcdef"));
  EXPECT_TRUE(fs::exists(directory_ / "kept"));
}

TEST(Writer, TheWriterAloneDecidesTheFraming) {
  ResponseHead head{200, {}};
  head.headers.add("Content-Type", "text/plain");
  head.headers.add("Content-Length", "999");
  head.headers.add("Transfer-Encoding", "gzip");
  head.headers.add("Connection", "x");
  head.headers.add("Date", "then");
  std::string out;
  ASSERT_TRUE(append_response_head(out, head, {BodyKind::length, 3}, Persistence::close));
  EXPECT_EQ(
      out,
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: then\r\nContent-Length: 3\r\nConnection: close\r\n\r\n");
}

TEST(Writer, NothingSplitsAMessage) {
  std::string out;
  for (std::string_view value : {"a\r\nSet-Cookie: b", "a\nb", "a\rb"}) {
    ResponseHead head{200, {}};
    head.headers.add("X", value);
    EXPECT_EQ(append_response_head(out, head, {}, Persistence::close).error().code, "http.bad_header");
  }
  ResponseHead bad_name{200, {}};
  bad_name.headers.add("X: y\r\nZ", "1");
  EXPECT_EQ(append_response_head(out, bad_name, {}, Persistence::close).error().code, "http.bad_header");
  for (std::string_view target : {"/a b", "/a\r\nX: y", "", "/\x80"}) {
    RequestHead head{"GET", std::string(target), {}};
    head.headers.add("Host", "a");
    EXPECT_EQ(append_request_head(out, head, {}, Persistence::close).error().code, "http.bad_header") << target;
  }
  RequestHead no_host{"GET", "/", {}};
  EXPECT_EQ(append_request_head(out, no_host, {}, Persistence::close).error().code, "http.bad_header");
}

TEST(Writer, HopByHopFieldsGo) {
  HeaderList headers;
  headers.add("Connection", "close, X-Secret-Hop ,");
  headers.add("X-Secret-Hop", "1");
  headers.add("Keep-Alive", "timeout=5");
  headers.add("Upgrade", "h2c");
  headers.add("Accept", "*/*");
  strip_hop_by_hop(headers);
  ASSERT_EQ(headers.fields().size(), 1U);
  EXPECT_EQ(headers.fields()[0].name, "Accept");
}

TEST(Writer, DateHasTheFixedForm) {
  std::string_view date = http_date();
  ASSERT_EQ(date.size(), 29U);
  EXPECT_TRUE(date.ends_with(" GMT"));
  EXPECT_EQ(date.substr(3, 2), ", ");
}

}  // namespace
}  // namespace countersign::http1
