// Every operation that botocore can serialise, recognised: the right one, or another name of it, or refused as
// ambiguous. Never another one.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/json.h"
#include "proxy/adapters/aws_recognise.h"

namespace countersign::adapters {
namespace {

std::string decode_base64(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t bits = 0;
  int have = 0;
  for (char c : text) {
    std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) break;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out += static_cast<char>(static_cast<unsigned char>(bits >> have & 255));
  }
  return out;
}

// Another Python with a newer botocore: then only what is wrong counts, not what is pinned.
const char* other_python() {
  return std::getenv("COUNTERSIGN_BOTOCORE_PYTHON");
}

class Lines {
 public:
  Lines() {
    std::string command = other_python() ? other_python() : "/usr/bin/python3";
    pipe_ = popen((command + " " COUNTERSIGN_SOURCE_DIR "/tests/golden/aws_requests.py").c_str(), "r");
  }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  ~Lines() {
    if (pipe_) pclose(pipe_);
  }
  bool next(std::string& line) {
    line.clear();
    char buffer[8192];
    while (std::fgets(buffer, sizeof buffer, pipe_)) {
      line += buffer;
      if (line.ends_with('\n')) return true;
    }
    return !line.empty();
  }
  int close() {
    int status = pclose(pipe_);
    pipe_ = nullptr;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  FILE* pipe_ = nullptr;
};

struct Request {
  std::string service, operation, signing_name, method, path, query, body;
  HeaderList headers;

