// Recognition of AWS requests. The input is a request as text: the first line "<service> <method> <target>", then
// header fields, an empty line and the body.
//
// Besides not crashing: what is accepted names its operation and at least one thing it touches, is no less dangerous
// than the catalogue says (DynamoDB's statements apart), has parameters that are strict JSON within their bound, and is
// the same when it is asked again.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/json_reader.h"
#include "proxy/adapters/aws_recognise.h"

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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string_view line = take(text, '\n');
  std::string_view service = take(line, ' ');
  std::string_view method = take(line, ' ');
  HeaderList headers;
  std::string_view host;
  for (std::string_view field = take(text, '\n'); !field.empty() && headers.fields().size() < 64;
       field = take(text, '\n')) {
    std::string_view name = take(field, ':');
    if (field.starts_with(' ')) field.remove_prefix(1);
    headers.add(name, field);
    if (equal_ignoring_case(name, "Host")) host = field;
  }
  std::size_t question = std::min(line.find('?'), line.size());
  AwsWire wire{.method = method,
               .path = line.substr(0, question),
               .query = line.substr(std::min(question + 1, line.size())),
               .headers = &headers,
               .body = text,
               .body_state = text == "unread" ? AwsBody::unread : AwsBody::whole,
               .signing_service = service,
               .region = "eu-central-1",
               .host = host,
               .account = "123456789012"};
  const AwsCatalogue& catalogue = AwsCatalogue::embedded();
  Result<AwsCall> call = recognise(catalogue, wire);
  if (!call) {
    require(!call.error().code.empty());
    return 0;
  }
  require(call->operation && call->service && !call->accesses.empty());
  require(call->accesses.size() <= kAwsAccesses + 64);
  require(call->action.starts_with("aws:"));
  bool statement =
      call->service->iam_prefix == "dynamodb" && call->operation->name.find("Execute") != std::string_view::npos;
  require(statement || call->effect >= call->operation->effect);
  require(call->parameters.size() <= kAwsParameterBytes);
  require(JsonDocument::parse(call->parameters, {.bytes = 1U << 20, .depth = 200}).has_value());
  Result<AwsCall> again = recognise(catalogue, wire);
  require(again && again->operation == call->operation && again->parameters == call->parameters);
  return 0;
}
