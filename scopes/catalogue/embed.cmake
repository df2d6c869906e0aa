# Writes the C++ file that embeds the packed tables:
#   cmake -DTABLES=…/aws.tables.gz -DOUTPUT=… -P embed.cmake
# Their digest stands in the source, so that a compiler cache sees when they have changed.
cmake_minimum_required(VERSION 3.25)
file(SHA256 "${TABLES}" digest)
file(WRITE "${OUTPUT}.new" "// Made by scopes/catalogue/embed.cmake.
#include \"scopes/catalogue/aws_embedded.h\"

#pragma clang diagnostic ignored \"-Wc23-extensions\"  // #embed

namespace countersign {

constexpr unsigned char kTables[] = {  // ${digest}
#embed \"${TABLES}\"
};

std::string_view embedded_aws_tables() {
  return {reinterpret_cast<const char*>(kTables), sizeof kTables};
}

}  // namespace countersign
")
file(COPY_FILE "${OUTPUT}.new" "${OUTPUT}" ONLY_IF_DIFFERENT)
file(TOUCH_NOCREATE "${OUTPUT}")
