# layer(NAME FOLDER SOURCES … DEPENDS … LIBRARIES …)
#
# One static library a folder. Its include path holds exactly one link, <build>/include/NAME/FOLDER → FOLDER, and a target
# sees only the paths of the layers it names in DEPENDS (and of theirs). So `#include "auth/token.h"` compiles only where the
# table of docs/decisions/0002-layers.md allows it: the design's include table is checked by the compiler.
#
#   DEPENDS    layers whose headers this one may include, in its headers too
#   LIBRARIES  outside libraries; PUBLIC, because our headers may name them
function(layer name folder)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  set(link ${CMAKE_BINARY_DIR}/include/${name}/${folder})
  get_filename_component(parent ${link} DIRECTORY)
  file(MAKE_DIRECTORY ${parent})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${folder} ${link} SYMBOLIC)

  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
    target_link_libraries(${name} PRIVATE countersign_flags)
    precompiled(${name} layer DEPENDS ${ARG_DEPENDS})
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${name} ${scope} ${CMAKE_BINARY_DIR}/include/${name})
  target_link_libraries(${name} ${scope} ${ARG_DEPENDS} ${ARG_LIBRARIES})
endfunction()

# layer_test(NAME SOURCES … DEPENDS …): a GoogleTest program of one folder, registered case by case under the label `unit`.
function(layer_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LABELS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE countersign_test_flags ${ARG_DEPENDS} GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE COUNTERSIGN_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  precompiled(${name} test DEPENDS ${ARG_DEPENDS})
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 300)
endfunction()

# fuzz_target(NAME SOURCES … DEPENDS … CORPUS folder)
#
# With the `fuzz` preset: a libFuzzer program. In every other preset: the same function run over the corpus by a small main,
# so that each normal test run replays every input ever kept.
function(fuzz_target name)
  cmake_parse_arguments(ARG "" "CORPUS" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE countersign_test_flags ${ARG_DEPENDS})
  precompiled(${name} test DEPENDS ${ARG_DEPENDS})
  if(COUNTERSIGN_FUZZ)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    add_test(NAME ${name} COMMAND ${name} -max_total_time=20 -timeout=10 -rss_limit_mb=2048
      ${CMAKE_BINARY_DIR}/corpus/${name} ${ARG_CORPUS})
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/corpus/${name})
    set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 120)
  else()
    target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cc)
    add_test(NAME ${name} COMMAND ${name} ${ARG_CORPUS})
    set_tests_properties(${name} PROPERTIES LABELS "unit;fuzz-replay" TIMEOUT 120)
  endif()
endfunction()
