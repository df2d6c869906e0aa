#include "cli/verifier_keys.h"

#include <algorithm>
#include <string_view>

#include "core/problem.h"

namespace countersign::cli {
namespace {

Status add_keys_of_file(const std::string& path, std::vector<audit::VerifierKey>& keys) {
  constexpr std::size_t kKeyFileBytes = 64U << 10;
  auto text = read_file(path, kKeyFileBytes);
  if (!text)
    return fail(ErrorKind::invalid, "cli.key",
                "--key `" + path + "` is neither a verifier key (<name>+<8 hex digits>+<base64>) nor a file of them");
  for (std::string_view rest = *text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    auto key = audit::VerifierKey::parse(line);
    if (!key) return fail(ErrorKind::invalid, "cli.key", path + ": " + key.error().message);
    keys.push_back(std::move(*key));
  }
  return {};
}

}  // namespace

Result<std::vector<audit::VerifierKey>> verifier_keys(const std::vector<std::string>& given) {
  std::vector<audit::VerifierKey> keys;
  for (const std::string& text : given) {
    if (auto key = audit::VerifierKey::parse(text)) {
      keys.push_back(std::move(*key));
    } else if (Status read = add_keys_of_file(text, keys); !read) {
      return fail(read.error());
    }
  }
  if (keys.empty()) return fail(ErrorKind::invalid, "cli.key", "--key names no key: without one nothing is believed");
  return keys;
}

}  // namespace countersign::cli
