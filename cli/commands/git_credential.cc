// git-credential: git asks it for the password of a repository behind the gateway, and gets a leaf for that one.
#include <cstdio>
#include <cstdlib>

#include "auth/vault.h"
#include "cli/commands/commands.h"
#include "cli/git_credential.h"
#include "cli/report.h"
#include "cli/token_options.h"

namespace countersign::cli {
namespace {

// All of standard input, or as much as shows that it is too long; the rest is read away, so that git can finish
// writing.
std::string read_input() {
  std::string input;
  for (int c = std::getchar(); c != EOF; c = std::getchar()) {
    if (input.size() <= kMaxCredentialInput) input += static_cast<char>(c);
  }
  return input;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<Secret> parent_token(const GitCredentialOptions& options) {
  if (!options.token_file.empty()) {
    auto token = auth::read_secret({config::SecretSource::Kind::file, options.token_file});
    if (!token) return fail(ErrorKind::invalid, token.error().code, token.error().message);
    return token;
  }
  auto own = read_token(variable("COUNTERSIGN_AGENT_TOKEN").empty() ? variable("COUNTERSIGN_TOKEN") : "");
  if (!own)
    return fail(ErrorKind::invalid, own.error().code,
                "no token: set COUNTERSIGN_AGENT_TOKEN or COUNTERSIGN_TOKEN, or give --token-file");
  return Secret(std::move(*own));
}

// For the gateway's own host nobody else has an answer: `quit` spares the agent a prompt that nobody would answer.
int give_up(const Error& error, std::string_view next_step = {}) {
  const int code = report(error, next_step);
  static_cast<void>(print("quit=1\n"));
  return code;
}

}  // namespace

int run_git_credential(const GitCredentialOptions& options) {
  const std::string input = read_input();
  // Nothing is kept, so there is nothing to store or erase; git wants words it may add later passed over in silence.
  if (options.operation != "get") return kDone;
  auto question = read_question(input);
  if (!question) return report(question.error());
  const std::string address = options.gateway.empty() ? variable("COUNTERSIGN_AGENTS_URL") : options.gateway;
  if (address.empty())
    return report_usage("where is the gateway? tokens go to no other host",
                        "give --gateway http://127.0.0.1:8700, or set COUNTERSIGN_AGENTS_URL");
  auto gateway = read_gateway(address);
  if (!gateway) return report(gateway.error());
  if (!is_for(*question, *gateway)) return kDone;

  if (!question->path)
    return give_up(
        Error{ErrorKind::invalid, "git_credential.path", "git did not say which repository the password is for"},
        "git config --global credential." + address + ".useHttpPath true");
  auto place = read_repository(*question->path);
  if (!place) return give_up(place.error());
  const TimeMs now = SystemClock().now();
  auto ttl = parse_duration(options.ttl);
  if (!ttl) return give_up(ttl.error(), "--ttl takes 30s, 15m, 1h or 7d");
  auto token = parent_token(options);
  if (!token) return give_up(token.error());

  const bool write = options.most == GitAccess::write &&
                     access_asked(question->challenges).value_or(GitAccess::write) == GitAccess::write;
  auto leaf = leaf_for(token->expose(), *place, write ? GitAccess::write : GitAccess::read, now, now + *ttl);
  if (!leaf) return give_up(leaf.error());
  if (leaf->as_was)
    std::fputs("countersign: the token is sealed already: handed on as it is, not narrowed to this repository\n",
               stderr);
  return finish(write_answer(*question, *leaf).expose());
}

}  // namespace countersign::cli
