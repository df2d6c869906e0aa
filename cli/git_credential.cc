#include "cli/git_credential.h"

#include <algorithm>

#include "auth/token.h"
#include "core/config_load.h"
#include "proxy/adapters/git_route.h"

namespace countersign::cli {
namespace {

std::unexpected<Error> malformed(std::string message) {
  return fail(ErrorKind::malformed, "git_credential.malformed", std::move(message));
}

bool is_control(char c) {
  auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

// Git hands the path on decoded. Spelt again the one way the adapter accepts, it can be read by the adapter's own
// reader.
std::string spelt_as_uri(std::string_view path) {
  constexpr std::string_view kAsIs = "-._~/!$&'()*+,=:@";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain || kAsIs.contains(c)) {
      out += c;
      continue;
    }
    auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4U];
    out += kHex[byte & 15U];
  }
  return out;
}

std::string_view without_lfs(std::string_view path) {
  constexpr std::string_view kLfs = "/info/lfs";
  const std::size_t at = path.find(kLfs);
  if (at == std::string_view::npos) return path;
  const std::size_t end = at + kLfs.size();
  return end == path.size() || path[end] == '/' ? path.substr(0, at) : path;
}

}  // namespace

Result<CredentialQuestion> read_question(std::string_view input) {
  if (input.size() > kMaxCredentialInput) return malformed("git's question is over 64 KiB");
  CredentialQuestion question;
  std::optional<std::string> protocol;
  std::optional<std::string> host;
  std::size_t lines = 0;
  while (!input.empty()) {
    const std::size_t end = input.find('\n');
    const std::string_view line = input.substr(0, end);
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    if (line.empty()) break;
    if (++lines > kMaxCredentialLines || line.size() > kMaxCredentialLine)
      return malformed("git's question has too many lines, or too long ones");
    if (std::ranges::any_of(line, is_control)) return malformed("git's question has control characters");
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return malformed("a line of git's question is not key=value");
    const std::string_view key = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 1);
    std::optional<std::string>* once = key == "protocol" ? &protocol
                                       : key == "host"   ? &host
                                       : key == "path"   ? &question.path
                                                         : nullptr;
    if (once != nullptr) {
      if (*once) return malformed("git's question has `" + std::string(key) + "` twice");
      *once = std::string(value);
    } else if (key == "capability[]") {
      if (value == "authtype") question.knows_ephemeral = true;
    } else if (key == "wwwauth[]") {
      // An empty value clears the list before it (git-credential(1)).
      if (value.empty()) question.challenges.clear();
      if (!value.empty()) question.challenges.emplace_back(value);
    }
  }
  question.protocol = protocol.value_or("");
  question.host = host.value_or("");
  return question;
}

Result<GatewayPlace> read_gateway(std::string_view address) {
  auto wrong = [] {
    return fail(ErrorKind::invalid, "git_credential.gateway",
                "the gateway's address must be like http://127.0.0.1:8700, without a user and a path");
  };
  const std::size_t mark = address.find("://");
  if (mark == std::string_view::npos) return wrong();
  GatewayPlace place{std::string(address.substr(0, mark)), std::string(address.substr(mark + 3))};
  if (place.host.ends_with('/')) place.host.pop_back();
  if (place.protocol != "http" && place.protocol != "https") return wrong();
  const bool sound = !place.host.empty() && std::ranges::all_of(place.host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._:[]").contains(c);
  });
  if (!sound) return wrong();
  return place;
}

bool is_for(const CredentialQuestion& question, const GatewayPlace& gateway) {
  return question.protocol == gateway.protocol && question.host == gateway.host;
}

