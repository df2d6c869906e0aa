#include "auth/vault.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "auth/aws_profile.h"

namespace countersign::auth {
namespace {

// Behind an upstream's name, which has no such characters: the name of its credential for looking tags up.
constexpr std::string_view kForTags = "/tags";

// RFC 9110 section 5.6.2.
bool is_field_name(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::ranges::all_of(name, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kMarks.contains(c);
  });
}

Result<Secret> checked(Secret secret, const std::string& where) {
  std::string_view value = secret.expose();
  if (value.empty()) return fail(ErrorKind::unavailable, "vault.malformed", where + " is empty");
  bool carried = std::ranges::none_of(
      value, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
  if (!carried || value.front() == ' ' || value.back() == ' ' || value.size() > kMaxSecretBytes) {
    return fail(ErrorKind::unavailable, "vault.malformed",
                where + " is too long, or has line breaks or other bytes a header field cannot carry");
  }
  return secret;
}

std::string_view without_line_break(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

// As read_secret, before it is known what the value is for.
Result<Secret> read_file(const std::string& path) {
  std::string where = "the secret file " + path;
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    return fail(ErrorKind::unavailable, errno == ENOENT ? "vault.missing" : "vault.unreadable",
                "cannot open " + where + ": " + std::strerror(errno));
  }
  struct stat info{};
  bool known = ::fstat(file, &info) == 0;
  std::array<char, kMaxSecretBytes + 3> buffer{};  // a value over the limit is seen to be over it
  ssize_t got = -1;
  if (known && S_ISREG(info.st_mode)) got = ::pread(file, buffer.data(), buffer.size(), 0);
  ::close(file);
  if (got < 0) return fail(ErrorKind::unavailable, "vault.unreadable", "cannot read " + where);
  if ((info.st_mode & S_IROTH) != 0) {
    return fail(ErrorKind::unavailable, "vault.permissions", where + " can be read by every user of this machine");
  }
  Secret secret{std::string(without_line_break({buffer.data(), static_cast<std::size_t>(got)}))};
  OPENSSL_cleanse(buffer.data(), buffer.size());
  return secret;
}

std::string name_of(const config::SecretSource& source) {
  const bool file = source.kind == config::SecretSource::Kind::file;
  return (file ? "the secret file " : "the environment variable ") + source.name;
}

Result<Secret> read_any(const config::SecretSource& source) {
  if (source.kind == config::SecretSource::Kind::file) return read_file(source.name);
  const char* value = std::getenv(source.name.c_str());
  if (!value) return fail(ErrorKind::unavailable, "vault.missing", name_of(source) + " is not set");
  return Secret(std::string(without_line_break(value)));
}

Result<std::shared_ptr<const AwsCredentials>> read_aws_keys(const config::AwsKeys& keys) {
  using Source = config::SecretSource;
  if (keys.from == config::AwsKeys::From::profile) {
    Result<AwsCredentials> found = read_aws_profile(aws_profile_files(), keys.profile);
    if (!found) return fail(found.error());
    return std::make_shared<const AwsCredentials>(std::move(*found));
  }
  const bool environment = keys.from == config::AwsKeys::From::environment;
  const Source key_id = environment ? Source{Source::Kind::environment, "AWS_ACCESS_KEY_ID"} : keys.access_key;
  const Source secret_key = environment ? Source{Source::Kind::environment, "AWS_SECRET_ACCESS_KEY"} : keys.secret_key;
  std::optional<Source> session = keys.session_token;
  if (environment && std::getenv("AWS_SESSION_TOKEN")) session = Source{Source::Kind::environment, "AWS_SESSION_TOKEN"};
  auto out = std::make_shared<AwsCredentials>();
  Result<Secret> id = read_secret(key_id);
  if (!id) return fail(id.error());
  Result<Secret> secret = read_secret(secret_key);
  if (!secret) return fail(secret.error());
  out->key_id = id->expose();
  out->secret = std::move(*secret);
  if (session) {
    Result<Secret> token = read_secret(*session);
    if (!token) return fail(token.error());
    out->session_token = token->expose();
  }
  return out;
}

}  // namespace

Result<Secret> read_secret(const config::SecretSource& source) {
  Result<Secret> secret = read_any(source);
  if (!secret) return secret;
  return checked(std::move(*secret), name_of(source));
}

Result<Secret> read_secret_text(const config::SecretSource& source) {
  Result<Secret> secret = read_any(source);
  if (secret && (secret->empty() || secret->expose().size() > kMaxSecretBytes))
    return fail(ErrorKind::unavailable, "vault.malformed", name_of(source) + " is empty or too long");
  return secret;
}

Vault::Vault(const std::vector<config::Upstream>& upstreams) {
  for (const config::Upstream& upstream : upstreams) {
    specifications_.emplace(upstream.name, upstream.credential);
    if (!upstream.aws.tags || !upstream.aws.tags->credential) continue;
    config::Credential for_tags{.kind = config::Credential::Kind::aws, .aws = *upstream.aws.tags->credential};
    specifications_.emplace(upstream.name + std::string(kForTags), std::move(for_tags));
  }
}

Result<std::unique_ptr<Vault>> Vault::open(const std::vector<config::Upstream>& upstreams) {
  std::unique_ptr<Vault> vault(new Vault(upstreams));
  if (Status read = vault->reload(); !read) return fail(read.error());
  return vault;
}

Result<Vault::Field> Vault::resolve(const config::Credential& credential) {
  using Kind = config::Credential::Kind;
  if (credential.kind == Kind::none) return Field{};
  if (credential.kind == Kind::aws && credential.aws.from == config::AwsKeys::From::web_identity) {
    Field field;
    field.made = Field::Made::elsewhere;
    return field;
  }
  if (credential.kind == Kind::aws) {
    Result<std::shared_ptr<const AwsCredentials>> keys = read_aws_keys(credential.aws);
    if (!keys) return fail(keys.error());
    Field field;
    field.aws = std::move(*keys);
    return field;
  }
  if (credential.kind == Kind::github_app) {
    Result<Secret> pem = read_secret_text(credential.secret);
    if (!pem) return fail(pem.error());
    Result<std::shared_ptr<const GithubApp>> app = GithubApp::make(credential.app, *pem);
    if (!app) return fail(app.error());
    Field field;
    field.app = std::move(*app);
    return field;
  }
  Result<Secret> secret = read_secret(credential.secret);
  if (!secret) return fail(secret.error());
  switch (credential.kind) {
    case Kind::none:
    case Kind::github_app:
    case Kind::aws:
      break;
    case Kind::basic: {
      bool sound = std::ranges::none_of(
          credential.user, [](char c) { return c == ':' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
      if (!sound) return fail(ErrorKind::invalid, "vault.malformed", "a user name has a colon or control characters");
      Secret pair(credential.user + ":" + std::string(secret->expose()));
      return Field{"Authorization", Secret("Basic " + to_base64(pair.expose_bytes()))};
    }
    case Kind::bearer:
      return Field{"Authorization", Secret("Bearer " + std::string(secret->expose()))};
    case Kind::header:
      if (!is_field_name(credential.header)) {
        return fail(ErrorKind::invalid, "vault.malformed", "a credential's header has no valid name");
      }
      return Field{credential.header, std::move(*secret)};
  }
  return Field{};
}

Status Vault::reload() {
  auto fields = std::make_shared<Fields>();
  for (const auto& [upstream, credential] : specifications_) {
    Result<Field> field = resolve(credential);
    if (!field) {
      Error error = field.error();
      error.message = "credential of upstream " + upstream + ": " + error.message;
      return fail(std::move(error));
    }
    fields->emplace(upstream, std::move(*field));
  }
  std::lock_guard guard(lock_);
  fields_ = std::move(fields);
  return {};
}

std::shared_ptr<const Vault::Fields> Vault::current() const {
  std::lock_guard guard(lock_);
  return fields_;
}

Status Vault::inject(std::string_view upstream, HeaderList& headers) const {
  std::shared_ptr<const Fields> fields = current();
  auto found = fields->find(upstream);
  if (found == fields->end()) {
    return fail(ErrorKind::internal, "vault.unknown_upstream", "no upstream of this name is configured");
  }
  if (found->second.app || found->second.aws || found->second.made == Field::Made::elsewhere)
    return fail(ErrorKind::internal, "vault.not_static", "this upstream's credential has to be fetched first");
  if (!found->second.name.empty()) headers.set(found->second.name, found->second.value.expose());
  return {};
}

bool Vault::shows(std::string_view upstream, std::string_view text) const {
  std::shared_ptr<const Fields> fields = current();
  auto found = fields->find(upstream);
  if (found == fields->end()) return false;
  if (const AwsCredentials* keys = found->second.aws.get())
    return text.contains(keys->secret.expose()) || (!keys->session_token.empty() && text.contains(keys->session_token));
  if (found->second.name.empty()) return false;
  constexpr std::size_t kDistinct = 8;
  auto shown = [&](std::string_view secret) {
    return secret.size() < kDistinct ? !secret.empty() && text == secret : text.contains(secret);
  };
  std::string_view value = found->second.value.expose();
  if (found->second.name != "Authorization") return shown(value);
  std::string_view scheme = value.substr(0, value.find(' '));
  std::string_view sent = value.substr(std::min(scheme.size() + 1, value.size()));
  if (shown(sent)) return true;
  if (scheme != "Basic") return false;
  Result<Bytes> pair = from_base64(sent);
  if (!pair) return false;
  const Secret plain{ByteView(*pair)};
  OPENSSL_cleanse(pair->data(), pair->size());
  std::string_view password = plain.expose();
  return shown(password.substr(std::min(password.find(':') + 1, password.size())));
}

Result<std::shared_ptr<const AwsCredentials>> Vault::aws_for_tags(std::string_view upstream) const {
  const std::string own = std::string(upstream) + std::string(kForTags);
  return aws(current()->contains(own) ? std::string_view(own) : upstream);
}

Result<std::shared_ptr<const AwsCredentials>> Vault::aws(std::string_view upstream) const {
  std::shared_ptr<const Fields> fields = current();
  auto found = fields->find(upstream);
  if (found == fields->end() || !found->second.aws)
    return fail(ErrorKind::unavailable, "vault.missing", "the upstream has no AWS keys to sign with");
  return found->second.aws;
}

std::shared_ptr<const GithubApp> Vault::github_app(std::string_view upstream) const {
  std::shared_ptr<const Fields> fields = current();
  auto found = fields->find(upstream);
  return found == fields->end() ? nullptr : found->second.app;
}

}  // namespace countersign::auth
