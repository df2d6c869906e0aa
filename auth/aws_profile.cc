#include "auth/aws_profile.h"

#include <openssl/crypto.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <optional>

namespace countersign::auth {
namespace {

std::unexpected<Error> unavailable(std::string_view code, std::string_view profile, std::string_view what) {
  return fail(ErrorKind::unavailable, code, "AWS profile " + std::string(profile) + " " + std::string(what));
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// The name in "[name]" or "[profile name]".
std::string_view section_name(std::string_view line) {
  std::string_view name = trim(line.substr(1, line.size() - 2));
  constexpr std::string_view kProfile = "profile";
  if (name.size() > kProfile.size() && name.starts_with(kProfile) && (name[7] == ' ' || name[7] == '\t'))
    return trim(name.substr(kProfile.size()));
  return name;
}

// What a signature and a header field can carry.
bool is_value(std::string_view text) {
  return !text.empty() && text.size() <= 16384 &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

struct Section {
  std::optional<std::string_view> key_id;
  std::optional<std::string_view> secret;
  std::optional<std::string_view> token;
  bool seen = false;
  std::string_view indirect;  // a setting that says how to get keys
};

// Whether the setting could be kept: false for one that stands there twice.
bool keep(Section& section, std::string_view name, std::string_view value) {
  constexpr auto kIndirect =
      std::to_array<std::string_view>({"role_arn", "source_profile", "credential_source", "credential_process",
                                       "web_identity_token_file", "sso_session", "sso_start_url", "sso_account_id"});
  auto indirect = std::ranges::find(kIndirect, name);
  if (indirect != kIndirect.end()) section.indirect = *indirect;
  std::optional<std::string_view>* slot = name == "aws_access_key_id"       ? &section.key_id
                                          : name == "aws_secret_access_key" ? &section.secret
                                          : name == "aws_session_token"     ? &section.token
                                                                            : nullptr;
  if (slot == nullptr) return true;
  if (*slot) return false;
  *slot = value;
  return true;
}

Result<Section> find_section(std::string_view text, std::string_view profile) {
  Section section;
  bool inside = false;
  while (!text.empty()) {
    std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view whole = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    std::string_view line = trim(whole);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      if (line.back() != ']') return unavailable("vault.malformed", profile, "cannot be found: a section has no end");
      inside = section_name(line) == profile;
      if (inside && section.seen) return unavailable("vault.malformed", profile, "stands there twice");
      section.seen = section.seen || inside;
      continue;
    }
    // Settings below another one ("s3 =" and lines that begin with blanks) are not about keys.
    if (!inside || whole[0] == ' ' || whole[0] == '\t') continue;
    std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || !keep(section, trim(line.substr(0, equals)), trim(line.substr(equals + 1))))
      return unavailable("vault.malformed", profile, "has a line that is no setting, or a key twice");
  }
  return section;
}

}  // namespace

Result<AwsCredentials> parse_aws_profile(std::string_view text, std::string_view profile) {
  if (text.size() > kMaxProfileFileBytes)
    return unavailable("vault.malformed", profile, "is in a file that is too long");
  Result<Section> section = find_section(text, profile);
  if (!section) return fail(section.error());
  if (!section->key_id && !section->secret) {
    if (!section->indirect.empty()) {
      return unavailable("vault.unsupported_profile", profile,
                         "has no keys but " + std::string(section->indirect) + ", which is not supported");
    }
    return unavailable("vault.missing", profile, "has no keys");
  }
  const bool sound = section->key_id && section->secret && is_value(*section->key_id) && is_value(*section->secret) &&
                     (!section->token || is_value(*section->token));
  if (!sound) return unavailable("vault.malformed", profile, "has one key without the other, or one that is none");
  return AwsCredentials{std::string(*section->key_id), Secret(std::string(*section->secret)),
                        std::string(section->token.value_or(""))};
}

AwsProfileFiles aws_profile_files() {
  auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::filesystem::path(value == nullptr ? "" : value);
  };
  const std::filesystem::path folder = variable("HOME") / ".aws";
  AwsProfileFiles files{variable("AWS_SHARED_CREDENTIALS_FILE"), variable("AWS_CONFIG_FILE")};
  if (files.credentials.empty()) files.credentials = folder / "credentials";
  if (files.config.empty()) files.config = folder / "config";
  return files;
}

Result<AwsCredentials> read_aws_profile(const AwsProfileFiles& files, std::string_view profile) {
  Result<AwsCredentials> found = unavailable("vault.missing", profile, "has no keys");
  for (const std::filesystem::path& path : {files.credentials, files.config}) {
    std::ifstream file(path, std::ios::binary);
    if (!file) continue;
    std::string text(kMaxProfileFileBytes + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    found = parse_aws_profile(std::string_view(text).substr(0, static_cast<std::size_t>(file.gcount())), profile);
    OPENSSL_cleanse(text.data(), text.size());
    if (!found && found.error().code == "vault.missing") continue;
    struct stat info{};
    if (found && (::stat(path.c_str(), &info) != 0 || (info.st_mode & S_IROTH) != 0))
      return unavailable("vault.permissions", profile, "is in a file that every user of this machine can read");
    return found;
  }
  return found;
}

}  // namespace countersign::auth
