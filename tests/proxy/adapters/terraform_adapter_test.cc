// The terraform adapter over a server of states that speaks as Terraform's documentation says.
#include "proxy/adapters/terraform_adapter.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <array>
#include <filesystem>

#include "core/bytes.h"
#include "core/json.h"
#include "fakes.h"
#include "loop.h"
#include "terraform_states.h"

namespace countersign::adapters::test {
namespace {

constexpr std::string_view kLock = "2bbcb84d-d4bd-564c-5e62-22a3554846f3";
constexpr std::string_view kOther = "d4f2ecaf-1844-9300-fec1-58092873225c";

std::string md5_of(std::string_view text) {
  std::array<std::uint8_t, 16> digest{};
  unsigned int size = 0;
  EXPECT_EQ(::EVP_Digest(text.data(), text.size(), digest.data(), &size, ::EVP_md5(), nullptr), 1);
  return to_base64(digest);
}

class Terraform : public ::testing::Test {
 protected:
  Terraform() : folder_(mcp::test::fresh_folder()) {
    open();
    doors_.http_doors["tf"].respond = [this](const FakeHttpDoor::Sent& sent) { return serve(sent); };
  }
  ~Terraform() override { std::filesystem::remove_all(folder_); }

  void open() {
    config::Upstream upstream;
    upstream.name = "tf";
    upstream.protocol = "terraform";
    auto adapter = TerraformAdapter::create(upstream, folder_ / "tf.locks");
    if (!adapter) throw std::runtime_error(adapter.error().message);
    adapter_ = std::move(*adapter);
  }

  static FakeHttpDoor::Answer answer(int status, std::string body = {}) {
    FakeHttpDoor::Answer out{{status, {}}, {}, std::nullopt, std::nullopt};
    if (!body.empty()) out.pieces.push_back(std::move(body));
    return out;
  }
  // The server.
  FakeHttpDoor::Answer serve(const FakeHttpDoor::Sent& sent) {
    const std::string path(sent.head.path());
    const std::string& method = sent.head.method;
    if (broken) return {{500, {}}, {}, std::nullopt, std::nullopt};
    if (method == "GET") return states.contains(path) ? answer(200, states[path]) : answer(404);
    if (method == "POST" || method == "PUT") {
      states[path] = sent.body;
      return answer(200);
    }
    if (method == "DELETE") {
      states.erase(path);
      return answer(200);
    }
    if (method == "LOCK") {
      if (locks.contains(path)) return answer(423, locks[path]);
      locks[path] = sent.body;
      return answer(200);
    }
    if (method == "UNLOCK") locks.erase(path);
    return answer(200);
  }

  Result<std::unique_ptr<Conversation>> describe(const std::string& method, const std::string& rest,
                                                 const std::string& body = {}, const std::string& lineage = "root-a",
                                                 HeaderList headers = {}) {
    head_ = {method, "/tf" + rest, std::move(headers)};
    lineage_ = lineage;
    Inbound inbound{.head = &head_, .rest = rest, .body = view_of(body), .owner = "team"};
    inbound.lineage = lineage_;
    return adapter_->describe(inbound, doors_);
  }
  // Described and looked at closer.
  Result<std::unique_ptr<Conversation>> known(const std::string& method, const std::string& rest,
                                              const std::string& body = {}, const std::string& lineage = "root-a",
                                              HeaderList headers = {}) {
    auto out = describe(method, rest, body, lineage, std::move(headers));
    if (!out) return out;
    TextBody source(body);
    if (Status looked = run((*out)->look_closer(doors_, body.empty() ? nullptr : &source)); !looked)
      return fail(looked.error());
    return out;
  }
  std::unique_ptr<Conversation> ok(const std::string& method, const std::string& rest, const std::string& body = {},
                                   const std::string& lineage = "root-a") {
    auto out = known(method, rest, body, lineage);
    if (!out) throw std::runtime_error(out.error().code + ": " + out.error().message);
    return std::move(*out);
  }
  std::string code(const std::string& method, const std::string& rest, const std::string& body = {},
                   HeaderList headers = {}) {
    auto out = known(method, rest, body, "root-a", std::move(headers));
    return out ? "ok" : out.error().code;
  }
  // Allowed and sent: the status that the client sees.
  int send(const std::string& method, const std::string& rest, const std::string& body = {},
           const std::string& lineage = "root-a") {
    auto conversation = ok(method, rest, body, lineage);
    TextBody source(body);
    FakeSink sink;
    std::ignore = run(conversation->forward(doors_, body.empty() ? nullptr : &source, sink, nullptr));
    return sink.head.status;
  }
  std::string effect(const std::string& method, const std::string& rest, const std::string& body = {},
                     const std::string& lineage = "root-a") {
    auto conversation = ok(method, rest, body, lineage);
    const Operation& operation = conversation->operation();
    return operation.action + " " + std::string(effect_name(operation.effect()));
  }
  Json input(const std::string& method, const std::string& rest, const std::string& body = {},
             const std::string& lineage = "root-a") {
    return parse_json(ok(method, rest, body, lineage)->operation().input).value();
  }
  static std::string write(std::string_view lock) { return "/prod/network?ID=" + std::string(lock); }

