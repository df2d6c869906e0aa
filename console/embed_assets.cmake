# Writes a C++ file that embeds every file of a folder, compressed:
#   cmake -DFOLDER=… -DOUTPUT=… -P embed_assets.cmake
# The digest of each file stands in the source, so that a compiler cache sees when one has changed. Without the folder the
# table is empty.
cmake_minimum_required(VERSION 3.25)

function(media_type out name)
  set(types
    "html=text/html@ charset=utf-8" "js=text/javascript@ charset=utf-8" "css=text/css@ charset=utf-8"
    "json=application/json" "webmanifest=application/manifest+json" "svg=image/svg+xml" "png=image/png" "ico=image/x-icon"
    "woff2=font/woff2" "txt=text/plain@ charset=utf-8" "wasm=application/wasm")
  get_filename_component(extension "${name}" LAST_EXT)
  string(REGEX REPLACE "^\\." "" extension "${extension}")
  set(found "application/octet-stream")
  foreach(type IN LISTS types)
    if(type MATCHES "^${extension}=(.*)$")
      string(REPLACE "@" ";" found "${CMAKE_MATCH_1}")
    endif()
  endforeach()
  set(${out} "${found}" PARENT_SCOPE)
endfunction()

get_filename_component(work "${OUTPUT}" DIRECTORY)
set(packed "${work}/packed_assets")
file(REMOVE_RECURSE "${packed}")
file(MAKE_DIRECTORY "${packed}")
file(GLOB_RECURSE files RELATIVE "${FOLDER}" "${FOLDER}/*")
list(SORT files)

set(data "")
set(table "")
set(count 0)
foreach(name IN LISTS files)
  file(SHA256 "${FOLDER}/${name}" digest)
  set(gzip "${packed}/${count}.gz")
  # No time inside, so that the same input gives the same program.
  file(ARCHIVE_CREATE OUTPUT "${gzip}" PATHS "${FOLDER}/${name}" FORMAT raw COMPRESSION GZip COMPRESSION_LEVEL 9 MTIME 0)
  media_type(type "${name}")
  string(APPEND data "constexpr unsigned char kData${count}[] = {  // ${digest}\n#embed \"${gzip}\"\n};\n")
  string(APPEND table "    {\"/${name}\", \"${type}\", \"\\\"${digest}\\\"\", bytes(kData${count})},\n")
  math(EXPR count "${count} + 1")
endforeach()

set(text "// Made by console/embed_assets.cmake.\n#include \"console/assets.h\"\n\n")
string(APPEND text "#include <array>\n#include <cstddef>\n\n")
string(APPEND text "#pragma clang diagnostic ignored \"-Wc23-extensions\"  // #embed\n\n")
string(APPEND text "namespace countersign::console {\nnamespace {\n\n${data}\n")
if(count GREATER 0)
  string(APPEND text "template <std::size_t size>\nstd::string_view bytes(const unsigned char (&data)[size]) {\n")
  string(APPEND text "  return {reinterpret_cast<const char*>(data), size};\n}\n\n")
endif()
string(APPEND text "}  // namespace\n\nstd::span<const Asset> all_assets() {\n")
string(APPEND text "  static const std::array<Asset, ${count}> kAssets{{\n${table}  }};\n  return kAssets;\n}\n\n")
string(APPEND text "}  // namespace countersign::console\n")
file(WRITE "${OUTPUT}.new" "${text}")
file(COPY_FILE "${OUTPUT}.new" "${OUTPUT}" ONLY_IF_DIFFERENT)
file(TOUCH_NOCREATE "${OUTPUT}")
