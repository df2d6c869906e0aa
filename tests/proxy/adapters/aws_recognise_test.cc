// The tables of tests/cases/aws: a request as text, and what it is. tests/cases/aws/README.md has the form.
#include "proxy/adapters/aws_recognise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "proxy/adapters/aws_value.h"

namespace countersign::adapters {
namespace {

struct Case {
  std::string where;  // file:line
  std::string sign, host, method, target, body;
  HeaderList headers;
  AwsBody state = AwsBody::whole;
  std::string expect, iam, parameters;
  std::string flags = "?";
  std::vector<std::string> accesses;
};

std::string value_of(const std::string& line, std::string_view word) {
  return line.starts_with(word) ? line.substr(word.size()) : std::string();
}

std::string from_hex(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
  return out;
}

// Reads "say" lines up to an empty line, then the request, its headers, an empty line and the body; `---` ends a case.
std::vector<Case> cases_of(const std::filesystem::path& path) {
  std::vector<Case> out;
  std::ifstream file(path);
  std::string line;
  std::size_t number = 0;
  enum class At { says, request, headers, body } at = At::says;
  Case one;
  while (std::getline(file, line)) {
    ++number;
    if (line == "---") {
      out.push_back(std::move(one));
      one = Case();
      at = At::says;
    } else if (at == At::says && (line.empty() || line.starts_with('#'))) {
      continue;
    } else if (at == At::says && line.starts_with("> ")) {
      one.where = path.filename().string() + ":" + std::to_string(number);
      std::size_t space = line.find(' ', 2);
      one.method = line.substr(2, space - 2);
      one.target = line.substr(space + 1);
      at = At::headers;
    } else if (at == At::says) {
      if (auto v = value_of(line, "sign: "); !v.empty()) one.sign = v;
      if (auto v = value_of(line, "host: "); !v.empty()) one.host = v;
      if (auto v = value_of(line, "expect: "); !v.empty()) one.expect = v;
      if (auto v = value_of(line, "iam: "); !v.empty()) one.iam = v;
      if (auto v = value_of(line, "parameters: "); !v.empty()) one.parameters = v;
      if (line.starts_with("flags:")) one.flags = line.size() > 7 ? line.substr(7) : "";
      if (auto v = value_of(line, "access: "); !v.empty()) one.accesses.push_back(v);
      if (line == "body: unread") one.state = AwsBody::unread;
    } else if (at == At::headers && line.empty()) {
      at = At::body;
    } else if (at == At::headers) {
      std::size_t colon = line.find(": ");
      one.headers.add(line.substr(0, colon), line.substr(colon + 2));
    } else if (line.starts_with("hex:")) {
      one.body += from_hex(line.substr(4));
    } else {
      one.body += (one.body.empty() ? "" : "\n") + line;
    }
  }
  return out;
}

AwsWire wire_of(const Case& one) {
  std::string_view target = one.target;
  std::size_t question = std::min(target.find('?'), target.size());
  return {.method = one.method,
          .path = target.substr(0, question),
          .query = target.substr(std::min(question + 1, target.size())),
          .headers = &one.headers,
          .body = one.body,
          .body_state = one.state,
          .signing_service = one.sign,
          .region = "eu-central-1",
          .host = std::string_view(one.host),
          .account = "123456789012"};
}

std::string joined(const std::set<std::string, std::less<>>& words) {
  std::string out;
  for (const std::string& each : words) out += (out.empty() ? "" : " ") + each;
  return out;
}

void check(const Case& one) {
  SCOPED_TRACE(one.where + " " + one.method + " " + one.target);
  Result<AwsCall> call = recognise(AwsCatalogue::embedded(), wire_of(one));
  if (one.expect.find(' ') == std::string::npos) {  // a refusal
    ASSERT_FALSE(call) << "taken for " << call->action;
    EXPECT_EQ(call.error().code, one.expect) << call.error().message;
    return;
  }
  ASSERT_TRUE(call) << call.error().code << ": " << call.error().message;
  EXPECT_EQ(call->action + " " + std::string(effect_name(call->effect)), "aws:" + one.expect);
  if (!one.iam.empty()) EXPECT_EQ(call->iam_action, one.iam);
  if (one.flags != "?") EXPECT_EQ(joined(call->flags), one.flags);
  if (!one.parameters.empty()) EXPECT_EQ(call->parameters, one.parameters);
  for (const AwsAccess& access : call->accesses) {
    const AwsOperation& operation = *call->operation;
    EXPECT_TRUE(!access.action.empty() || operation.effects.contains(access.effect) ||
                (is_change(operation.effect) && access.effect > operation.effect))
        << "policies know no such effect of it: " << effect_name(access.effect);
  }
  if (!one.accesses.empty()) {
    std::vector<std::string> found;
    for (const AwsAccess& each : call->accesses)
      found.push_back(std::string(effect_name(each.effect)) + " " + each.arn);
    EXPECT_EQ(found, one.accesses);
  }
}

TEST(AwsRecognise, Cases) {
  std::size_t count = 0;
  const std::filesystem::path folder(COUNTERSIGN_SOURCE_DIR "/tests/cases/aws");
  for (const char* name : {"s3.txt", "query.txt", "json.txt", "rest.txt"}) {
    for (const Case& one : cases_of(folder / name)) {
      check(one);
      ++count;
    }
  }
  EXPECT_GT(count, 100U);
}

// The names in the query, in the form and in the path are changed in every way a lenient reader might undo. Whatever
// comes out is refused or has the effect that the plain request has.
TEST(AwsRecognise, NoSpellingMakesADeletionHarmless) {
  const std::vector<std::string> deletions = {
      "/2015-03-31/functions/orders", "/2015-03-31/functions/orders/concurrency", "/2015-03-31/functions/orders/url"};
  const std::vector<std::pair<std::string, std::string>> changes = {{"/functions/", "//functions/"},
                                                                    {"/functions/", "/./functions/"},
                                                                    {"/functions/", "/x/../functions/"},
                                                                    {"/functions/", "/%66unctions/"},
                                                                    {"/functions/", "/Functions/"},
                                                                    {"/functions/", "/functions%2F"},
                                                                    {"/functions/", "/functions/%2e/"},
                                                                    {"/functions/", "/functions;a=b/"},
                                                                    {"/functions/", "\\functions/"},
                                                                    {"orders", "orders%2F..%2Fother"},
                                                                    {"orders", "orders%00"},
                                                                    {"orders", "orders%252Fpolicy"},
                                                                    {"/2015-03-31/", "/2015-03-31/%2E%2E/2015-03-31/"}};
  for (const std::string& path : deletions) {
    for (const auto& [from, to] : changes) {
      Case one;
      one.method = "DELETE";
      one.sign = "lambda";
      one.target = path;
      one.target.replace(one.target.find(from), from.size(), to);
      SCOPED_TRACE(one.target);
      Result<AwsCall> call = recognise(AwsCatalogue::embedded(), wire_of(one));
      if (call) EXPECT_EQ(call->effect, Effect::destroy) << call->action;
    }
  }
}

// DeleteObjects of this many keys: k0, k1, …
Case batch_of(int keys) {
  Case one;
  one.method = "POST";
  one.sign = "s3";
  one.target = "/backups?delete";
  one.body = "<Delete>";
  for (int i = 0; i < keys; ++i) one.body += "<Object><Key>k" + std::to_string(i) + "</Key></Object>";
  one.body += "</Delete>";
  return one;
}

TEST(AwsRecognise, EveryKeyOfABatchIsAnAccess) {
  const Case one = batch_of(1000);
  Result<AwsCall> call = recognise(AwsCatalogue::embedded(), wire_of(one));
  ASSERT_TRUE(call) << call.error().message;
  ASSERT_EQ(call->accesses.size(), 1000U);
  EXPECT_EQ(call->accesses[999].arn, "arn:aws:s3:::backups/k999");
  EXPECT_TRUE(
      std::ranges::all_of(call->accesses, [](const AwsAccess& each) { return each.effect == Effect::destroy; }));
}

TEST(AwsRecognise, PastTheBoundTheRestIsEverything) {
  const Case one = batch_of(5000);
  Result<AwsCall> call = recognise(AwsCatalogue::embedded(), wire_of(one));
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->accesses.size(), kAwsAccesses + 1);
  EXPECT_EQ(call->accesses.back().arn, "arn:aws:s3:::*");
  EXPECT_TRUE(call->flags.contains("accesses_cut"));
}

TEST(AwsRecognise, ParametersAreBoundedAndTheLongestAreLeftOut) {
  Case one;
  one.method = "POST";
  one.sign = "dynamodb";
  one.target = "/";
  one.headers.add("X-Amz-Target", "DynamoDB_20120810.PutItem");
  one.headers.add("Content-Type", "application/x-amz-json-1.0");
  one.body = R"({"TableName":"orders","Item":{"id":{"S":")" + std::string(80'000, 'x') + R"("}}})";
  Result<AwsCall> call = recognise(AwsCatalogue::embedded(), wire_of(one));
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->parameters, R"({"TableName":"orders"})");
  EXPECT_EQ(call->left_out, std::vector<std::string>{"Item"});
  EXPECT_TRUE(call->flags.contains("parameters_cut"));
}

