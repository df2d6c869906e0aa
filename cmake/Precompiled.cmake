# Precompiled headers: the standard library and the outside headers that most files pay for, parsed once instead of five
# hundred times. Our own headers are never among them, so a change of ours rebuilds what it did before.
#
# They hide a missing include. Therefore the release preset does without: there every file of the program must include
# what it uses.
option(COUNTERSIGN_PCH "Precompile the headers of outside libraries" OFF)

set(COUNTERSIGN_PCH_HEADERS
  <algorithm> <array> <atomic> <charconv> <chrono> <condition_variable> <cstdint> <cstdlib> <cstring> <deque> <expected>
  <filesystem> <fstream> <functional> <map> <memory> <mutex> <numeric> <optional> <random> <ranges> <set> <sstream>
  <string> <string_view> <thread> <tuple> <unordered_map> <unordered_set> <utility> <variant> <vector>
  <nlohmann/json.hpp>)
set(COUNTERSIGN_PCH_ASIO_HEADERS
  <boost/asio/as_tuple.hpp> <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp> <boost/asio/io_context.hpp>
  <boost/asio/ip/tcp.hpp> <boost/asio/post.hpp> <boost/asio/steady_timer.hpp>)
define_property(TARGET PROPERTY COUNTERSIGN_ASIO BRIEF_DOCS "Whether the layers below include proxy_net")

# A target that carries precompiled headers for all that are compiled with the same options as it.
function(precompiled_carrier name)
  file(WRITE ${CMAKE_BINARY_DIR}/precompiled/${name}.cc "// Carries precompiled headers.\n")
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/precompiled/${name}.cc)
  target_link_libraries(${name} PRIVATE countersign_asio nlohmann_json::nlohmann_json)
  target_compile_options(${name} PRIVATE -Xclang -fno-pch-timestamp)
  target_precompile_headers(${name} PRIVATE ${COUNTERSIGN_PCH_HEADERS} ${ARGN})
  if(name MATCHES "_test$")  # programs
    target_link_libraries(${name} PRIVATE countersign_test_flags GTest::gtest)
    set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${name} PRIVATE ${CMAKE_CXX_COMPILE_OPTIONS_PIE})
  elseif(name MATCHES "_asio_layer$")
    target_link_libraries(${name} PRIVATE countersign_flags)
    target_compile_options(${name} PRIVATE ${COUNTERSIGN_UNHURRIED})
  else()
    target_link_libraries(${name} PRIVATE countersign_flags)
  endif()
endfunction()

if(COUNTERSIGN_PCH)
  precompiled_carrier(precompiled_layer)
  precompiled_carrier(precompiled_asio_layer ${COUNTERSIGN_PCH_ASIO_HEADERS})
  precompiled_carrier(precompiled_test <gtest/gtest.h>)
  precompiled_carrier(precompiled_asio_test <gtest/gtest.h> ${COUNTERSIGN_PCH_ASIO_HEADERS})
endif()

# precompiled(TARGET layer|test DEPENDS …): compiles a target's files with what is precompiled for its kind.
# Asio's headers refer to its compiled part, which proxy_net holds: only what is linked with that may have them.
function(precompiled target kind)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  if(NOT COUNTERSIGN_PCH)
    return()
  endif()
  set(linked OFF)
  foreach(layer IN LISTS ARG_DEPENDS)
    get_target_property(theirs ${layer} COUNTERSIGN_ASIO)
    if(theirs OR layer STREQUAL "proxy_net")
      set(linked ON)
    endif()
  endforeach()
  set_target_properties(${target} PROPERTIES COUNTERSIGN_ASIO ${linked})
  set(carrier precompiled_${kind})
  if(linked OR target MATCHES "^proxy_(net|adapters)$")
    set(carrier precompiled_asio_${kind})
    target_compile_options(${target} PRIVATE ${COUNTERSIGN_UNHURRIED})
  endif()
  target_compile_options(${target} PRIVATE -Xclang -fno-pch-timestamp)
  target_precompile_headers(${target} REUSE_FROM ${carrier})
endfunction()
