// Secrets in AWS's answers, put out of sight: the catalogue says of each operation where its answer holds some
// (scopes/catalogue/aws_model.h, AwsSecret), and what stands there is replaced, in JSON, XML or CBOR, without a change
// to any other byte. Pure functions, any thread.
//
// A path is looked for at every depth, not only where the model has it, and names without regard to case: an answer in
// another wrapper (a query service that was asked for JSON, an emulator) is redacted all the same. What cannot be read
// strictly is no answer that can be redacted, and must not reach the agent.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/http_head.h"
#include "core/result.h"
#include "scopes/catalogue/aws_model.h"

namespace countersign::adapters {

inline constexpr std::string_view kRedacted = "[redacted by countersign]";
inline constexpr std::string_view kRedactedField = "x-countersign-redacted";  // how many values were
inline constexpr std::size_t kRedactableBytes = 4U << 20;                     // of an answer
inline constexpr std::size_t kRedactableValues = 400'000;

enum class AwsForm : std::uint8_t { json, xml, cbor };

// What an answer's body is written in: as its Content-Type says, or as the request was.
[[nodiscard]] AwsForm form_of_answer(const HeaderList& headers, AwsProtocol dialect);

struct Redacted {
  std::string body;
  std::size_t count = 0;  // of values
};

// A text becomes kRedacted, bytes that text (base64 of it in JSON and XML), a number 0, true becomes false; null, and
// what is empty, stay. A parameter of SSM that says that it is a plain one (String, StringList) is no secret. Errors:
// aws.unredactable (too_large, malformed), with why.
[[nodiscard]] Result<Redacted> redact_aws_answer(const AwsOperation& operation, AwsForm form, std::string_view body);

// Without the fields that speak of the bytes as they were: Content-MD5, X-Amz-Crc32, checksums and digests.
[[nodiscard]] HeaderList without_digests(const HeaderList& headers);

}  // namespace countersign::adapters
