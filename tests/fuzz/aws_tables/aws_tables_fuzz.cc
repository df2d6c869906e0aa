// The tables of AWS operations are part of the program, but their reader trusts no byte of them.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "scopes/catalogue/aws_catalogue.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace countersign;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (Result<AwsCatalogue> read = AwsCatalogue::parse(std::string(bytes))) {
    for (const AwsService& service : read->services())
      for (const AwsOperation& operation : service.operations)
        if (read->find(service.key, operation.name) != &operation || operation.iam_action().data() == nullptr ||
            !operation.effects.contains(operation.effect))
          std::abort();
  }
  if (size < 4096) (void)AwsCatalogue::unpack(bytes);
  return 0;
}
