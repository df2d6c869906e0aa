// Redaction of answers of a hostile upstream. The input is a first line "<service> <operation> <j|x|c>", and the body.
//
// Besides not crashing: what is redacted can be read again, and is the same when it is redacted again; nothing is
// hidden where the operation has no secrets; what is refused has the one code.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proxy/adapters/aws_redaction.h"
#include "scopes/catalogue/aws_catalogue.h"

namespace {

using namespace countersign;
using namespace countersign::adapters;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string_view take(std::string_view& text, char stop) {
  const std::size_t end = std::min(text.find(stop), text.size());
  const std::string_view out = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string_view line = take(text, '\n');
  const std::string_view service = take(line, ' ');
  const AwsOperation* operation = AwsCatalogue::embedded().find(service, take(line, ' '));
  if (!operation) operation = AwsCatalogue::embedded().find("secretsmanager", "GetSecretValue");
  const AwsForm form = line == "x" ? AwsForm::xml : line == "c" ? AwsForm::cbor : AwsForm::json;
  Result<Redacted> once = redact_aws_answer(*operation, form, text);
  if (!once) {
    require(once.error().code == "aws.unredactable");
    return 0;
  }
  if (operation->secrets.empty()) require(once->count == 0 && once->body == text);
  Result<Redacted> again = redact_aws_answer(*operation, form, once->body);
  require(again.has_value());
  require(again->body == once->body);
  return 0;
}
