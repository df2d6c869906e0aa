# Builds the pages of the console: CONSOLE_DIST is the folder they are written to, CONSOLE_DIST_STAMP is newer than all of them.
#
# Included by console/CMakeLists.txt, it says how; run as a script (cmake -DSOURCE=… -DDIST=… -P build.cmake), it does it. Without npm
# neither variable is set, and the program serves plain pages in their place.
if(CMAKE_SCRIPT_MODE_FILE)
  # Several build folders share one node_modules.
  file(LOCK ${SOURCE}/dist.lock GUARD PROCESS TIMEOUT 600)
  file(SHA256 ${SOURCE}/package-lock.json wanted)
  set(installed "")
  if(EXISTS ${SOURCE}/node_modules/.countersign-lock)
    file(SHA256 ${SOURCE}/node_modules/.countersign-lock installed)
  endif()
  if(NOT installed STREQUAL wanted)
    execute_process(COMMAND ${NPM} ci --no-audit --no-fund --loglevel=error WORKING_DIRECTORY ${SOURCE} COMMAND_ERROR_IS_FATAL ANY)
    configure_file(${SOURCE}/package-lock.json ${SOURCE}/node_modules/.countersign-lock COPYONLY)
  endif()
  execute_process(COMMAND ${CMAKE_COMMAND} -E env CONSOLE_DIST=${DIST} ${NODE} build.mjs WORKING_DIRECTORY ${SOURCE}
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  return()
endif()

find_program(NPM npm)
find_program(NODE NAMES node nodejs)
if(NPM AND NODE)
  set(CONSOLE_WEB ${CMAKE_CURRENT_LIST_DIR})
  set(CONSOLE_DIST ${CMAKE_CURRENT_BINARY_DIR}/web-dist)
  set(CONSOLE_DIST_STAMP ${CMAKE_CURRENT_BINARY_DIR}/web-dist.stamp)
  file(GLOB_RECURSE console_sources CONFIGURE_DEPENDS ${CONSOLE_WEB}/src/*)
  add_custom_command(OUTPUT ${CONSOLE_DIST_STAMP}
    COMMAND ${CMAKE_COMMAND} -DSOURCE=${CONSOLE_WEB} -DDIST=${CONSOLE_DIST} -DNPM=${NPM} -DNODE=${NODE} -P ${CONSOLE_WEB}/build.cmake
    COMMAND ${CMAKE_COMMAND} -E touch ${CONSOLE_DIST_STAMP}
    DEPENDS ${console_sources} ${CONSOLE_WEB}/build.mjs ${CONSOLE_WEB}/build.cmake ${CONSOLE_WEB}/package-lock.json ${CONSOLE_WEB}/tsconfig.json
    COMMENT "Building the pages of the console"
    VERBATIM)
else()
  message(STATUS "no npm: the console is built without its pages")
endif()
