#include "proxy/adapters/aws_arn.h"

#include <array>

namespace countersign::adapters {

AwsArn parse_aws_arn(std::string_view text) {
  std::array<std::string_view, 5> parts;
  for (std::string_view& part : parts) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return {};
    part = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  if (parts[0] != "arn") return {};
  AwsArn out{parts[1], parts[2], parts[3], parts[4], text, {}, text};
  const std::size_t end = text.find_first_of(":/");
  if (end == std::string_view::npos) return out;
  out.type = text.substr(0, end);
  out.name = text.substr(end + 1);
  return out;
}

}  // namespace countersign::adapters
