// token narrow, seal and inspect: what a token's holder does without the server.
#include "auth/scope_json.h"
#include "auth/token.h"
#include "cli/commands/commands.h"
#include "cli/render.h"
#include "cli/report.h"
#include "cli/token_options.h"

namespace countersign::cli {
namespace {

constexpr std::string_view kSealedHint =
    "only a delegable token (csd1_…) can be narrowed or sealed; ask whoever issued it for that form";

int report_token(const Error& error) {
  return report(error, error.code == "token.sealed" ? kSealedHint : std::string_view());
}

Json token_json(const auth::UnverifiedToken& token) {
  const auth::Claims& claims = token.claims;
  Json out = {{"verified", false},
              {"form", token.form == auth::TokenForm::delegable ? "delegable" : "bearer"},
              {"audience", std::string(auth::audience_name(claims.audience))},
              {"key", claims.kid},
              {"owner", claims.owner},
              {"issued", format_time(claims.issued)},
              {"expires", format_time(claims.expires)},
              {"scope", auth::rules_to_json(claims.scope)}};
  if (!claims.agent.empty()) out["agent"] = claims.agent;
  if (token.leaf) out["id"] = to_hex(ByteView(*token.leaf));
  Json caveats = Json::array();
  for (const auth::Caveats& block : token.caveats) {
    Json caveat = Json::object();
    if (!block.who.empty()) caveat["as"] = block.who;
    if (!block.scope.empty()) caveat["scope"] = auth::rules_to_json(block.scope);
    if (block.not_before) caveat["not_before"] = format_time(*block.not_before);
    if (block.expires) caveat["expires"] = format_time(*block.expires);
    if (block.max_depth) caveat["max_depth"] = *block.max_depth;
    caveats.push_back(std::move(caveat));
  }
  out["narrowed"] = std::move(caveats);
  return out;
}

std::string inspect_text(const auth::UnverifiedToken& token, TimeMs now) {
  const auth::Claims& claims = token.claims;
  bool delegable = token.form == auth::TokenForm::delegable;
  std::string out = "NOT VERIFIED HERE: this is what the token says about itself. Anybody can write such a text;\n";
  out += "only the server that holds the keys can tell whether it is genuine, and whether it was revoked.\n\n";
  auto line = [&](std::string_view name, const std::string& text) {
    out.append("  ").append(name).append(12 - name.size(), ' ').append(text).append("\n");
  };
  line("form",
       delegable ? "delegable (csd1_): can be narrowed; seal it before use" : "bearer (csb1_): sealed, ready for use");
  line("for", claims.agent.empty() ? one_line(claims.owner) + ", a person (admin listener)"
                                   : "agent " + one_line(claims.agent) + " of " + one_line(claims.owner));
  if (token.leaf) line("id", to_hex(ByteView(*token.leaf)));
  line("issued", relative_time(claims.issued, now) + "  (" + absolute_time(claims.issued) + " UTC)");
  TimeMs expires = claims.expires;
  for (const auth::Caveats& block : token.caveats) expires = std::min(expires, block.expires.value_or(expires));
  line("expires", relative_time(expires, now) + "  (" + absolute_time(expires) + " UTC)");
  if (claims.audience == auth::Audience::agents) line("may", one_line(auth::scope_summary(claims.scope)));
  for (const auth::Caveats& block : token.caveats) {
    line("narrowed", block.who.empty() ? "" : "for " + one_line(block.who));
    if (!block.scope.empty()) line("  to", one_line(auth::scope_summary(block.scope)));
    if (block.expires) line("  until", absolute_time(*block.expires) + " UTC");
  }
  return out;
}

}  // namespace

int run_token_narrow(const TokenNarrowOptions& options) {
  if (is_open(options.scope) && options.ttl.empty() && options.as.empty())
    return report_usage("nothing to narrow",
                        "give --upstreams, --effects, --actions, --resources, --environments, --ttl or --as");
  auto token = read_token(options.token);
  if (!token) return report(token.error());
  auth::Caveats caveats;
  if (!is_open(options.scope)) {
    auto rule = scope_rule(options.scope);
    if (!rule) return report(rule.error());
    caveats.scope.push_back(std::move(*rule));
  }
  if (!options.ttl.empty()) {
    auto expires = expiry_after(options.ttl);
    if (!expires) return report(expires.error());
    caveats.expires = *expires;
  }
  caveats.who = options.as;
  auto child = auth::narrow(*token, std::move(caveats));
  if (!child) return report_token(child.error());
  return finish(std::string(child->expose()) + "\n");
}

int run_token_seal(const TokenSealOptions& options) {
  auto token = read_token(options.token);
  if (!token) return report(token.error());
  auto sealed = auth::seal(*token);
  if (!sealed) return report_token(sealed.error());
  return finish(std::string(sealed->expose()) + "\n");
}

int run_token_inspect(const TokenInspectOptions& options) {
  auto token = read_token(options.token);
  if (!token) return report(token.error());
  auto seen = auth::inspect(*token);
  if (!seen) return report(seen.error());
  if (options.output == Output::json) return finish(render_json(token_json(*seen)));
  return finish(inspect_text(*seen, SystemClock().now()));
}

}  // namespace countersign::cli
