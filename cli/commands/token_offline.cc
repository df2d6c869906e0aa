// token narrow, seal (also as AWS credentials) and inspect: what a token's holder does without the server.
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

TimeMs earliest_expiry(const auth::UnverifiedToken& token) {
  TimeMs expires = token.claims.expires;
  for (const auth::Caveats& block : token.caveats) expires = std::min(expires, block.expires.value_or(expires));
  return expires;
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
  const TimeMs expires = earliest_expiry(token);
  line("expires", relative_time(expires, now) + "  (" + absolute_time(expires) + " UTC)");
  if (claims.audience == auth::Audience::agents) line("may", one_line(auth::scope_summary(claims.scope)));
  for (const auth::Caveats& block : token.caveats) {
    line("narrowed", block.who.empty() ? "" : "for " + one_line(block.who));
    if (!block.scope.empty()) line("  to", one_line(auth::scope_summary(block.scope)));
    if (block.expires) line("  until", absolute_time(*block.expires) + " UTC");
  }
  return out;
}

// The contract of credential_process: "Sourcing credentials with an external process in the AWS CLI" of the AWS CLI's
// User Guide. Tools run the process again when Expiration is near.
Json credential_process_json(const auth::AwsCredentials& credentials, TimeMs expires) {
  return {{"Version", 1},
          {"AccessKeyId", credentials.key_id},
          {"SecretAccessKey", std::string(credentials.secret.expose())},
          {"SessionToken", credentials.session_token},
          {"Expiration", format_time(expires).substr(0, 19) + "Z"}};
}

std::string aws_environment(const auth::AwsCredentials& credentials) {
  // Letters, digits, '-' and '_': nothing a shell reads otherwise.
  return "export AWS_ACCESS_KEY_ID=" + credentials.key_id +
         "\nexport AWS_SECRET_ACCESS_KEY=" + std::string(credentials.secret.expose()) +
         "\nexport AWS_SESSION_TOKEN=" + credentials.session_token + "\n";
}

int seal_for_aws(std::string_view token, AwsOutput as) {
  auto seen = auth::inspect(token);
  if (!seen) return report_token(seen.error());
  if (seen->claims.audience != auth::Audience::agents)
    return report(Error{ErrorKind::invalid, "token.audience", "a personal token cannot sign AWS requests"});
  auto credentials = auth::aws_credentials(token);
  if (!credentials) return report_token(credentials.error());
  const TimeMs expires = earliest_expiry(*seen);
  switch (as) {
    case AwsOutput::env:
      return finish(aws_environment(*credentials));
    case AwsOutput::credential_process:
      return finish(render_json(credential_process_json(*credentials, expires)));
    case AwsOutput::json:
      break;
  }
  return finish(render_json({{"access_key_id", credentials->key_id},
                             {"secret_access_key", std::string(credentials->secret.expose())},
                             {"session_token", credentials->session_token},
                             {"expires", format_time(expires)}}));
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
  if (options.aws) return seal_for_aws(*token, options.as.value_or(AwsOutput::env));
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