  std::filesystem::path folder_;
  std::unique_ptr<TerraformAdapter> adapter_;
  FakeDoors doors_;
  RequestHead head_;
  std::string lineage_;
  std::map<std::string, std::string> states;
  std::map<std::string, std::string> locks;
  bool broken = false;
};

TEST_F(Terraform, NamesTheStateAndWhatIsDone) {
  auto read = ok("GET", "/prod/network");
  EXPECT_EQ(read->operation().action, "terraform:read_state");
  EXPECT_EQ(read->operation().effect(), Effect::read);
  EXPECT_EQ(read->operation().accesses.front().resource.type, "TerraformState");
  EXPECT_EQ(read->operation().accesses.front().resource.id, "tf/prod/network");
  EXPECT_EQ(read->operation().accesses.front().resource.name, "prod/network");
  EXPECT_EQ(effect("LOCK", "/prod/network", lock_json(std::string(kLock))), "terraform:lock write");
  EXPECT_EQ(effect("DELETE", "/prod/network"), "terraform:delete_state destroy");
  EXPECT_EQ(effect("POST", "/prod/network", state_json(1, {{"a.b", "1"}})), "terraform:write_state write");
  EXPECT_EQ(effect("PUT", "/prod/network", state_json(1, {{"a.b", "1"}})), "terraform:write_state write");
}

TEST_F(Terraform, RefusesWhatCouldMeanSomethingElse) {
  const std::string state = state_json(1, {});
  const std::string lock = lock_json(std::string(kLock));
  for (const char* method : {"HEAD", "PATCH", "OPTIONS", "get", "lock", "MOVE"})
    EXPECT_EQ(code(method, "/prod/network"), "terraform.method_not_supported") << method;
  EXPECT_EQ(code("GET", "/"), "terraform.no_state");
  for (const char* path : {"/prod/network/", "/prod//network", "/prod/../network", "/prod/%2e%2e/x", "/prod/%6eetwork"})
    EXPECT_EQ(code("GET", path), "terraform.ambiguous_path") << path;
  for (const char* query : {"?ID=", "?ID=a&ID=b", "?ID=a&x=1", "?id=a", "?force=true", "?", "?ID=a%20b", "?x=1&ID=a"})
    EXPECT_EQ(code("POST", std::string("/prod/network") + query, state), "terraform.bad_query") << query;
  EXPECT_EQ(code("GET", "/prod/network?ID=a"), "terraform.bad_query");
  EXPECT_EQ(code("UNLOCK", "/prod/network?ID=a", lock), "terraform.bad_query");
  EXPECT_EQ(code("POST", "/prod/network"), "terraform.bad_body");
  EXPECT_EQ(code("GET", "/prod/network", "x"), "terraform.bad_body");
  EXPECT_EQ(code("DELETE", "/prod/network", "x"), "terraform.bad_body");
  // Locks under other methods could as well be a state of that name.
  EXPECT_EQ(code("POST", "/prod/network/lock", lock), "terraform.lock_method");
  EXPECT_EQ(code("PUT", "/prod/network/lock", lock), "terraform.lock_method");
  EXPECT_EQ(code("DELETE", "/prod/network/lock", lock), "terraform.lock_method");
}

TEST_F(Terraform, RefusesLocksThatCouldBeReadInTwoWays) {
  for (const std::string& body :
       {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"ID":7})"), std::string(R"({"ID":""})"),
        std::string(R"({"ID":"a b"})"), std::string(R"({"ID":"a","ID":"b"})"), std::string(R"({"ID":"a","id":"b"})"),
        std::string(R"({"ID":"a","OPERATION":"b"})"), std::string("{\"ID\":\"a\",\"\xE2\x84\xAA\":\"b\"}"),
        R"({"ID":")" + std::string(129, 'a') + "\"}", R"({"ID":"a","Who":")" + std::string(1'001, 'a') + "\"}"})
    EXPECT_EQ(code("LOCK", "/prod/network", body), "terraform.bad_lock") << body;
  EXPECT_EQ(code("UNLOCK", "/prod/network", "{\"ID\":\"a\",\"iD\":\"b\"}"), "terraform.bad_lock");
}