  [[nodiscard]] AwsWire wire() const {
    return {.method = method,
            .path = path,
            .query = query,
            .headers = &headers,
            .body = body,
            .signing_service = signing_name,
            .region = "eu-central-1",
            .host = "gateway.example",
            .account = "123456789012"};
  }
};

Request read(const Json& json) {
  Request out{string_or(json, "service", ""),
              string_or(json, "operation", ""),
              string_or(json, "signing_name", ""),
              string_or(json, "method", ""),
              string_or(json, "path", ""),
              string_or(json, "query", ""),
              decode_base64(string_or(json, "body", "")),
              {}};
  for (const Json& field : json.at("headers"))
    out.headers.add(field[0].get<std::string>(), field[1].get<std::string>());
  return out;
}

// The request, changed as somebody would who wants it taken for another one. Empty: refused, or still the same
// operation; else what went wrong.
std::string tampered(const AwsCatalogue& catalogue, const Request& plain, const AwsCall& call) {
  std::string problems;
  auto ask = [&](const Request& request, std::string_view how, bool must_refuse) {
    Result<AwsCall> got = recognise(catalogue, request.wire());
    if (!got || (!must_refuse && got->operation == call.operation)) return;
    problems += std::string(how) + " is " + got->action + "; ";
  };
  Request one = plain;
  one.path = "/" + one.path;
  ask(one, "an empty segment", true);

  one = plain;
  one.path = "/x/.." + one.path;
  ask(one, "a dot segment", true);

  one = plain;
  if (one.path.size() > 1 && !one.path.ends_with('/')) {
    char buffer[4];
    std::snprintf(buffer, sizeof buffer, "%%%02x", static_cast<unsigned>(static_cast<unsigned char>(one.path.back())));
    bool encoded = one.path.size() > 3 && one.path[one.path.size() - 3] == '%';
    if (!encoded) one.path.replace(one.path.size() - 1, 1, buffer);
    ask(one, "an encoded letter", false);
  }

  one = plain;
  one.query += (one.query.empty() ? "" : "&") + std::string("Action=DescribeNothing&Version=1");
  ask(one, "another Action", true);

  one = plain;
  one.headers.add("X-Amz-Target", "Nothing_20000101.ListNothing");
  ask(one, "another X-Amz-Target", true);

  one = plain;
  one.headers.add("X-HTTP-Method-Override", "GET");
  ask(one, "another method", true);

  one = plain;
  one.query += (one.query.empty() ? "" : "&") + std::string("x-id=ListNothing");
  ask(one, "another x-id", true);
  return problems;
}

// Requests that fit two operations with different meanings where the host name does not say which: pinned, so that a
// change of the catalogue or of the rules shows.
const std::set<std::string>& expected_ambiguous();
// Operations whose method or path AWS changed after the client's models were written.
const std::set<std::string>& expected_moved();

TEST(AwsGolden, EveryOperationOfBotocoreIsRecognisedOrRefused) {
  const AwsCatalogue& catalogue = AwsCatalogue::embedded();
  Lines lines;
  std::string line;
  std::size_t all = 0;
  std::size_t right = 0;
  std::size_t alias = 0;
  std::size_t absent = 0;  // no longer in the models the catalogue was made from
  std::set<std::string> ambiguous;
  std::vector<std::string> wrong;
  std::set<std::string> refused;
  while (lines.next(line)) {
    Json json = Json::parse(line);
    ASSERT_FALSE(json.contains("problem")) << line;
    ++all;
    Request request = read(json);
    std::string name = request.service + ":" + request.operation;
    const AwsOperation* expected = catalogue.find(request.service, request.operation);
    Result<AwsCall> call = recognise(catalogue, request.wire());
    if (!expected) {
      ++absent;
      // A successor of the same name, or one that is not less dangerous than its name says.
      bool deletes = request.operation.starts_with("Delete");
      if (call && call->operation->name != request.operation && deletes && call->operation->effect != Effect::destroy)
        wrong.push_back(name + " as " + std::string(call->service->key) + ":" + std::string(call->operation->name));
      continue;
    }
    if (!call) {
      if (call.error().code == "aws.ambiguous")
        ambiguous.insert(name);
      else
        refused.insert(name);
      continue;
    }
    EXPECT_FALSE(call->accesses.empty()) << name;
    // What policies are validated against: a change can become more dangerous, nothing else can.
    for (const AwsAccess& access : call->accesses) {
      const AwsOperation& operation = *call->operation;
      bool may = !access.action.empty() || operation.effects.contains(access.effect) ||
                 (is_change(operation.effect) && access.effect > operation.effect);
      EXPECT_TRUE(may) << name << " " << effect_name(access.effect);
    }
    if (std::string problems = tampered(catalogue, request, *call); !problems.empty())
      wrong.push_back(name + ": " + problems);
    if (call->operation == expected) {
      ++right;
      // Only a statement says itself what it does.
      bool statement = request.service == "dynamodb" && request.operation.find("Execute") != std::string::npos;
      if (!statement) EXPECT_GE(call->effect, expected->effect) << name;
    } else if (call->operation->iam_action() == expected->iam_action() && call->operation->effect >= expected->effect) {
      ++alias;
    } else {
      wrong.push_back(name + " as " + std::string(call->service->key) + ":" + std::string(call->operation->name));
    }
  }
  int status = lines.close();
  if (status == 77) GTEST_SKIP() << "/usr/bin/python3 has no botocore (scripts/setup installs it)";
  ASSERT_EQ(status, 0);
  std::printf("%zu requests: %zu right, %zu by another name, %zu ambiguous, %zu refused, %zu not in the catalogue\n",
              all, right, alias, ambiguous.size(), refused.size(), absent);
  EXPECT_GT(all, 12'000U);
  for (const std::string& each : wrong) ADD_FAILURE() << "wrong: " << each;
  if (other_python()) {
    for (const std::string& each : ambiguous) std::printf("ambiguous: %s\n", each.c_str());
    for (const std::string& each : refused) std::printf("refused: %s\n", each.c_str());
    return;
  }
  EXPECT_EQ(ambiguous, expected_ambiguous());
  EXPECT_EQ(refused, expected_moved());
}

const std::set<std::string>& expected_ambiguous() {
  static const std::set<std::string> kNames = {"lex-models:StartImport", "lexv2-models:ListImports"};
  return kNames;
}

const std::set<std::string>& expected_moved() {
  static const std::set<std::string> kNames = {"codecatalyst:ListDevEnvironments",
                                               "quicksight:ListIAMPolicyAssignments",
                                               "securitylake:CreateAwsLogSource",
                                               "securitylake:CreateCustomLogSource",
                                               "securitylake:DeleteAwsLogSource",
                                               "securitylake:DeleteCustomLogSource",
                                               "securitylake:DeleteSubscriber",
                                               "securitylake:ListLogSources",
                                               "sesv2:ListContacts",
                                               "sesv2:ListImportJobs",
                                               "sesv2:PutEmailIdentityDkimSigningAttributes"};
  return kNames;
}

}  // namespace
}  // namespace countersign::adapters
