// What every subcommand takes, and the function that runs it. cli/options.cc fills these from the command line; each
// function prints for people or (Output::json) for programs and returns the exit code of cli/report.h.
//
// Strings are as typed: an empty one means "not given". Lists come from comma-separated or repeated options.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace countersign::cli {

enum class Output { table, json };

// How to find the server: cli/client.h.
struct ServerOptions {
  std::string server;  // --server: http(s)://host:port
  std::string state;   // --state: the state folder that holds admin.sock
  std::string config;  // --config: a configuration file that names the state folder
};

// --- serve, check --------------------------------------------------------------------------------------------------

struct ServeOptions {
  std::string config = "countersign.yaml";
};
int run_serve(const ServeOptions& options);

struct CheckOptions {
  std::string config = "countersign.yaml";
};
int run_check(const CheckOptions& options);

// --- token ---------------------------------------------------------------------------------------------------------

struct ScopeOptions {
  std::vector<std::string> upstreams;
  std::vector<std::string> effects;  // effect names, or "change" for every effect but read
  std::vector<std::string> actions;
  std::vector<std::string> resources;
  std::vector<std::string> environments;
};

struct TokenIssueOptions {
  ServerOptions server;
  Output output = Output::table;
  std::string agent;
  std::string owner;
  std::string user;  // instead of agent and owner: a personal token
  ScopeOptions scope;
  std::string ttl;
  bool seal = false;
};
int run_token_issue(const TokenIssueOptions& options);

// `token`: the text, "-" for standard input, or empty for COUNTERSIGN_AGENT_TOKEN.
struct TokenNarrowOptions {
  std::string token;
  ScopeOptions scope;
  std::string ttl;
  std::string as;  // name of the sub-agent
};
int run_token_narrow(const TokenNarrowOptions& options);

enum class AwsOutput { env, json, credential_process };
struct TokenSealOptions {
  std::string token;
  bool aws = false;             // the AWS form instead of the bearer form
  std::optional<AwsOutput> as;  // of the AWS form; absent: env
};
int run_token_seal(const TokenSealOptions& options);

struct TokenInspectOptions {
  std::string token;
  Output output = Output::table;
};
int run_token_inspect(const TokenInspectOptions& options);

struct TokenRevokeOptions {
  ServerOptions server;
  std::string id;  // 32 hexadecimal digits
  std::string reason;
};
int run_token_revoke(const TokenRevokeOptions& options);

struct TokenListOptions {
  ServerOptions server;
  Output output = Output::table;
  bool all = false;  // expired and revoked ones too
};
int run_token_list(const TokenListOptions& options);

// --- git -----------------------------------------------------------------------------------------------------------

// read: fetching only. write: fetching, pushing and LFS, as far as the token's own scope reaches.
enum class GitAccess { read, write };

struct GitCredentialOptions {
  std::string operation;   // get, store or erase: appended by git
  std::string gateway;     // http(s)://host:port of the agents listener, or empty: COUNTERSIGN_AGENTS_URL
  std::string token_file;  // or empty: COUNTERSIGN_AGENT_TOKEN, then COUNTERSIGN_TOKEN
  std::string ttl = "10m";
  GitAccess most = GitAccess::write;  // however a request asks
};
int run_git_credential(const GitCredentialOptions& options);

// --- plans ---------------------------------------------------------------------------------------------------------

struct PlanOptions {
  ServerOptions server;  // show, for people
  Output output = Output::table;
  std::string plan;  // submit: a file, or "-"; otherwise its id
  std::string upstream;
  std::string ttl;         // or empty: 2h
  std::string gateway;     // http(s)://host:port of the agents listener, or empty: COUNTERSIGN_AGENTS_URL
  std::string token_file;  // or empty: COUNTERSIGN_AGENT_TOKEN
};
int run_plan_submit(const PlanOptions& options);
int run_plan_show(const PlanOptions& options);
int run_plan_withdraw(const PlanOptions& options);

// --- held requests -------------------------------------------------------------------------------------------------