TEST(AwsRecognise, DeepAndWideInputIsRefusedNotFollowed) {
  Case one;
  one.method = "POST";
  one.sign = "dynamodb";
  one.target = "/";
  one.headers.add("X-Amz-Target", "DynamoDB_20120810.PutItem");
  one.headers.add("Content-Type", "application/x-amz-json-1.0");
  std::string open;
  std::string close;
  for (int i = 0; i < 5000; ++i) {
    open += R"({"M":{"a":)";
    close += "}}";
  }
  one.body = R"({"Item":{"a":)" + open + "1" + close + "}}";
  Result<AwsCall> call = recognise(AwsCatalogue::embedded(), wire_of(one));
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().code, "aws.malformed");
}

// What the tables cannot say: bytes that are no text.
TEST(AwsRecognise, CborIsReadStrictly) {
  auto ask = [](std::string body) {
    Case one;
    one.method = "POST";
    one.sign = "monitoring";
    one.target = "/service/GraniteServiceVersion20100801/operation/DeleteAlarms";
    one.headers.add("smithy-protocol", "rpc-v2-cbor");
    one.headers.add("Content-Type", "application/cbor");
    one.body = std::move(body);
    Result<AwsCall> call = recognise(AwsCatalogue::embedded(), wire_of(one));
    return call ? call->parameters : call.error().code;
  };
  using std::string;
  EXPECT_EQ(ask(from_hex("a16a416c61726d4e616d65738161") + "a"), R"({"AlarmNames":["a"]})");
  EXPECT_EQ(ask(from_hex("bf6a416c61726d4e616d65739f7f6161ffffff")), R"({"AlarmNames":["a"]})");
  EXPECT_EQ(ask(from_hex("a26a416c61726d4e616d657381616a416c61726d4e616d65738161") + "b"), "aws.malformed");
  EXPECT_EQ(ask(from_hex("a26a416c61726d4e616d65738061416a416c61726d4e616d657380")), "aws.malformed");
  EXPECT_EQ(ask(string(5000, '\x81')), "aws.malformed");            // nested arrays
  EXPECT_EQ(ask(from_hex("9bffffffffffffffff")), "aws.malformed");  // a length that cannot be
  EXPECT_EQ(ask(from_hex("a1c2416161")), "aws.malformed");          // a tagged key
  EXPECT_EQ(ask(from_hex("a0") + "x"), "aws.malformed");            // bytes behind it
}

}  // namespace
}  // namespace countersign::adapters