TEST_F(Terraform, ChecksContentMd5) {
  const std::string lock = lock_json(std::string(kLock));
  const std::string state = state_json(1, {});
  HeaderList right;
  right.add("Content-MD5", md5_of(lock));
  EXPECT_EQ(code("LOCK", "/prod/network", lock, right), "ok");
  EXPECT_EQ(code("POST", "/prod/network", state, right), "terraform.content_md5");
  HeaderList of_state;
  of_state.add("Content-MD5", md5_of(state));
  EXPECT_EQ(code("POST", "/prod/network", state, of_state), "ok");
  EXPECT_EQ(code("LOCK", "/prod/network", lock, of_state), "terraform.content_md5");
  right.add("Content-MD5", md5_of(lock));
  EXPECT_EQ(code("LOCK", "/prod/network", lock, right), "terraform.content_md5");
}

TEST_F(Terraform, AnApplyUnderItsOwnLockIsAWriteWhateverItDestroys) {
  EXPECT_EQ(send("LOCK", "/prod/network", lock_json(std::string(kLock))), 200);
  EXPECT_EQ(send("POST", write(kLock), state_json(1, {{"aws_db_instance.orders", "1"}, {"a.b", "2"}})), 200);
  const Json facts = input("POST", write(kLock), state_json(2, {{"a.b", "2"}}));
  EXPECT_EQ(facts["own_lock"], true);
  EXPECT_EQ(facts["operation"], "OperationTypeApply");
  EXPECT_EQ(facts["flags"], Json::array({"resources_lost"}));
  EXPECT_EQ(facts["lost"], 1);
  EXPECT_EQ(facts["lost_resources"], Json::array({"aws_db_instance.orders"}));
  EXPECT_EQ(facts["lost_types"], Json::array({"aws_db_instance"}));
  EXPECT_EQ(facts["serial"], 2);
  EXPECT_EQ(facts["previous_serial"], 1);
  EXPECT_EQ(facts["resources"], 1);
  EXPECT_EQ(effect("POST", write(kLock), state_json(2, {{"a.b", "2"}})), "terraform:write_state write");
  EXPECT_EQ(effect("UNLOCK", "/prod/network", lock_json(std::string(kLock))), "terraform:unlock write");
  EXPECT_EQ(send("UNLOCK", "/prod/network", lock_json(std::string(kLock))), 200);
  EXPECT_EQ(effect("POST", write(kLock), state_json(2, {{"a.b", "2"}})), "terraform:write_state destroy");
}

TEST_F(Terraform, ALockIsNobodyElses) {
  ASSERT_EQ(send("LOCK", "/prod/network", lock_json(std::string(kLock))), 200);
  states["/prod/network"] = state_json(1, {{"a.b", "1"}});
  const std::string empty = state_json(2, {});
  EXPECT_EQ(effect("POST", write(kLock), empty, "root-b"), "terraform:write_state destroy");
  EXPECT_EQ(effect("POST", write(kLock), empty, ""), "terraform:write_state destroy");
  EXPECT_EQ(effect("POST", write(kOther), empty), "terraform:write_state destroy");
  EXPECT_EQ(effect("POST", "/prod/network", empty), "terraform:write_state destroy");
  states["/prod/dns"] = state_json(1, {{"a.b", "1"}});
  EXPECT_EQ(effect("POST", "/prod/dns?ID=" + std::string(kLock), empty), "terraform:write_state destroy");
  EXPECT_EQ(effect("UNLOCK", "/prod/network", lock_json(std::string(kLock)), "root-b"),
            "terraform:force_unlock administer");
  EXPECT_EQ(effect("UNLOCK", "/prod/dns", lock_json(std::string(kLock))), "terraform:force_unlock administer");
  EXPECT_EQ(effect("UNLOCK", "/prod/network", lock_json(std::string(kOther))), "terraform:force_unlock administer");
  EXPECT_EQ(effect("UNLOCK", "/prod/network", ""), "terraform:force_unlock administer");
  EXPECT_EQ(effect("UNLOCK", "/prod/network", R"({"ID":""})"), "terraform:force_unlock administer");
}

