// The packed tables as they lie in the program; scopes/catalogue/embed.cmake writes where they come from.
#pragma once

#include <string_view>

namespace countersign {

[[nodiscard]] std::string_view embedded_aws_tables();

}  // namespace countersign
