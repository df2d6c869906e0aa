// The published vectors, read by the product's implementation. tests/auth/cs1.py reads the same file with another.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "auth/cbor.h"
#include "auth/scope_json.h"
#include "core/json.h"
#include "fixtures.h"

namespace countersign::auth {
namespace {

const Json& vectors() {
  static const Json json = [] {
    std::ifstream file(std::string(COUNTERSIGN_SOURCE_DIR) + "/tests/cases/token/vectors.json");
    std::string text{std::istreambuf_iterator<char>(file), {}};
    Result<Json> parsed = parse_json(text);
    return parsed ? *parsed : Json();
  }();
  return json;
}

KeySet vector_keys() {
  KeySet keys;
  for (const auto& [kid, hex] : vectors()["keys"].items()) {
    keys.keys.emplace(kid, Secret{ByteView(*from_hex(hex.get<std::string>()))});
    keys.newest = kid;
  }
  return keys;
}

Audience audience_of(const Json& vector) {
  return vector["audience"] == "admin" ? Audience::admin : Audience::agents;
}

std::vector<std::string> hex_ids(const std::vector<TokenId>& ids) {
  std::vector<std::string> out;
  for (const TokenId& id : ids) out.push_back(to_hex(id));
  return out;
}

TEST(Vectors, TokensAreJudgedAsPublished) {
  KeySet keys = vector_keys();
  std::size_t accepted = 0;
  std::size_t refused = 0;
  for (const Json& vector : vectors()["tokens"]) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    TimeMs now = vector["now"].get<TimeMs>() * 1000;
    Result<VerifiedToken> token = verify(vector["token"].get<std::string>(), keys, audience_of(vector), now);
    EXPECT_EQ(code_of(token), vector["code"].get<std::string>());
    (token ? accepted : refused) += 1;
    if (!token || vector["code"] != "ok") continue;
    const Json& expected = vector["result"];
    EXPECT_EQ(token->agent, expected["agent"].get<std::string>());
    EXPECT_EQ(token->owner, expected["owner"].get<std::string>());
    EXPECT_EQ(token->delegates, expected["delegates"].get<std::vector<std::string>>());
    EXPECT_EQ(hex_ids(token->ids), expected["ids"].get<std::vector<std::string>>());
    EXPECT_EQ(token->issued, expected["issued"].get<TimeMs>() * 1000);
    EXPECT_EQ(token->not_before, expected["not_before"].get<TimeMs>() * 1000);
    EXPECT_EQ(token->expires, expected["expires"].get<TimeMs>() * 1000);
    ASSERT_EQ(token->scope.blocks().size(), expected["scope"].size());
    for (std::size_t i = 0; i < expected["scope"].size(); ++i) {
      Result<std::vector<ScopeRule>> rules = rules_from_json(expected["scope"][i]);
      ASSERT_TRUE(rules.has_value());
      EXPECT_EQ(rules_to_json(token->scope.blocks()[i].rules), rules_to_json(*rules));
    }
  }
  EXPECT_GE(accepted, 10U);
  EXPECT_GE(refused, 90U);
}

TEST(Vectors, NoPrefixAndNoChangedCharacterIsAccepted) {
  KeySet keys = vector_keys();
  int tried = 0;
  for (const Json& vector : vectors()["tokens"]) {
    if (vector["code"] != "ok" || ++tried > 3) continue;
    auto text = vector["token"].get<std::string>();
    TimeMs now = vector["now"].get<TimeMs>() * 1000;
    for (std::size_t i = 0; i < text.size(); ++i) {
      std::string changed = text;
      changed[i] = changed[i] == 'A' ? 'B' : 'A';
      EXPECT_FALSE(verify(std::string_view(text).substr(0, i), keys, audience_of(vector), now)) << "cut at " << i;
      EXPECT_FALSE(verify(changed, keys, audience_of(vector), now)) << "changed at " << i;
    }
  }
}

TEST(Vectors, OfflineOperations) {
  KeySet keys = vector_keys();
  std::string parent;
  for (const Json& vector : vectors()["offline"]) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    auto delegable = vector["delegable"].get<std::string>();

    Result<Secret> bearer = seal(delegable);
    ASSERT_TRUE(bearer.has_value());
    EXPECT_EQ(bearer->expose(), vector["bearer"].get<std::string>());

    Result<AwsCredentials> aws = aws_credentials(delegable);
    ASSERT_TRUE(aws.has_value());
    EXPECT_EQ(aws->key_id, vector["aws"]["key_id"].get<std::string>());
    EXPECT_EQ(aws->secret.expose(), vector["aws"]["secret"].get<std::string>());
    EXPECT_EQ(aws->session_token, vector["aws"]["session_token"].get<std::string>());

    auto ids = vector["ids"].get<std::vector<std::string>>();
    for (std::string_view text : {std::string_view(delegable), bearer->expose()}) {
      Result<std::vector<TokenId>> traced = trace(text, keys);
      ASSERT_TRUE(traced.has_value());
      EXPECT_EQ(hex_ids(*traced), ids);
    }
    Result<UnverifiedToken> seen = inspect(delegable);
    ASSERT_TRUE(seen.has_value());
    ASSERT_TRUE(seen->leaf.has_value());
    EXPECT_EQ(to_hex(*seen->leaf), ids.back());

    // Decoding and encoding again gives the same bytes, and narrowing the parent by the last block the same child.
    EXPECT_EQ(to_hex(encode_block(seen->claims)), vector["blocks"][0].get<std::string>());
    if (!seen->caveats.empty()) {
      EXPECT_EQ(to_hex(encode_block(seen->caveats.back())), vector["blocks"].back().get<std::string>());
      Result<Secret> child = narrow(parent, seen->caveats.back());
      ASSERT_TRUE(child.has_value());
      EXPECT_EQ(child->expose(), delegable);
    }
    parent = delegable;
  }
  EXPECT_FALSE(parent.empty());
}

TEST(Vectors, Cbor) {
  std::size_t tried = 0;
  for (const Json& vector : vectors()["cbor"]) {
    Bytes bytes = *from_hex(vector["hex"].get<std::string>());
    CborReader in{ByteView(bytes)};
    in.skip();
    in.finish();
    EXPECT_EQ(in.fault() == CborFault::none, vector["valid"].get<bool>())
        << vector["hex"] << ": " << cbor_fault_text(in.fault());
    ++tried;
  }
  EXPECT_GE(tried, 70U);
}

}  // namespace
}  // namespace countersign::auth