TEST_F(Terraform, WhatALockKeepsApartNeedsNobodyElseToDoSo) {
  ASSERT_EQ(send("LOCK", "/prod/network", lock_json(std::string(kLock))), 200);
  auto under_lock = [&](const std::string& method, const std::string& rest, const std::string& body,
                        const std::string& lineage = "root-a") {
    return ok(method, rest, body, lineage)->operation().under_lock;
  };
  EXPECT_TRUE(under_lock("LOCK", "/prod/network", lock_json(std::string(kLock))));
  EXPECT_TRUE(under_lock("UNLOCK", "/prod/network", lock_json(std::string(kLock))));
  EXPECT_TRUE(under_lock("POST", write(kLock), state_json(1, {})));
  EXPECT_FALSE(under_lock("UNLOCK", "/prod/network", lock_json(std::string(kLock)), "root-b"));
  EXPECT_FALSE(under_lock("POST", write(kLock), state_json(1, {}), "root-b"));
  EXPECT_FALSE(under_lock("POST", "/prod/network", state_json(1, {})));
  EXPECT_FALSE(under_lock("DELETE", "/prod/network", ""));
}

TEST_F(Terraform, APlansLockIsNoLicenceToWrite) {
  ASSERT_EQ(send("LOCK", "/prod/network", lock_json(std::string(kLock), "OperationTypePlan")), 200);
  states["/prod/network"] = state_json(1, {{"a.b", "1"}});
  EXPECT_EQ(input("POST", write(kLock), state_json(2, {{"a.b", "1"}}))["own_lock"], false);
  EXPECT_EQ(effect("POST", write(kLock), state_json(2, {})), "terraform:write_state destroy");
  EXPECT_EQ(effect("UNLOCK", "/prod/network", lock_json(std::string(kLock), "OperationTypePlan")),
            "terraform:unlock write");
}

TEST_F(Terraform, AskingForSomebodysLockAgainDoesNotMakeItOnesOwn) {
  ASSERT_EQ(send("LOCK", "/prod/network", lock_json(std::string(kLock))), 200);
  auto again = known("LOCK", "/prod/network", lock_json(std::string(kLock)), "root-b");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, "terraform.lock_id_taken");
  EXPECT_EQ(code("LOCK", "/prod/network", lock_json(std::string(kLock))), "ok");  // a client's second try

  // One of somebody who does not come through here, learnt from the server's refusal.
  locks["/prod/dns"] = lock_json(std::string(kOther));
  EXPECT_EQ(send("LOCK", "/prod/dns", lock_json(std::string(kLock))), 423);
  EXPECT_EQ(code("LOCK", "/prod/dns", lock_json(std::string(kOther))), "terraform.lock_id_taken");
  EXPECT_EQ(effect("UNLOCK", "/prod/dns", lock_json(std::string(kOther))), "terraform:force_unlock administer");
  // A lock that was not granted is none.
  EXPECT_EQ(effect("UNLOCK", "/prod/dns", lock_json(std::string(kLock))), "terraform:force_unlock administer");
}

TEST_F(Terraform, LocksOutlastARestart) {
  ASSERT_EQ(send("LOCK", "/prod/network", lock_json(std::string(kLock))), 200);
  ASSERT_EQ(send("LOCK", "/prod/dns", lock_json(std::string(kOther))), 200);
  ASSERT_EQ(send("UNLOCK", "/prod/dns", lock_json(std::string(kOther))), 200);
  adapter_.reset();
  open();
  EXPECT_EQ(effect("UNLOCK", "/prod/network", lock_json(std::string(kLock))), "terraform:unlock write");
  EXPECT_EQ(effect("UNLOCK", "/prod/network", lock_json(std::string(kLock)), "root-b"),
            "terraform:force_unlock administer");
  EXPECT_EQ(effect("UNLOCK", "/prod/dns", lock_json(std::string(kOther))), "terraform:force_unlock administer");
}

