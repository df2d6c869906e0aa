# Warnings, hardening, sanitizers, ccache and mold. One INTERFACE target carries them: every layer() links it, third-party
# code never sees it.
option(COUNTERSIGN_WERROR "Treat warnings as errors" ON)
option(COUNTERSIGN_FUZZ "Build the libFuzzer targets" OFF)
set(COUNTERSIGN_SANITIZE "" CACHE STRING "Value for -fsanitize=, empty for none")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)  # sloppy about what may hide in precompiled headers: __TIME__ and macros, neither of which we use
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

add_library(countersign_flags INTERFACE)
target_compile_options(countersign_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast
  -Wimplicit-fallthrough -Wundef -Wunused -Wcast-align -Wformat=2 -Wno-missing-field-initializers
  $<$<BOOL:${COUNTERSIGN_WERROR}>:-Werror>
  -fstack-protector-strong -fcf-protection -ftrivial-auto-var-init=zero)
target_compile_definitions(countersign_flags INTERFACE _GLIBCXX_ASSERTIONS COUNTERSIGN_VERSION="${PROJECT_VERSION}")
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(countersign_flags INTERFACE -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()

# Under a sanitizer, optimising what tests assert, the command line, and the conversations that wait for sockets takes longer than they
# ever run there; what computes (policies, git objects, the log) stays optimised. (Fuzz targets run long.)
set(COUNTERSIGN_UNHURRIED "")
if(COUNTERSIGN_SANITIZE AND NOT COUNTERSIGN_FUZZ)
  set(COUNTERSIGN_UNHURRIED -O0)
endif()
add_library(countersign_test_flags INTERFACE)
target_link_libraries(countersign_test_flags INTERFACE countersign_flags)
target_compile_options(countersign_test_flags INTERFACE ${COUNTERSIGN_UNHURRIED})

set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported()
add_link_options(-Wl,-z,relro,-z,now)

# Sanitizers must cover every object of the program, ours or not, so they are global.
if(COUNTERSIGN_SANITIZE)
  add_compile_options(-fsanitize=${COUNTERSIGN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${COUNTERSIGN_SANITIZE})
endif()
if(COUNTERSIGN_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