struct RequestsOptions {
  ServerOptions server;
  Output output = Output::table;
  std::string state;
  std::uint64_t limit = 50;
};
int run_requests(const RequestsOptions& options);

struct RequestShowOptions {
  ServerOptions server;
  Output output = Output::table;
  std::string id;
  bool full = false;  // every line of what it would do
};
int run_request_show(const RequestShowOptions& options);

enum class Vote { approve, deny };

struct VoteOptions {
  ServerOptions server;
  Output output = Output::table;
  Vote vote = Vote::deny;
  std::string id;
  std::string reason;
  std::string for_whom;  // whose place the person takes
  bool sign = false;     // with a security key
  std::string device;    // which; empty: the only one
};
int run_vote(const VoteOptions& options);

// Both for "bst_…": requests that were held together. A vote is about those that are shown first, and no others.
[[nodiscard]] bool is_burst(std::string_view id);
int run_burst_show(const RequestShowOptions& options);
int run_burst_vote(const VoteOptions& options);

// --- security keys -------------------------------------------------------------------------------------------------

struct KeyEnrolOptions {
  ServerOptions server;
  Output output = Output::table;
  std::string user;
  std::string name = "security key";
  std::string device;  // empty: the only one plugged in
};
int run_key_enrol(const KeyEnrolOptions& options);

struct KeyListOptions {
  ServerOptions server;
  Output output = Output::table;
};
int run_key_list(const KeyListOptions& options);

struct KeyRemoveOptions {
  ServerOptions server;
  std::string id;
};
int run_key_remove(const KeyRemoveOptions& options);

// --- people ----------------------------------------------------------------------------------------------------------

struct PersonListOptions {
  ServerOptions server;
  Output output = Output::table;
};
int run_person_list(const PersonListOptions& options);

struct PersonOptions {
  ServerOptions server;
  Output output = Output::table;
  std::string name;
  std::string reason;  // sign-out and reset only
};
int run_person_invite(const PersonOptions& options);
int run_person_sessions(const PersonOptions& options);
int run_person_sign_out(const PersonOptions& options);
int run_person_reset(const PersonOptions& options);

// --- audit ---------------------------------------------------------------------------------------------------------

struct AuditQueryOptions {
  ServerOptions server;
  Output output = Output::table;
  // Name and value of each filter given, as the admin API calls it: {"agent", "builder"}.
  std::vector<std::pair<std::string, std::string>> filters;
  std::string since;  // a time, or a duration back from now
  std::string until;
  std::uint64_t limit = 50;
};
int run_audit_query(const AuditQueryOptions& options);
// Every record that matches, oldest first, one canonical JSON object a line. `limit` and `output` do not count.
int run_audit_export(const AuditQueryOptions& options);

struct AuditRecordOptions {
  ServerOptions server;
  Output output = Output::table;
  std::uint64_t seq = 0;
};
int run_audit_show(const AuditRecordOptions& options);
int run_audit_proof(const AuditRecordOptions& options);

struct AuditVerifyOptions {
  ServerOptions server;  // only to find the state folder: no server is asked
  Output output = Output::table;
  std::string directory;
  std::string key;      // a verifier key (vkey) or a file of it, or empty: the one beside the log
  std::string since;    // file with a checkpoint kept from before: the log must contain it
  std::string receipt;  // check this receipt instead of a log; needs `key`
};
int run_audit_verify(const AuditVerifyOptions& options);

// --- attestations --------------------------------------------------------------------------------------------------

struct VerifyCommitsOptions {
  Output output = Output::table;
  std::string range;                      // BASE..HEAD
  std::vector<std::string> keys;          // verifier keys, or files of them
  std::string repo = ".";                 // a folder in the repository
  std::vector<std::string> attestations;  // files and folders; empty: the repository's refs
  std::string upstream;
  std::string repository;
  std::string ref;
  std::string branch;  // instead of ref
  std::string require_level;
  std::uint32_t min_approvals = 1;
  bool all = false;  // commits without a sign of assistance too
};
int run_verify_commits(const VerifyCommitsOptions& options);

