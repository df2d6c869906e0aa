// Names of objects and refs, as git writes them on the wire. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace countersign::adapters::git {

enum class ObjectFormat : std::uint8_t { sha1, sha256 };

[[nodiscard]] constexpr std::size_t hex_length(ObjectFormat format) {
  return format == ObjectFormat::sha1 ? 40 : 64;
}
[[nodiscard]] constexpr std::string_view name_of(ObjectFormat format) {
  return format == ObjectFormat::sha1 ? "sha1" : "sha256";
}

// Whether `text` is an object's name: lower-case hexadecimal of the format's length. git never writes upper case.
[[nodiscard]] bool is_object_id(std::string_view text, ObjectFormat format);

// Whether it is the name that stands for "no object": all zeros.
[[nodiscard]] bool is_null_id(std::string_view id);

// Whether `name` is a ref a push may name: below refs/, well-formed as git-check-ref-format(1) says, at most
// kMaxRefName bytes.
inline constexpr std::size_t kMaxRefName = 1024;
[[nodiscard]] bool is_ref_name(std::string_view name);

}  // namespace countersign::adapters::git
