#include "proxy/adapters/git_lfs_conversation.h"

#include <gtest/gtest.h>

#include "core/json.h"
#include "core/sha256.h"
#include "fakes.h"
#include "lfs_messages.h"

namespace countersign::adapters {
namespace {

using test::batch;
using test::kOid;
using test::kOther;
using test::kSecret;
using test::lfs_headers;
using test::object;

class SecretDoor final : public HttpDoor {
 public:
  Task<Result<std::unique_ptr<HttpReply>>> send(RequestHead head, BodySource* body) override {
    co_return co_await inner.send(std::move(head), body);
  }
  [[nodiscard]] bool shows_credential(std::string_view text) const override { return text.contains(kSecret); }
  test::FakeHttpDoor inner;
};

class OneDoor final : public Doors {
 public:
  HttpDoor* http(std::string_view upstream) override { return upstream == "origin" ? &door : nullptr; }
  McpDoor* mcp(std::string_view) override { return nullptr; }
  Task<Status> run_blocking(std::move_only_function<Status()> work) override { co_return work(); }
  SecretDoor door;
};

config::Upstream origin() {
  config::Upstream out;
  out.name = "origin";
  out.protocol = "git";
  out.url = "https://git.example/base/";
  return out;
}

class LfsConversations : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Conversation>> describe(std::string method, std::string target, std::string body,
                                                 HeaderList headers = lfs_headers()) {
    return read({std::move(method), std::move(target), std::move(headers)}, std::move(body), LfsStanding::judged);
  }
  // As the adapter does for a stored request that runs.
  Result<std::unique_ptr<Conversation>> thaw(const approvals::Frozen& frozen, std::string body) {
    Result<Json> head = parse_json(frozen.head);
    RequestHead stored{head->at("method"), head->at("target"), *decode_headers(head->at("headers").dump())};
    return read(std::move(stored), std::move(body), LfsStanding::approved);
  }
  Result<std::unique_ptr<Conversation>> read(RequestHead head, std::string body, LfsStanding standing) {
    head_ = std::move(head);
    body_ = std::move(body);
    Result<GitRoute> route = read_git_route(head_.method, head_.target);
    if (!route) return fail(route.error());
    Inbound inbound;
    inbound.head = &head_;
    inbound.rest = head_.target;
    inbound.body = {body_.size(), body_.empty() ? "" : to_hex(sha256(body_)), body_};
    return describe_lfs(upstream_, gate_, std::move(*route), inbound, standing);
  }
  void answers(int status, std::string body, HeaderList headers = {}) {
    if (!headers.get("Content-Type")) headers.add("Content-Type", kLfsMediaType);
    headers.set("Content-Length", std::to_string(body.size()));
    doors_.door.inner.answers.push_back({{status, std::move(headers)}, {std::move(body)}, {}, {}});
  }
  test::FakeSink forward(Conversation& conversation) {
    test::FakeSink sink;
    forwarded_ = test::run(conversation.forward(doors_, nullptr, sink, nullptr));
    return sink;
  }
  static std::string target_of(const std::string& href) {
    const std::string front = "http://gateway.example:8700/origin";
    EXPECT_TRUE(href.starts_with(front)) << href;
    return href.substr(front.size());
  }