TEST_F(Terraform, AStateThatCannotBeAskedForIsNotWritten) {
  broken = true;
  EXPECT_EQ(code("POST", "/prod/network", state_json(1, {})), "terraform.state_unknown");
  EXPECT_EQ(code("DELETE", "/prod/network"), "terraform.state_unknown");
  doors_.http_doors.clear();
  EXPECT_NE(code("POST", "/prod/network", state_json(1, {})), "ok");
}

TEST_F(Terraform, NothingOfAStateIsShown) {
  states["/prod/network"] = state_json(7, {{"aws_db_instance.orders", "id-is-shown-nowhere"}, {"a.b", "2"}});
  const std::string next = state_json(8, {{"a.b", "2"}});
  auto conversation = ok("POST", "/prod/network", next);
  const approvals::Frozen frozen = conversation->freeze();
  const Preview preview = adapter_->preview(frozen, next);
  const std::string sentence = adapter_->sentence(frozen, next, "production");
  EXPECT_EQ(sentence,
            "Write the state prod/network on tf (production): serial 7 → 8, without its lock; 1 instance no longer "
            "tracked: aws_db_instance.orders.");
  std::string all = sentence + preview.sentence + frozen.shown + frozen.head + frozen.identity +
                    conversation->operation().summary + conversation->operation().input;
  for (const PreviewPart& part : preview.parts) all += part.text;
  EXPECT_EQ(all.find("hunter2"), std::string::npos);
  EXPECT_EQ(all.find("id-is-shown"), std::string::npos);
  EXPECT_NE(all.find("aws_db_instance.orders"), std::string::npos);
}

TEST_F(Terraform, SaysWhatALockIsFor) {
  auto conversation = ok("LOCK", "/prod/network", lock_json(std::string(kLock)));
  EXPECT_EQ(adapter_->sentence(conversation->freeze(), "", "production"),
            "terraform apply or destroy: lock prod/network on tf (production), by root@vm.");
  auto odd = ok("LOCK", "/prod/network", lock_json(std::string(kLock), R"(apply\u202e. Nothing to see)"));
  EXPECT_NE(adapter_->sentence(odd->freeze(), "", "").find("\"apply\\u{202E}. Nothing to see\""), std::string::npos);
}

TEST_F(Terraform, AHeldWriteIsBoundToTheStateItWasJudgedAgainst) {
  states["/prod/network"] = state_json(7, {{"a.b", "1"}});
  const std::string next = state_json(8, {});
  const approvals::Frozen frozen = ok("POST", "/prod/network", next)->freeze();
  auto thawed = adapter_->thaw(frozen, next, doors_).value();
  EXPECT_TRUE(run(thawed->check_fresh(doors_)));
  states["/prod/network"] = state_json(8, {{"a.b", "1"}, {"a.c", "2"}});
  Status stale = run(thawed->check_fresh(doors_));
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, "request.stale");
  EXPECT_NE(stale.error().message.find("serial is 8"), std::string::npos);
  states.clear();
  EXPECT_EQ(run(thawed->check_fresh(doors_)).error().code, "request.stale");
  // One that is too long to be compared is never the same.
  states["/prod/network"] = std::string(kMaxStateBytes + 1, ' ');
  const approvals::Frozen blind = ok("DELETE", "/prod/network")->freeze();
  auto later = adapter_->thaw(blind, "", doors_).value();
  EXPECT_EQ(run(later->check_fresh(doors_)).error().code, "request.stale");
}

