// Names of things as policies see them, from what requests spell.
//
// One thing must have one name, or a rule about the name can be walked around with another spelling of the same thing.
// So a spelling that a reader could turn into another one is refused with a reason, never repaired: what was judged is
// what is forwarded. Refused are `.` and `..` segments, empty segments, backslashes, control characters, surrounding
// white space and quotes (readers trim them), `~` (readers expand it), encodings of characters that need none or that
// separate (`%2e`, `%2f`, `%61`, `%25`), and Unicode that is not surely in normalisation form C.
//
// Not covered, because only the upstream can know: symbolic links, and file systems that ignore case.
//
// Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/result.h"

namespace countersign::adapters {

inline constexpr std::size_t kMaxNameBytes = 4096;

enum class RawUnicode { refused, allowed };  // bytes beyond ASCII that are not percent-encoded

// The path of a URI, decoded once. `path` begins with '/'. The result has no leading and no trailing '/': the name
// "orders/7" for "/orders/7" and for "/orders/7/". Errors carry `code`.
Result<std::string> name_of_uri_path(std::string_view path, RawUnicode raw, std::string_view code);

// Well-formed UTF-8 in which no sequence has a canonically equivalent other spelling that NFC would give.
[[nodiscard]] bool is_composed_unicode(std::string_view text);

// Names what tool arguments and resource URIs of one MCP upstream point at.
class ResourceNamer {
 public:
  // A command's relative paths are relative to the folders named among its arguments (a file server's roots), or else
  // to its working directory. An absolute path inside such a folder gets the name of the relative one, so that policies
  // see one name for both. An upstream reached by URL has no known folder. Reads the file system.
  explicit ResourceNamer(const config::Upstream& upstream);

  // An argument that names a file or thing: "production/x", "./production/x", "/srv/data/production/x", "owner/repo".
  // "." is the whole upstream, named "". No sure name have: absolute paths outside the known folders, every absolute
  // path where no folder is known, and relative paths that lead into a root only when read from the working directory.
  // Error: mcp.ambiguous_resource.
  [[nodiscard]] Result<std::string> argument(std::string_view value) const;

  // A resource's URI. file:///… gets the name of the path, others are named by the URI decoded once.
  // Error: mcp.ambiguous_resource.
  [[nodiscard]] Result<std::string> uri(std::string_view uri) const;

 private:
  std::vector<std::string> roots_;   // spellings of the folders, each ending in '/', longest first
  std::vector<std::string> nested_;  // a root's path from the working directory, ending in '/'
};

}  // namespace countersign::adapters