  config::Upstream upstream_ = origin();
  ManualClock clock_{1'000'000};
  LfsGate gate_{LfsTickets(Secret(std::string(32, 'k'))), "http", clock_};
  OneDoor doors_;
  RequestHead head_;
  std::string body_;
  Forwarded forwarded_;
};

const std::string kFile = "the file";

TEST_F(LfsConversations, UploadOfAFileTheUpstreamKeeps) {
  const std::string oid = to_hex(sha256(kFile));
  const auto size = static_cast<std::int64_t>(kFile.size());
  auto asked =
      describe("POST", "/Team/app.git/info/lfs/objects/batch", batch("upload", "refs/heads/main", object(oid, size)));
  ASSERT_TRUE(asked) << asked.error().message;
  const Operation& operation = (*asked)->operation();
  EXPECT_EQ(operation.action, "git:lfs_upload");
  ASSERT_EQ(operation.accesses.size(), 2U) << "as spelt, and in lower case";
  EXPECT_EQ(operation.accesses[0].resource.type, "Ref");
  EXPECT_EQ(operation.accesses[0].resource.id, "origin/Team/app/refs/heads/main");
  EXPECT_EQ(operation.accesses[1].resource.id, "origin/team/app/refs/heads/main");
  EXPECT_EQ(operation.effect(), Effect::write);

  answers(200, R"({"objects":[{"oid":")" + oid + R"(","size":)" + std::to_string(size) +
                   R"(,"actions":{"upload":{"href":"https://git.example/base/store/1","header":{"Authorization":")" +
                   std::string(kSecret) + R"("}},"verify":{"href":"https://git.example/base/verify"}}}]})");
  test::FakeSink batch_sink = forward(**asked);
  EXPECT_EQ(batch_sink.head.status, 200);
  EXPECT_EQ(forwarded_.outcome, "ok");
  EXPECT_FALSE(batch_sink.body.contains(kSecret));
  Json actions = parse_json(batch_sink.body)->at("objects")[0]["actions"];
  const std::string upload = target_of(actions["upload"]["href"]);
  const std::string verify = target_of(actions["verify"]["href"]);

  auto put = describe("PUT", upload, kFile, lfs_headers("application/octet-stream"));
  ASSERT_TRUE(put) << put.error().message;
  EXPECT_EQ((*put)->operation().action, "git:lfs_upload");
  EXPECT_EQ((*put)->operation().reach, Reach::upstream) << "judged again";
  EXPECT_EQ((*put)->operation().accesses[0].resource.id, "origin/Team/app/refs/heads/main");
  answers(200, "");
  test::FakeSink put_sink = forward(**put);
  EXPECT_EQ(put_sink.head.status, 200);
  EXPECT_EQ(doors_.door.inner.sent.back().head.method, "PUT");
  EXPECT_EQ(doors_.door.inner.sent.back().head.target, "/store/1");

  auto other_bytes = describe("PUT", upload, "the fILE", lfs_headers("application/octet-stream"));
  ASSERT_FALSE(other_bytes);
  EXPECT_EQ(other_bytes.error().code, "git.lfs_content");
  EXPECT_FALSE(describe("PUT", upload, "", lfs_headers()));
  clock_.advance(kTicketTime);
  auto late = describe("PUT", upload, kFile, lfs_headers("application/octet-stream"));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "git.lfs_ticket");
  clock_.advance(-kTicketTime);
  // A stored one was in time.
  EXPECT_TRUE(thaw((*put)->freeze(), kFile));
  auto wrong_method = describe("GET", upload, "");
  ASSERT_FALSE(wrong_method);
  EXPECT_EQ(wrong_method.error().code, "git.lfs_ticket");
  std::string foreign = upload;
  foreign.replace(foreign.find("/Team/app"), 9, "/Team/foo");
  EXPECT_EQ(describe("PUT", foreign, kFile).error().code, "git.lfs_ticket") << "sealed for another repository";

  auto verified = describe("POST", verify, object(oid, size));
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ((*verified)->operation().effect(), Effect::write);
  EXPECT_FALSE(describe("POST", verify, object(kOther, size))) << "another object";
}

TEST_F(LfsConversations, AnApprovedBatchNeedsNoSecondApproval) {
  const std::string oid = to_hex(sha256(kFile));
  const std::string body = batch("upload", "refs/heads/main", object(oid, 8));
  auto asked = describe("POST", "/team/app.git/info/lfs/objects/batch", body);
  ASSERT_TRUE(asked);
  approvals::Frozen frozen = (*asked)->freeze();
  // The same objects, asked for with other wishes, are the same request; on another ref they are not.
  auto again = describe("POST", "/team/app.git/info/lfs/objects/batch",
                        R"({"objects":[)" + object(oid, 8) +
                            R"(],"operation":"upload","ref":{"name":"refs/heads/main"},"transfers":["basic","tus"]})");
  EXPECT_EQ((*again)->freeze().identity, frozen.identity);
  auto elsewhere = describe("POST", "/team/app.git/info/lfs/objects/batch", batch("upload", "", object(oid, 8)));
  EXPECT_NE((*elsewhere)->freeze().identity, frozen.identity);

  auto thawed = thaw(frozen, body);
  ASSERT_TRUE(thawed) << thawed.error().message;
  EXPECT_EQ((*thawed)->operation().reach, Reach::upstream) << "decided once more";
  answers(200, R"({"objects":[{"oid":")" + oid +
                   R"(","size":8,"actions":{"upload":{"href":"https://git.example/base/store/1"}}}]})");
  test::FakeSink sink = forward(**thawed);
  const std::string upload =
      target_of(parse_json(sink.body)->at("objects")[0]["actions"]["upload"]["href"].get<std::string>());
  auto put = describe("PUT", upload, kFile);
  ASSERT_TRUE(put) << put.error().message;
  EXPECT_EQ((*put)->operation().reach, Reach::gateway);
  EXPECT_EQ((*put)->operation().effect(), Effect::write) << "recorded as the change it is";
  EXPECT_EQ(describe("PUT", upload, "not what was approved").error().code, "git.lfs_content");
}