TEST_F(Terraform, AnApprovedLockIsTakenForTheTerraformThatWaits) {
  auto first = ok("LOCK", "/prod/network", lock_json(std::string(kLock)));
  const approvals::Frozen frozen = first->freeze();
  EXPECT_EQ(frozen.head.find("X-Odd"), std::string::npos);
  first.reset();  // it has ended
  auto stored = adapter_->thaw(frozen, lock_json(std::string(kLock)), doors_).value();
  Status nobody = run(stored->check_fresh(doors_));
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().kind, ErrorKind::unavailable);  // it stays approved
  FakeSink none;
  EXPECT_EQ(run(stored->forward(doors_, nullptr, none, nullptr)).outcome, "not_forwarded");
  EXPECT_TRUE(locks.empty());

  HeaderList odd;
  odd.add("X-Odd", "not what was approved");
  odd.add("Content-MD5", md5_of(lock_json(std::string(kOther))));
  auto second = std::move(known("LOCK", "/prod/network", lock_json(std::string(kOther)), "root-a", odd).value());
  EXPECT_EQ(second->freeze().identity, frozen.identity);
  EXPECT_EQ(second->freeze().retry_identity, approvals::RetryIdentity::identity);
  FakeSink client;
  ASSERT_TRUE(run(second->heartbeat(client, Pending{.request = "req_1"})));
  ASSERT_TRUE(run(stored->check_fresh(doors_)));
  FakeSink kept;
  EXPECT_EQ(run(stored->forward(doors_, nullptr, kept, nullptr)).outcome, "ok");
  EXPECT_EQ(locks["/prod/network"], lock_json(std::string(kOther)));
  const HeaderList& sent = doors_.http_doors["tf"].sent.back().head.headers;
  EXPECT_EQ(sent.get("Content-MD5"), md5_of(lock_json(std::string(kOther))));
  EXPECT_FALSE(sent.get("X-Odd"));
  const approvals::StoredReply reply{200, encode_headers(kept.head.headers), kept.body};
  ASSERT_TRUE(run(second->deliver(client, reply)));
  EXPECT_EQ(client.head.status, 200);
  EXPECT_EQ(effect("UNLOCK", "/prod/network", lock_json(std::string(kOther))), "terraform:unlock write");

  // A run that did not get it is told which one did.
  auto third = ok("LOCK", "/prod/network", lock_json("a-third-one"));
  FakeSink late;
  ASSERT_TRUE(run(third->deliver(late, reply)));
  EXPECT_EQ(late.head.status, 423);
  EXPECT_NE(late.body.find("terraform force-unlock " + std::string(kOther)), std::string::npos);
}

TEST_F(Terraform, AnotherPlansMomentDoesNotUseUpAnApproval) {
  const approvals::Frozen frozen = ok("LOCK", "/prod/network", lock_json(std::string(kLock)))->freeze();
  auto client = ok("LOCK", "/prod/network", lock_json(std::string(kOther)));
  FakeSink none;
  ASSERT_TRUE(run(client->heartbeat(none, Pending{.request = "req_1"})));
  int asked = 0;
  locks["/prod/network"] = lock_json("a-colleagues", "OperationTypePlan");
  doors_.http_doors["tf"].respond = [&](const FakeHttpDoor::Sent& sent) {
    if (++asked == 2) locks.clear();
    return serve(sent);
  };
  auto stored = adapter_->thaw(frozen, lock_json(std::string(kLock)), doors_).value();
  FakeSink kept;
  EXPECT_EQ(run(stored->forward(doors_, nullptr, kept, nullptr)).outcome, "ok");
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(locks["/prod/network"], lock_json(std::string(kOther)));

  // But only for somebody who waits.
  locks["/prod/network"] = lock_json("a-colleagues");
  doors_.http_doors["tf"].respond = [&](const FakeHttpDoor::Sent& sent) {
    client.reset();
    return serve(sent);
  };
  FakeSink again;
  EXPECT_EQ(run(adapter_->thaw(frozen, lock_json(std::string(kLock)), doors_)
                    .value()
                    ->forward(doors_, nullptr, again, nullptr))
                .status,
            423);
}

