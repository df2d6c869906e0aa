// Every operation whose answer holds secrets: an answer written from the model, in each form, is redacted, no secret
// survives in its bytes, and botocore's own parser still reads it. Answers and the last check are aws_responses.py's.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "core/bytes.h"
#include "core/json.h"
#include "proxy/adapters/aws_redaction.h"
#include "scopes/catalogue/aws_catalogue.h"

namespace countersign::adapters {
namespace {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "secretsXXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

int run_python(const std::string& mode, const std::string& in, const std::string& out) {
  const char* other = std::getenv("COUNTERSIGN_BOTOCORE_PYTHON");
  const std::string command = std::string(other ? other : "/usr/bin/python3") +
                              " " COUNTERSIGN_SOURCE_DIR "/tests/golden/aws_responses.py " + mode + " < " + in + " > " +
                              out;
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string text_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// As the secret may be spelled in any of the forms.
std::vector<std::string> spellings(const std::string& secret) {
  const std::string core = secret.substr(0, secret.rfind('-') + 1);  // "hush-12-": the rest is there to be escaped
  return {core, to_base64(as_bytes(secret))};
}

TEST(AwsSecretsGolden, NoSecretOfAnyAnswerSurvives) {
  const Folder folder;
  std::size_t operations = 0;
  std::map<std::pair<std::string, std::string>, Json> paths;
  {
    std::ofstream asked(folder.file("asked"));
    for (const AwsService& service : AwsCatalogue::embedded().services()) {
      for (const AwsOperation& one : service.operations) {
        if (one.secrets.empty()) continue;
        ++operations;
        Json list = Json::array();
        for (const AwsSecret& secret : one.secrets) list.push_back(std::string(secret.path));
        paths[{std::string(service.key), std::string(one.name)}] = list;
        asked << Json({{"service", service.key}, {"operation", one.name}, {"paths", list}}).dump() << "\n";
      }
    }
  }
  EXPECT_GT(operations, 400U);
  const int written = run_python("write", folder.file("asked"), folder.file("answers"));
  if (written == 77) GTEST_SKIP() << "no botocore";
  ASSERT_EQ(written, 0);

  std::ifstream answers(folder.file("answers"));
  std::ofstream redacted(folder.file("redacted"));
  std::map<std::string, std::size_t> forms;
  std::size_t hidden = 0;
  for (std::string line; std::getline(answers, line);) {
    auto answer = parse_json(line);
    ASSERT_TRUE(answer) << answer.error().message;
    const std::string service = (*answer)["service"], operation = (*answer)["operation"], form = (*answer)["form"];
    SCOPED_TRACE(service + " " + operation + " " + form);
    const auto body = from_base64((*answer)["body"].get<std::string>());
    ASSERT_TRUE(body);
    const AwsOperation* known = AwsCatalogue::embedded().find(service, operation);
    ASSERT_NE(known, nullptr);
    HeaderList headers;
    headers.add("Content-Type", (*answer)["content_type"].get<std::string>());
    auto out = redact_aws_answer(*known, form_of_answer(headers, AwsProtocol::query), as_text(*body));
    ASSERT_TRUE(out) << out.error().message;
    const std::size_t secrets = (*answer)["secrets"].size();
    EXPECT_GE(out->count, secrets);
    for (const Json& secret : (*answer)["secrets"]) {
      for (const std::string& spelling : spellings(secret.get<std::string>()))
        EXPECT_EQ(out->body.find(spelling), std::string::npos) << spelling;
    }
    ++forms[form];
    hidden += secrets;
    (*answer)["paths"] = paths[{service, operation}];
    (*answer)["redacted"] = to_base64(as_bytes(out->body));
    redacted << answer->dump() << "\n";
  }
  redacted.close();
  EXPECT_GT(hidden, 1000U);
  EXPECT_GT(forms["json"], 150U);
  EXPECT_GT(forms["xml"], 50U);
  EXPECT_GT(forms["cbor"], 200U);
  EXPECT_EQ(run_python("check", folder.file("redacted"), folder.file("said")), 0) << text_of(folder.file("said"));
}

}  // namespace
}  // namespace countersign::adapters
