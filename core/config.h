// The configuration file (countersign.yaml) as values. core/config_load.h reads it.
//
// Everything has a default but `upstreams`. Relative paths are relative to the file's folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/clock.h"

namespace countersign::config {

// Where a secret comes from. Never the value itself: secrets do not belong into a configuration file.
struct SecretSource {
  enum class Kind { environment, file };
  Kind kind = Kind::environment;
  std::string name;  // variable name, or path
};

// A GitHub App: its key signs requests for tokens that work for an hour and for one repository.
struct GithubApp {
  enum class Contents { read, write };
  enum class Workflows { none, write };
  std::string app_id;                   // or client id
  std::string installation_id;          // digits
  std::string api;                      // https://api.github.com, https://github.example.com/api/v3
  Contents contents = Contents::write;  // the most a token is asked for; a fetch asks for `read`
  Workflows workflows = Workflows::none;
};

// A role that is taken on with other keys (sts:AssumeRole), so that what is used for one request can be less than what
// the gateway has.
struct AwsRole {
  enum class Session {
    operation,  // each has a session policy of just the operation that is forwarded
    whole,      // all that the role may do
  };
  std::string arn;
  std::string external_id;      // empty: none is given
  TimeMs duration = 3'600'000;  // 15 minutes to 12 hours
  Session session = Session::operation;
};

// The keys of an AWS account: those of the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, where it is set,
// AWS_SESSION_TOKEN), those of a profile in the files that AWS tools share, each from a place of its own, or those that
// STS gives for a token of an identity provider (sts:AssumeRoleWithWebIdentity).
struct AwsKeys {
  enum class From { environment, profile, sources, web_identity };
  From from = From::environment;
  std::string profile;
  SecretSource access_key;
  SecretSource secret_key;
  std::optional<SecretSource> session_token;
  std::string web_role;    // web_identity: the role's ARN
  std::string token_file;  // web_identity: read anew whenever keys are asked for
  std::optional<AwsRole> role;
};

struct Credential {
  enum class Kind { none, basic, bearer, header, github_app, aws };
  Kind kind = Kind::none;
  std::string user;     // basic
  std::string header;   // header: its name
  SecretSource secret;  // github_app: the private key (PEM)
  GithubApp app = {};
  AwsKeys aws = {};
};

// labels: of an upstream, or laid over it by the inventory. Absent means: as the next outer one says.
struct LabelSet {
  std::optional<std::string> environment;
  std::optional<std::int64_t> tier;
  std::optional<std::string> owner;
  std::map<std::string, std::string> free;
};

// One argument of an MCP tool that names what the call touches.
struct ToolResource {
  std::string pointer;                // RFC 6901 into the arguments; an array there names several resources
  std::optional<std::string> effect;  // effect on this one, when it is not the tool's
};

// What the operator knows about a tool; outranks the tool's own annotations, which are an upstream's claim.
struct ToolRule {
  std::string tool;  // exact name, or "*" for those not named
  std::optional<std::string> effect;
  std::vector<ToolResource> resources;
  std::string resource_type = "McpResource";  // Cedar entity type of what the pointers name
};

// One rule that names HTTP operations: first match wins, before the safe defaults.
struct HttpRule {
  std::string method;  // upper case, or "*"
  std::string path;    // segments; `{name}` one segment, a final `**` any rest: "/orders/{id}/refund"
  std::string action;  // "refundOrder" becomes http:refundOrder; empty: http:<METHOD>
  std::optional<std::string> effect;
};

// Labels that are read off the tags of things.
struct AwsTags {
  // Keys of tags. A thing whose tags of one list contradict each other counts as production.
  std::vector<std::string> environment;
  std::vector<std::string> tier;
  std::vector<std::string> owner;
  std::map<std::string, std::string>
      values;                         // environments by what tags say, where that is another word: prod: production
  std::optional<AwsKeys> credential;  // to look tags up with; absent: the upstream's own
  TimeMs keep = 60'000;               // how long what was read is believed
};

// What an `aws` upstream serves: one account.
struct AwsAccount {
  std::string id;                 // 12 digits: whose resources they are where a request does not say; empty: not known
  std::string partition = "aws";  // aws, aws-cn, aws-us-gov
  TimeMs wait =
      25'000;        // how long a held call keeps its connection, 0: not at all; clients give up after 60 s by default
  std::string host;  // our own name, for buckets in front of it (bucket.HOST); empty: there is none
  std::optional<AwsTags> tags;
};

struct Upstream {
  std::string name;      // [a-z0-9][a-z0-9-]{0,62}: it is a path segment and a prefix
  std::string protocol;  // "mcp", "http", "git", "aws" or "terraform"
  std::string url;       // http(s)://host[:port][/base]; exclusive with command. aws: empty means AWS's own endpoints
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;  // of the command; it inherits nothing but PATH, HOME and LANG
  std::string directory;                           // working directory of the command
  std::string run_as;                              // user of this machine the command runs as; empty: the gateway's own
  std::string ca_file;                             // extra trust for https
  Credential credential;
  LabelSet labels;
  std::vector<ToolRule> tools;
  std::vector<HttpRule> operations;
  std::string openapi;  // path of an OpenAPI 3 document (JSON or YAML)
  AwsAccount aws;
};

// An OpenID provider that people sign in with (auth/oidc.h).
struct Oidc {
  std::string issuer;  // as the provider spells it, byte for byte
  std::string client_id;
  std::optional<SecretSource> client_secret;      // absent: a public client, with PKCE alone
  std::string user_claim = "preferred_username";  // claim that names the user of entities.yaml at the first sign-in
  std::string name = "Company login";             // on the button
  std::vector<std::string> scopes = {"openid", "profile"};
  std::vector<std::string> algorithms = {"RS256", "PS256", "ES256", "EdDSA"};  // of ID tokens
  std::vector<std::string> acr_values;  // asked for; an ID token must have one of them
  std::string ca_file;                  // trust for the provider's certificate in place of the system's
};

// How people sign in to the console.
struct SignIn {
  bool passwords = true;  // local accounts with passwords; passkeys work in any case
  std::optional<Oidc> oidc;
  TimeMs idle = 30LL * 60'000;         // a session nobody uses ends
  TimeMs absolute = 12LL * 3'600'000;  // since the last authentication, used or not
};

// Where people are told about held requests (approvals/notify).
struct Notification {
  enum class Kind { webhook, slack, email };
  std::string name;  // unique
  Kind kind = Kind::webhook;
  std::string url;                         // webhook, slack; of email the server: smtp(s)://host:port
  std::optional<SecretSource> url_secret;  // the same, where the address itself is a secret (Slack's)
  std::optional<SecretSource> secret;      // webhook: the key of its signature; email: the password of `user`
  std::string user;                        // email
  std::string from;                        // email
  std::vector<std::string> to;             // email
  std::vector<std::string> events;         // empty: those that ask somebody for something, or that went wrong
  std::vector<std::string> rules;          // approval rules; empty: all
  std::vector<std::string> environments;   // empty: all
  std::string subject;                     // slack, email: templates; empty: ours
  std::string text;
  std::string ca_file;  // PEM; empty: the system's
};

struct Address {
  std::string host;
  std::uint16_t port = 0;
};

struct Tls {
  std::string certificate;  // PEM chain
  std::string key;          // PEM
};

struct Limits {
  std::uint64_t header_bytes = 16U << 10;
  std::uint64_t body_bytes = 64U << 20;
  std::uint64_t push_bytes = 2U << 30;           // of a git push, spooled to disk past memory_bytes
  std::uint64_t memory_bytes = 1U << 20;         // a body past this goes to the spool on disk
  std::uint64_t stored_reply_bytes = 16U << 20;  // of an approved request's answer, kept for the agent's retry
  std::uint64_t connections = 4096;
  TimeMs header_time = 15'000;
  TimeMs request_time = 60'000;  // to receive a request, and between two reads of an upstream's answer
  TimeMs hold_stream = 300'000;  // longest time a held call is kept open with progress messages
  TimeMs drain = 10'000;         // after SIGTERM
};

// Policies that come from a git repository (policies/git_source.h).
struct PolicyRepository {
  std::string repository;  // a path, or a URL
  std::string branch = "main";
  std::string path;             // folder inside of it; empty: its root
  std::string allowed_signers;  // ssh-keygen's ALLOWED SIGNERS format
  TimeMs every = 60'000;
  bool two_people = true;  // what a commit brings was written by somebody else than its signer
};

// Recorded operations, for replaying drafts of policies (policies/journal.h).
struct Journal {
  int days = 14;  // 0: none are recorded
  std::uint64_t bytes = 1U << 30;
};

struct Config {
  std::filesystem::path file;
  std::filesystem::path state = "./state";
  Address agents{"127.0.0.1", 8700};
  Address admin{"127.0.0.1", 8701};
  std::optional<Tls> agents_tls;
  std::optional<Tls> admin_tls;
  std::string public_url;  // how approvers reach the admin listener, for links; default its address, or localhost
  std::string store = "sqlite";
  std::filesystem::path policies = "./policies";
  std::optional<PolicyRepository> policy_repository;  // `policies` is where its folder is put then
  Journal journal;
  int workers = 0;  // 0: one a core
  Limits limits;
  SignIn sign_in;
  std::vector<Notification> notifications;
  std::vector<Upstream> upstreams;
};

}  // namespace countersign::config