TEST_F(Terraform, AnApprovedLockIsNoOtherOne) {
  const std::string plain = ok("LOCK", "/prod/network", lock_json("id-1"))->freeze().identity;
  EXPECT_EQ(ok("LOCK", "/prod/network", lock_json("id-2"))->freeze().identity, plain);
  auto with = [](const std::string& member) {
    std::string body = lock_json("id-2");
    return body.insert(1, member + ",");
  };
  EXPECT_NE(ok("LOCK", "/prod/dns", lock_json("id-2"))->freeze().identity, plain);
  EXPECT_NE(ok("LOCK", "/prod/network", lock_json("id-2", "taint"))->freeze().identity, plain);
  EXPECT_NE(ok("LOCK", "/prod/network", lock_json("id-2"), "root-b")->freeze().identity, plain);
  EXPECT_NE(ok("LOCK", "/prod/network", with(R"("Force":true)"))->freeze().identity, plain);
  std::string path = lock_json("id-2");
  path.replace(path.find(R"("Path":"")"), 9, R"("Path":"x")");
  EXPECT_NE(ok("LOCK", "/prod/network", path)->freeze().identity, plain);
  std::string later = lock_json("id-2");
  later.replace(later.find("2026-11-22"), 10, "2026-11-23");
  EXPECT_EQ(ok("LOCK", "/prod/network", later)->freeze().identity, plain);
}

TEST_F(Terraform, OneRunAtATimeWaitsForALock) {
  auto first = ok("LOCK", "/prod/network", lock_json(std::string(kLock)));
  auto second = ok("LOCK", "/prod/network", lock_json(std::string(kOther)));
  FakeSink sink;
  ASSERT_TRUE(run(first->heartbeat(sink, Pending{.request = "req_1"})));
  ASSERT_TRUE(run(first->heartbeat(sink, Pending{.request = "req_1"})));
  EXPECT_FALSE(sink.started());
  EXPECT_FALSE(run(second->heartbeat(sink, Pending{.request = "req_1"})));
  EXPECT_EQ(sink.head.status, 423);
  first.reset();
  FakeSink another;
  EXPECT_TRUE(run(second->heartbeat(another, Pending{.request = "req_1"})));
  // Another lineage, another operation, another state: each waits for itself.
  auto other = ok("LOCK", "/prod/network", lock_json("x"), "root-b");
  EXPECT_TRUE(run(other->heartbeat(another, Pending{.request = "req_2"})));
  auto taint = ok("LOCK", "/prod/network", lock_json("x", "taint"));
  EXPECT_TRUE(run(taint->heartbeat(another, Pending{.request = "req_3"})));
}

TEST_F(Terraform, TellsTerraformInThePlaceOfTheLocksId) {
  auto conversation = ok("LOCK", "/prod/network", lock_json(std::string(kLock)));
  FakeSink held;
  ASSERT_TRUE(run(conversation->answer_held(
      held, Pending{.request = "req_1", .link = "http://gw/requests/req_1", .reason = "changes need approval"})));
  EXPECT_EQ(held.head.status, 423);
  const Json body = parse_json(held.body).value();
  EXPECT_NE(body["ID"].get<std::string>().find("http://gw/requests/req_1"), std::string::npos);
  EXPECT_EQ(body["code"], "approval.pending");
  EXPECT_FALSE(body.contains("Created"));  // Go reads an empty time as an error
  FakeSink denied;
  ASSERT_TRUE(run(conversation->answer_denied(
      denied, Denial{403, {ErrorKind::forbidden, "policy.floor", "not on production"}, ""})));
  EXPECT_EQ(denied.head.status, 423);
  EXPECT_EQ(parse_json(denied.body).value()["ID"], "refused by Countersign (policy.floor): not on production");
  auto read = ok("GET", "/prod/network");
  FakeSink plain;
  ASSERT_TRUE(run(read->answer_denied(plain, Denial{403, {ErrorKind::forbidden, "policy.denied", "no"}, ""})));
  EXPECT_EQ(plain.head.status, 403);
}

TEST_F(Terraform, TheUpstreamsAddressIsNotTold) {
  doors_.http_doors["tf"].respond = [](const FakeHttpDoor::Sent&) {
    FakeHttpDoor::Answer out{{201, {}}, {}, std::nullopt, std::nullopt};
    out.head.headers.add("Location", "http://10.0.0.9/internal");
    out.head.headers.add("Set-Cookie", "session=1");
    return out;
  };
  auto conversation = ok("LOCK", "/prod/network", lock_json(std::string(kLock)));
  FakeSink sink;
  std::ignore = run(conversation->forward(doors_, nullptr, sink, nullptr));
  EXPECT_EQ(sink.header("Location"), "");
  EXPECT_EQ(sink.header("Set-Cookie"), "");
}

}  // namespace
}  // namespace countersign::adapters::test
