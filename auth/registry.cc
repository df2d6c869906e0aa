#include "auth/registry.h"

#include "core/json.h"
#include "core/json_writer.h"

namespace countersign::auth {
namespace {

constexpr std::string_view kCode = "registry.unavailable";
constexpr std::size_t kMaxSummaryBytes = 8U << 10;

std::string to_line(const IssuedToken& token) {
  std::string line;
  JsonWriter out(line);
  out.begin_object()
      .member_if("agent", token.agent)
      .member("exp", format_time(token.expires))
      .member("iat", format_time(token.issued))
      .member("id", to_hex(token.id))
      .member("issued_by", token.issued_by)
      .member("kind", token.audience == Audience::admin ? "user" : "agent")
      .member("owner", token.owner)
      .member("scope", token.scope.size() > kMaxSummaryBytes ? token.scope.substr(0, kMaxSummaryBytes) : token.scope)
      .end_object();
  return line;
}

std::optional<IssuedToken> from_line(std::string_view line) {
  Result<Json> json = parse_json(line);
  if (!json || !json->is_object()) return std::nullopt;
  Result<TokenId> id = token_id_from_hex(string_or(*json, "id", ""));
  Result<TimeMs> issued = parse_time(string_or(*json, "iat", ""));
  Result<TimeMs> expires = parse_time(string_or(*json, "exp", ""));
  std::string kind = string_or(*json, "kind", "");
  if (!id || !issued || !expires || (kind != "agent" && kind != "user")) return std::nullopt;
  IssuedToken token;
  token.id = *id;
  token.audience = kind == "user" ? Audience::admin : Audience::agents;
  token.agent = string_or(*json, "agent", "");
  token.owner = string_or(*json, "owner", "");
  token.scope = string_or(*json, "scope", "");
  token.issued = *issued;
  token.expires = *expires;
  token.issued_by = string_or(*json, "issued_by", "");
  return token;
}

}  // namespace

Result<std::unique_ptr<Registry>> Registry::open(const std::filesystem::path& path) {
  Result<DurableLines> file =
      DurableLines::open(path, kCode, [](std::string_view line) { return from_line(line).has_value(); });
  if (!file) return fail(file.error());
  std::vector<std::string> lines = file->take_lines();
  std::unique_ptr<Registry> registry(new Registry(std::move(*file)));
  registry->tokens_.reserve(lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::optional<IssuedToken> token = from_line(lines[i]);
    if (!token) {
      return fail(ErrorKind::unavailable, kCode,
                  path.string() + ":" + std::to_string(i + 1) + ": not a record of an issued token");
    }
    registry->tokens_.push_back(std::move(*token));
  }
  return registry;
}

Status Registry::add(const IssuedToken& token) {
  std::lock_guard guard(lock_);
  if (Status written = file_.append(to_line(token)); !written) return written;
  tokens_.push_back(token);
  return {};
}

std::vector<ListedToken> Registry::list(const Revocations& revocations) const {
  std::lock_guard guard(lock_);
  std::vector<ListedToken> out;
  out.reserve(tokens_.size());
  for (auto token = tokens_.rbegin(); token != tokens_.rend(); ++token) {
    out.push_back({*token, revocations.find(token->id)});
  }
  return out;
}

std::string Registry::issuer_of(std::string_view hex_id) const {
  std::lock_guard guard(lock_);
  for (const IssuedToken& token : tokens_) {
    if (to_hex(token.id) == hex_id) return token.issued_by;
  }
  return {};
}

}  // namespace countersign::auth