Result<RepositoryPlace> read_repository(std::string_view path) {
  auto wrong = [](std::string message) { return fail(ErrorKind::invalid, "git_credential.path", std::move(message)); };
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos)
    return wrong("the address names no repository: it must be like http://GATEWAY/UPSTREAM/team/app.git");
  RepositoryPlace place;
  place.upstream = std::string(path.substr(0, slash));
  if (!config::is_upstream_name(place.upstream))
    return wrong("the address does not begin with the name of an upstream");
  const std::string target =
      "/" + spelt_as_uri(without_lfs(path.substr(slash + 1))) + "/info/refs?service=git-upload-pack";
  Result<adapters::GitRoute> route = adapters::read_git_route("GET", target);
  if (!route) return wrong("the gateway would refuse this repository's name: " + route.error().message);
  if (route->repository.contains('*')) return wrong("a repository with `*` in its name cannot be narrowed to");
  place.repository = std::move(route->repository);
  return place;
}

std::optional<GitAccess> access_asked(const std::vector<std::string>& challenges) {
  for (const std::string& challenge : challenges) {
    if (challenge.contains("realm=\"countersign push\"")) return GitAccess::write;
    if (challenge.contains("realm=\"countersign fetch\"")) return GitAccess::read;
  }
  return std::nullopt;
}

std::vector<ScopeRule> repository_rules(const RepositoryPlace& place, GitAccess access) {
  std::vector<std::string> names{place.upstream + "/" + place.repository};
  if (std::string lower = adapters::lower_ascii(place.repository); lower != place.repository)
    names.push_back(place.upstream + "/" + lower);
  ScopeRule repository;
  repository.upstreams = {place.upstream};
  repository.actions = {"git:fetch"};
  repository.resources = names;
  if (access == GitAccess::read) return {std::move(repository)};
  ScopeRule refs;
  refs.upstreams = {place.upstream};
  refs.actions = {"git:push", "git:lfs_*", "git:fetch"};  // an LFS download may name the ref it is for
  for (const std::string& name : names) refs.resources.push_back(name + "/refs/*");
  repository.actions.emplace_back("git:lfs_*");
  return {std::move(repository), std::move(refs)};
}

Result<GitLeaf> leaf_for(std::string_view token, const RepositoryPlace& place, GitAccess access, TimeMs now,
                         TimeMs until) {
  Result<auth::UnverifiedToken> seen = auth::inspect(token);
  if (!seen) return fail(seen.error());
  if (seen->claims.audience != auth::Audience::agents)
    return fail(ErrorKind::invalid, "git_credential.personal_token",
                "this is a person's token; git works with the token of an agent");
  GitLeaf leaf;
  leaf.expires = seen->claims.expires;
  for (const auth::Caveats& block : seen->caveats)
    leaf.expires = std::min(leaf.expires, block.expires.value_or(leaf.expires));
  if (now >= leaf.expires)
    return fail(ErrorKind::unauthenticated, "token.expired", "the token expired at " + format_time(leaf.expires));
  if (seen->form == auth::TokenForm::bearer) {
    leaf.password = Secret(std::string(token));
    leaf.as_was = true;
    return leaf;
  }
  leaf.expires = std::min(leaf.expires, until);
  auth::Caveats caveats;
  caveats.scope = repository_rules(place, access);
  caveats.expires = leaf.expires;
  Result<Secret> child = auth::narrow(token, std::move(caveats));
  if (!child) return fail(child.error());
  Result<Secret> sealed = auth::seal(child->expose());
  if (!sealed) return fail(sealed.error());
  leaf.password = std::move(*sealed);
  return leaf;
}

Secret write_answer(const CredentialQuestion& question, const GitLeaf& leaf) {
  std::string out;
  out.reserve(leaf.password.expose().size() + 256);  // one allocation: no copy of the leaf stays behind
  if (question.knows_ephemeral) out += "capability[]=authtype\nephemeral=1\n";
  out += "username=countersign\npassword=";
  out += leaf.password.expose();
  out += "\npassword_expiry_utc=" + std::to_string(leaf.expires / 1000) + "\n";
  return Secret(std::move(out));
}

}  // namespace countersign::cli
