#include "cli/token_options.h"

#include <cstdlib>
#include <iostream>

namespace countersign::cli {

Result<ScopeRule> scope_rule(const ScopeOptions& options) {
  ScopeRule rule;
  rule.upstreams = options.upstreams;
  rule.actions = options.actions;
  rule.resources = options.resources;
  rule.environments = options.environments;
  for (const std::string& name : options.effects) {
    if (name == "change") {
      rule.effects.add(EffectSet::change());
      continue;
    }
    auto effect = effect_from_name(name);
    if (!effect) return fail(ErrorKind::invalid, "cli.effect", "`" + name + "` is not an effect");
    rule.effects.add(*effect);
  }
  return rule;
}

bool is_open(const ScopeOptions& options) {
  return options.upstreams.empty() && options.effects.empty() && options.actions.empty() && options.resources.empty() &&
         options.environments.empty();
}

Result<std::string> read_token(const std::string& argument) {
  constexpr std::size_t kLongest = 8192;
  std::string token = argument;
  if (argument == "-") {
    char c = 0;
    token.clear();
    while (token.size() <= kLongest && std::cin.get(c) && c != '\n') token += c;
  } else if (argument.empty()) {
    const char* variable = std::getenv("COUNTERSIGN_AGENT_TOKEN");
    token = variable == nullptr ? "" : variable;
  }
  auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!token.empty() && blank(token.back())) token.pop_back();
  while (!token.empty() && blank(token.front())) token.erase(token.begin());
  if (token.empty()) {
    return fail(ErrorKind::invalid, "cli.no_token",
                "no token: give it as argument, as - on standard input, or in COUNTERSIGN_AGENT_TOKEN");
  }
  if (token.size() > kLongest) return fail(ErrorKind::invalid, "cli.token_too_long", "the token is over 8 KiB");
  return token;
}

Result<TimeMs> expiry_after(const std::string& ttl) {
  auto span = parse_duration(ttl);
  if (!span) return fail(span.error());
  return SystemClock().now() + *span;
}

}  // namespace countersign::cli
