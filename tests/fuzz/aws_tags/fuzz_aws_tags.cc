// Labels from tags. The input: a line of ARNs with spaces between them, a line with the status of an answer, and the
// answer, which is taken for one to each of the questions.
//
// Besides not crashing: a question is about one thing, and its call can be written as it is; an answer is about what
// was asked for, and says nothing where it is a refusal; tags say `sandbox` only where that word stands in the answer.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "proxy/adapters/aws_tag_questions.h"

namespace {

using namespace countersign;
using namespace countersign::adapters;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string_view take(std::string_view& text, char stop) {
  std::size_t end = std::min(text.find(stop), text.size());
  std::string_view out = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return out;
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string_view arns = take(text, '\n');
  const int status = std::atoi(std::string(take(text, '\n')).c_str());
  config::AwsAccount account;
  account.id = "111122223333";
  account.tags.emplace().environment = {"Environment"};
  for (int i = 0; i < 8 && !arns.empty(); ++i) {
    const std::string_view arn = take(arns, ' ');
    const auto question = question_about(account, arn, "eu-central-1");
    if (!question) continue;
    require(question->name.find_first_of("*?") == std::string::npos && !question->name.empty());
    const std::vector<AwsTagQuestion> batch = {*question};
    const auto call = call_for(account, batch);
    require(call.has_value() && is_printable(call->head.target) && is_printable(call->endpoint));
    require(call->head.target.starts_with('/') && call->body.find('\n') == std::string::npos);
    const auto answers = read_tags(batch, status, text);
    require(answers.size() == 1);
    const AwsTagAnswer& answer = answers.front();
    require(answer.state == AwsTagAnswer::State::present || answer.tags.empty());
    require(status == 200 || answer.tags.empty());
    require(status == 200 || status / 100 == 4 || answer.state == AwsTagAnswer::State::unknown);
    const config::LabelSet labels = labels_of_tags(*account.tags, {}, answer.tags);
    if (labels.environment != "sandbox") continue;
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    // Or spelt with escapes.
    require(lower.find("sandbox") != std::string::npos || lower.find_first_of("\\&") != std::string::npos);
  }
  return 0;
}