TEST_F(LfsConversations, RefusalsAreInLfsWords) {
  auto asked = describe("POST", "/team/app.git/info/lfs/objects/batch", batch("upload", "", object(kOid, 1)));
  ASSERT_TRUE(asked);
  EXPECT_EQ((*asked)->operation().accesses[0].resource.type, "Repository");
  test::FakeSink denied;
  Denial denial{403, {ErrorKind::forbidden, "policy.forbidden", "no \"uploads\" here"}, ""};
  ASSERT_TRUE(test::run((*asked)->answer_denied(denied, denial)));
  EXPECT_EQ(denied.head.status, 403);
  EXPECT_EQ(denied.header("Content-Type"), kLfsMediaType);
  EXPECT_EQ(denied.body, R"({"message":"countersign: denied (policy.forbidden): no \"uploads\" here"})");

  test::FakeSink held;
  Pending pending{"req_1", "http://admin/requests/req_1", "two people", 0, 5};
  ASSERT_TRUE(test::run((*asked)->answer_held(held, pending)));
  EXPECT_EQ(held.head.status, 403);
  EXPECT_TRUE(string_or(*parse_json(held.body), "message", "").contains("held for approval as req_1"));
}

TEST_F(LfsConversations, AnswersThatCannotPassAre502) {
  auto ask = [&] {
    return describe("POST", "/team/app.git/info/lfs/objects/batch", batch("download", "", object(kOid, 1)));
  };
  auto leaky = ask();
  answers(200, R"({"message":")" + std::string(kSecret) + R"("})");
  test::FakeSink sink = forward(**leaky);
  EXPECT_EQ(sink.head.status, 502);
  EXPECT_FALSE(sink.body.contains("Y2k6"));
  EXPECT_TRUE(sink.body.contains("git.lfs_credential"));

  auto leaky_error = ask();
  answers(422, R"({"message":")" + std::string(kSecret) + R"("})");
  EXPECT_FALSE(forward(**leaky_error).body.contains("Y2k6"));

  auto packed = ask();
  HeaderList gzip;
  gzip.add("Content-Encoding", "gzip");
  answers(200, "x", gzip);
  EXPECT_EQ(forward(**packed).head.status, 502);

  auto huge = ask();
  answers(200, std::string((8U << 20) + 1, ' '));
  EXPECT_EQ(forward(**huge).head.status, 502);

  auto honest_error = ask();
  answers(404, R"({"message":"no such repository"})");
  test::FakeSink passed = forward(**honest_error);
  EXPECT_EQ(passed.head.status, 404);
  EXPECT_EQ(passed.body, R"({"message":"no such repository"})");
  EXPECT_EQ(forwarded_.outcome, "client_error");

  auto unreachable = ask();
  test::FakeSink nobody = forward(**unreachable);
  EXPECT_EQ(nobody.head.status, 503);
  EXPECT_EQ(forwarded_.outcome, "not_forwarded");
  EXPECT_TRUE(nobody.body.starts_with(R"({"message":)"));
}

TEST_F(LfsConversations, LimitsAndHosts) {
  const std::string body = batch("upload", "", object(kOid, 1));
  const std::string target = "/team/app.git/info/lfs/objects/batch";
  EXPECT_EQ(describe("POST", target, std::string(kMaxLfsBody + 1, ' ')).error().code, "git.too_large");
  HeaderList evil = lfs_headers();
  evil.set("Host", "gw\"/x");
  EXPECT_FALSE(describe("POST", target, body, evil));
  HeaderList none;
  none.add("Content-Type", "application/json");
  EXPECT_FALSE(describe("POST", target, body, none));

  HeaderList behind_tls = lfs_headers();
  behind_tls.add("X-Forwarded-Proto", "https");
  auto asked = describe("POST", target, body, behind_tls);
  ASSERT_TRUE(asked);
  answers(200, R"({"objects":[{"oid":")" + kOid +
                   R"(","size":1,"actions":{"upload":{"href":"https://git.example/base/x"}}}]})");
  EXPECT_TRUE(forward(**asked).body.contains("\"https://gateway.example:8700/origin/team/app.git/info/lfs/"));
  EXPECT_FALSE(doors_.door.inner.sent.back().head.headers.get("X-Forwarded-Proto"));
}

}  // namespace
}  // namespace countersign::adapters
