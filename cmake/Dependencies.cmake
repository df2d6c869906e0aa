# Every outside library, found once. All come from Debian 12 (scripts/setup).
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS url)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(simdjson REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CURL REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(date REQUIRED)  # time zones: approvals/zone.cc

# Debian's libre2-dev ships no CMake package.
find_library(RE2_LIBRARY re2 REQUIRED)
find_path(RE2_INCLUDE_DIR re2/re2.h REQUIRED)
add_library(countersign_re2 INTERFACE)
target_link_libraries(countersign_re2 INTERFACE ${RE2_LIBRARY})
target_include_directories(countersign_re2 SYSTEM INTERFACE ${RE2_INCLUDE_DIR})

# Nor does libargon2-dev.
find_library(ARGON2_LIBRARY argon2 REQUIRED)
find_path(ARGON2_INCLUDE_DIR argon2.h REQUIRED)
add_library(countersign_argon2 INTERFACE)
target_link_libraries(countersign_argon2 INTERFACE ${ARGON2_LIBRARY})
target_include_directories(countersign_argon2 SYSTEM INTERFACE ${ARGON2_INCLUDE_DIR})

# Asio without its header-only cost: proxy/net/asio_impl.cc compiles it once.
add_library(countersign_asio INTERFACE)
target_compile_definitions(countersign_asio INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_BEAST_SEPARATE_COMPILATION)
target_link_libraries(countersign_asio INTERFACE Boost::headers Threads::Threads)

# Security keys, for the command line and as an oracle in tests. Debian's libfido2-dev ships no CMake package.
find_library(FIDO2_LIBRARY fido2 REQUIRED)
find_path(FIDO2_INCLUDE_DIR fido.h REQUIRED)
add_library(countersign_fido2 INTERFACE)
target_link_libraries(countersign_fido2 INTERFACE ${FIDO2_LIBRARY} OpenSSL::Crypto)
target_include_directories(countersign_fido2 SYSTEM INTERFACE ${FIDO2_INCLUDE_DIR})
