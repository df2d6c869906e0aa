// Any bytes as the statement of a vote: refused, or exactly what we would write ourselves, within the limits; and any
// bytes as documentation: refused, or one spelling that stays as it is.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "approvals/documentation.h"
#include "approvals/statement.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace countersign;
  using namespace countersign::approvals;
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (Result<Statement> statement = parse_statement(input)) {
    if (text(*statement) != input) std::abort();
    if (statement->by.empty() || statement->requests.empty()) std::abort();
    if (statement->requests.size() > kMostStatedRequests) std::abort();
  }
  if (Result<std::string> canonical = canonical_documentation(input)) {
    Result<std::string> again = canonical_documentation(*canonical);
    if (!again || *again != *canonical || canonical->size() > kMostDocumentationBytes) std::abort();
  }
  return 0;
}