struct AttestationOptions {
  ServerOptions server;
  Output output = Output::table;  // list only
  std::string commit;
  std::string request;
  std::uint64_t limit = 50;  // list only
};
int run_attestation_list(const AttestationOptions& options);
// The envelopes themselves, one a line.
int run_attestation_export(const AttestationOptions& options);

// --- classify ------------------------------------------------------------------------------------------------------

// One of the four is given.
struct ClassifyOptions {
  std::string operation;   // "s3:DeleteBucket", or an IAM action
  std::string request;     // file with one HTTP request as it goes over the wire
  std::string har;         // file: an HTTP archive
  std::string cloudtrail;  // file of CloudTrail's
  Output output = Output::table;
};
// 0 when everything has a name, 1 when something has none.
int run_classify(const ClassifyOptions& options);

// --- policy --------------------------------------------------------------------------------------------------------

// A folder, a configuration that names one, or both: the folder against the configuration's upstreams.
struct PolicyCheckOptions {
  std::string directory;
  std::string config;
  Output output = Output::table;
};
int run_policy_check(const PolicyCheckOptions& options);

struct PolicySchemaOptions {
  std::string directory;
  std::string config;
};
int run_policy_schema(const PolicySchemaOptions& options);

// One of `request`, `record`, `held` and `cedar` is given.
struct PolicyExplainOptions {
  ServerOptions server;
  Output output = Output::table;
  std::string policies;  // folder; empty: the one of the configuration
  std::string request;   // JSON file: a question in the gateway's words, or what was recorded
  std::string record;    // number of an audit record
  std::string held;      // id of a held request
  std::string cedar;     // plain Cedar: policies, and the rest of the question
  std::string schema;
  std::string entities;
  std::string principal;
  std::string action;
  std::string resource;
  std::string context;
  bool all = false;  // policies whose head does not match too
};
int run_policy_explain(const PolicyExplainOptions& options);

struct PolicyTestOptions {
  Output output = Output::table;
  std::vector<std::string> paths;  // policy folders (their tests/*.json) and test files
  std::string policies;            // the folder that test files are about
  std::string config;              // for the labels of upstreams
  std::string cedar;               // plain Cedar policies instead of a folder
  std::string schema;
  int coverage_min = 0;   // percent
  bool coverage = false;  // show what is covered too
};
int run_policy_test(const PolicyTestOptions& options);

struct PolicyDiffOptions {
  ServerOptions server;
  Output output = Output::table;
  std::string before;  // folder; with `after` empty this is the later one, compared with what runs on the server
  std::string after;
};
// 0 when nothing differs, 1 when something does.
int run_policy_diff(const PolicyDiffOptions& options);

struct PolicyReplayOptions {
  ServerOptions server;
  Output output = Output::table;
  std::string directory;  // of the draft
  std::string journal;    // folder of recorded operations, read without a server; empty: the server's
  std::string against = "recorded";
  int days = 7;
  std::uint64_t limit = 200'000;
};
// 0 when nothing would have been decided otherwise, 1 when something would.
int run_policy_replay(const PolicyReplayOptions& options);

struct PolicyFormatOptions {
  std::vector<std::string> paths;  // *.cedar files, folders of them, or "-"
  bool check = false;              // say what would change
  bool write = false;              // change it
  std::uint32_t line_width = 80;
  std::uint32_t indent = 2;
};
int run_policy_format(const PolicyFormatOptions& options);

enum class Syntax { cedar, json };

struct PolicyTranslateOptions {
  Syntax to = Syntax::json;
  std::string file = "-";
};
int run_policy_translate(const PolicyTranslateOptions& options);

struct PolicyAuthorizeOptions {
  bool jsonl = false;  // the only form there is; asked for by name
  std::string file;    // empty or "-": standard input
};
int run_policy_authorize(const PolicyAuthorizeOptions& options);

}  // namespace countersign::cli
