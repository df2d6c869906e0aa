#include "core/config_upstream.h"

#include <algorithm>

#include "core/config_aws.h"

namespace countersign::config {
namespace {

// The names of scopes/effect.h, which core may not include; a test keeps the two lists equal.
const std::vector<std::string_view> kEffects = {"read", "write", "execute", "mint", "administer", "destroy"};
const std::vector<std::string_view> kProtocols = {"mcp", "http", "git", "aws", "terraform"};
// Protocols and credentials that are planned, so that the message can say "yet".
const std::vector<std::string_view> kLaterProtocols = {"kubernetes", "github", "gitlab", "gcp", "azure"};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_word(char c) {
  return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
}
bool is_control(char c) {
  auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

// RFC 9110 token: field names and methods.
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && text.size() <= 100 &&
         std::ranges::all_of(text, [&](char c) { return is_word(c) || kMarks.find(c) != std::string_view::npos; });
}

bool is_variable_name(std::string_view text) {
  return !text.empty() && text.size() <= 200 && (is_letter(text[0]) || text[0] == '_') &&
         std::ranges::all_of(text, is_word);
}

// A name of a Cedar entity type, but not one with a meaning of its own: a request cannot make up users.
bool is_resource_type(std::string_view text) {
  const std::vector<std::string_view> reserved = {"Action", "Agent", "Approval", "Team", "Upstream", "User"};
  if (std::ranges::find(reserved, text) != reserved.end()) return false;
  if (text.size() > 200) return false;
  while (true) {
    std::size_t end = text.find("::");
    std::string_view part = text.substr(0, end);
    if (!is_variable_name(part)) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 2);
  }
}

// RFC 6901: empty, or "/" and segments in which "~" only stands in "~0" and "~1".
bool is_json_pointer(std::string_view text) {
  if (text.size() > 1000 || (!text.empty() && text[0] != '/')) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '~' && (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1'))) return false;
  }
  return true;
}

void read_basic(Reading& reading, const yaml::Node& node, Credential& out) {
  out.kind = Credential::Kind::basic;
  yaml::Map map(reading.file, node, "`basic`", reading.problems);
  map.require("user");
  if (const yaml::Node* at = map.string("user", out.user)) {
    if (out.user.find(':') != std::string::npos || std::ranges::any_of(out.user, is_control))
      map.problem(*at, "`user` must not have colons or control characters");
  }
  if (map.require("password")) read_secret(reading, *map.any("password"), "`password`", out.secret);
  map.finish();
}

void read_header(Reading& reading, const yaml::Node& node, Credential& out) {
  out.kind = Credential::Kind::header;
  yaml::Map map(reading.file, node, "`header`", reading.problems);
  map.require("name");
  if (const yaml::Node* at = map.string("name", out.header)) {
    if (!is_token(out.header)) map.problem(*at, "`name` must be the name of a header field");
  }
  if (map.require("value")) read_secret(reading, *map.any("value"), "`value`", out.secret);
  map.finish();
}

void read_app_permissions(Reading& reading, const yaml::Node& node, GithubApp& out) {
  yaml::Map map(reading.file, node, "`permissions`", reading.problems);
  std::string contents = "write";
  std::string workflows;
  map.one_of("contents", contents, {"read", "write"});
  const yaml::Node* at = map.one_of("workflows", workflows, {"write"});
  map.finish();
  out.contents = contents == "read" ? GithubApp::Contents::read : GithubApp::Contents::write;
  if (!at) return;
  out.workflows = GithubApp::Workflows::write;
  if (out.contents == GithubApp::Contents::read) map.problem(*at, "`workflows: write` needs `contents: write`");
}

void read_github_app(Reading& reading, const yaml::Node& node, Credential& out) {
  out.kind = Credential::Kind::github_app;
  yaml::Map map(reading.file, node, "`github_app`", reading.problems);
  map.require("app_id");
  if (const yaml::Node* at = map.string("app_id", out.app.app_id)) {
    const bool sound = !out.app.app_id.empty() && out.app.app_id.size() <= 64 &&
                       std::ranges::all_of(out.app.app_id, [](char c) { return is_word(c) || c == '.' || c == '-'; });
    if (!sound) map.problem(*at, "`app_id` must be the App's number or its client id");
  }
  map.require("installation_id");
  if (const yaml::Node* at = map.string("installation_id", out.app.installation_id)) {
    const std::string& id = out.app.installation_id;
    const bool sound =
        !id.empty() && id.size() <= 20 && std::ranges::all_of(id, [](char c) { return c >= '0' && c <= '9'; });
    if (!sound) map.problem(*at, "`installation_id` must be a number");
  }
  map.require("api");
  if (const yaml::Node* at = map.string("api", out.app.api)) {
    if (auto wrong = upstream_url_problem(out.app.api)) {
      map.problem(*at, "`api` " + *wrong);
    } else if (!is_private_way(out.app.api)) {
      map.problem(*at, "`api` must be https, unless it is on this machine");
    }
  }
  if (map.require("private_key")) read_secret(reading, *map.any("private_key"), "`private_key`", out.secret);
  if (const yaml::Node* at = map.map("permissions")) read_app_permissions(reading, *at, out.app);
  map.finish();
}

Credential read_credential(Reading& reading, const yaml::Node& node) {
  Credential out;
  yaml::Map map(reading.file, node, "`credential`", reading.problems);
  const yaml::Node* bearer = map.any("bearer");
  const yaml::Node* basic = map.any("basic");
  const yaml::Node* header = map.any("header");
  const yaml::Node* app = map.any("github_app");
  const yaml::Node* aws = map.any("aws");
  map.finish();
  int given = (bearer ? 1 : 0) + (basic ? 1 : 0) + (header ? 1 : 0) + (app ? 1 : 0) + (aws ? 1 : 0);
  if (given != 1) {
    if (node.kind == yaml::Node::Kind::map)
      map.problem(node, "`credential` needs one of bearer, basic, header, github_app, aws");
    return out;
  }
  if (bearer) {
    out.kind = Credential::Kind::bearer;
    read_secret(reading, *bearer, "`bearer`", out.secret);
  } else if (basic) {
    read_basic(reading, *basic, out);
  } else if (app) {
    read_github_app(reading, *app, out);
  } else if (aws) {
    out.kind = Credential::Kind::aws;
    out.aws = read_aws_keys(reading, *aws);
  } else {
    read_header(reading, *header, out);
  }
  return out;
}

void read_effect(yaml::Map& map, std::optional<std::string>& out) {
  std::string effect;
  if (map.one_of("effect", effect, kEffects)) out = effect;
}

void read_pointer(Reading& reading, const yaml::Node& at, const std::string& pointer) {
  if (!is_json_pointer(pointer))
    reading.problem(at, "`" + pointer.substr(0, 60) + "` is not a JSON pointer like /path");
}

ToolResource read_tool_resource(Reading& reading, const yaml::Node& item, const std::string& what) {
  ToolResource resource;
  if (item.kind == yaml::Node::Kind::scalar) {
    resource.pointer = item.text;
    read_pointer(reading, item, resource.pointer);
    return resource;
  }
  yaml::Map map(reading.file, item, "a resource of " + what, reading.problems);
  map.require("pointer");
  if (const yaml::Node* at = map.string("pointer", resource.pointer)) read_pointer(reading, *at, resource.pointer);
  read_effect(map, resource.effect);
  map.finish();
  return resource;
}

ToolRule read_tool(Reading& reading, const yaml::Member& member) {
  ToolRule rule;
  rule.tool = member.key;
  yaml::Map map(reading.file, member.value, "tool `" + member.key.substr(0, 60) + "`", reading.problems);
  if (member.key.empty() || member.key.size() > 200 || std::ranges::any_of(member.key, is_control))
    reading.problem(member.value, "a tool's name has 1 to 200 characters");
  read_effect(map, rule.effect);
  if (const yaml::Node* at = map.string("type", rule.resource_type)) {
    if (!is_resource_type(rule.resource_type)) map.problem(*at, "`type` must be a Cedar entity type like File");
  }
  if (const yaml::Node* resources = map.list("resources")) {
    for (const yaml::Node& item : resources->items)
      rule.resources.push_back(read_tool_resource(reading, item, map.what()));
  }
  map.finish();
  return rule;
}

// nullopt when the pattern can be matched; otherwise why not.
std::optional<std::string> path_problem(std::string_view path) {
  if (path.empty() || path[0] != '/') return "the path must begin with /";
  if (path.size() > 1000) return "the path is too long";
  if (path.find_first_of("?#") != std::string_view::npos) return "the path must not have a query or fragment";
  if (path == "/") return std::nullopt;
  path.remove_prefix(1);
  while (true) {
    std::size_t end = path.find('/');
    std::string_view segment = path.substr(0, end);
    bool last = end == std::string_view::npos;
    bool variable = segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
    std::string_view inside = variable ? segment.substr(1, segment.size() - 2) : segment;
    if (segment.empty() && !last) return "the path has an empty segment";
    if (segment == "." || segment == "..") return "the path has a dot segment";
    if (segment == "**") {
      if (!last) return "`**` may only stand at the end";
    } else if (inside.find_first_of("{}*") != std::string_view::npos) {
      return "a segment is text, {name}, or a final **";
    }
    if (last) return std::nullopt;
    path.remove_prefix(end + 1);
  }
}

HttpRule read_operation(Reading& reading, const yaml::Node& node) {
  HttpRule rule;
  yaml::Map map(reading.file, node, "an operation", reading.problems);
  std::string match;
  map.require("match");
  if (const yaml::Node* at = map.string("match", match)) {
    std::size_t space = match.find(' ');
    rule.method = match.substr(0, space);
    rule.path = space == std::string::npos ? "" : match.substr(space + 1);
    bool lower = std::ranges::any_of(rule.method, [](char c) { return c >= 'a' && c <= 'z'; });
    if (space == std::string::npos || lower || !is_token(rule.method) ||
        (rule.method != "*" && rule.method.find('*') != std::string::npos)) {
      map.problem(*at, "`match` must be METHOD /path, like POST /orders/{id}/refund");
    } else if (auto wrong = path_problem(rule.path)) {
      map.problem(*at, "`match`: " + *wrong);
    }
  }
  if (const yaml::Node* at = map.string("action", rule.action)) {
    bool sound = !rule.action.empty() && rule.action.size() <= 200 && std::ranges::all_of(rule.action, [](char c) {
      return is_word(c) || c == '-' || c == '.' || c == '/' || c == ':';
    });
    if (!sound) map.problem(*at, "`action` must be a word like refundOrder");
  }
  read_effect(map, rule.effect);
  map.finish();
  return rule;
}

void read_command(Reading& reading, yaml::Map& map, Upstream& out) {
  if (const yaml::Node* at = map.strings("command", out.command)) {
    bool empty = out.command.empty() || out.command[0].empty();
    if (empty) map.problem(*at, "`command` needs the name of a program");
  }
  if (const yaml::Node* at = map.strings("environment", out.environment)) {
    for (const auto& [name, value] : out.environment) {
      if (!is_variable_name(name)) map.problem(*at, "`" + name.substr(0, 60) + "` is not a variable's name");
    }
    if (!map.node().find("command")) map.problem(*at, "`environment` needs a `command`");
  }
  out.directory = reading.resolve(".");
  if (const yaml::Node* at = map.string("directory", out.directory)) {
    reading.folder_at(*at, out.directory);
    if (!map.node().find("command")) map.problem(*at, "`directory` needs a `command`");
  }
  const yaml::Node* run_as = map.string("run_as", out.run_as);
  if (run_as) {
    reading.user_at(*run_as, out.run_as);
    if (!map.node().find("command")) map.problem(*run_as, "`run_as` needs a `command`");
  } else if (!out.command.empty() && reading.options.run_as == Check::yes) {
    map.warning(*map.node().find("command"), "the command of " + map.what() +
                                                 " runs as the gateway's own user, who can read the gateway's keys; "
                                                 "`run_as` names another");
  }
}

void read_url(Reading& reading, yaml::Map& map, Upstream& out) {
  if (const yaml::Node* at = map.string("url", out.url)) {
    if (auto wrong = upstream_url_problem(out.url)) map.problem(*at, "`url` " + *wrong);
  }
  if (const yaml::Node* at = map.string("ca", out.ca_file)) {
    reading.file_at(*at, out.ca_file);
    if (!out.url.starts_with("https://")) map.problem(*at, "`ca` needs an https `url`");
  }
  if (const yaml::Node* at = map.map("credential")) {
    out.credential = read_credential(reading, *at);
    if (out.credential.kind == Credential::Kind::github_app && out.protocol != "git")
      map.problem(*at, "credential `github_app` belongs to protocol git");
    if (out.credential.kind != Credential::Kind::none &&
        (out.credential.kind == Credential::Kind::aws) != (out.protocol == "aws"))
      map.problem(*at, "credential `aws` is the one of protocol aws, and of no other");
    if (out.url.empty() && out.protocol != "aws")
      map.problem(*at, "`credential` needs a `url`; a command takes secrets from `environment`");
  }
}

// Exactly one way to reach it; only mcp may have a command.
void check_way(yaml::Map& map, const Upstream& upstream) {
  bool command = map.node().find("command") != nullptr;
  bool url = map.node().find("url") != nullptr;
  const bool only_url = upstream.protocol != "mcp";
  if (only_url && command)
    return map.problem(*map.node().find("command"),
                       "upstreams of protocol " + upstream.protocol + " have a `url`, not a `command`");
  if (command && url) return map.problem(map.node(), map.what() + " has both `command` and `url`");
  if (command || url || upstream.protocol == "aws") return;
  map.problem(map.node(), map.what() + (only_url ? " needs `url`" : " needs `command` or `url`"));
}

void read_protocol_parts(Reading& reading, yaml::Map& map, Upstream& out) {
  const yaml::Node* tools = map.map("tools");
  const yaml::Node* operations = map.list("operations");
  const yaml::Node* openapi = map.string("openapi", out.openapi);
  const yaml::Node* aws = map.map("aws");
  if (aws && out.protocol != "aws") map.problem(*aws, "`aws` belongs to protocol aws");
  if (aws) out.aws = read_aws_account(reading, *aws);
  if (tools && out.protocol != "mcp") map.problem(*tools, "`tools` belongs to protocol mcp");
  if (operations && out.protocol != "http") map.problem(*operations, "`operations` belongs to protocol http");
  if (openapi && out.protocol != "http") map.problem(*openapi, "`openapi` belongs to protocol http");
  if (tools) {
    for (const yaml::Member& member : tools->members) out.tools.push_back(read_tool(reading, member));
  }
  if (operations) {
    for (const yaml::Node& item : operations->items) out.operations.push_back(read_operation(reading, item));
  }
  if (openapi) reading.file_at(*openapi, out.openapi);
}

}  // namespace

void read_secret(Reading& reading, const yaml::Node& node, const std::string& what, SecretSource& out) {
  if (node.kind == yaml::Node::Kind::scalar) {
    reading.problem(node, what + " must not stand in the file; write { env: VARIABLE } or { file: path }");
    return;
  }
  yaml::Map map(reading.file, node, what, reading.problems);
  std::string variable;
  std::string path;
  const yaml::Node* env = map.string("env", variable);
  const yaml::Node* file = map.string("file", path);
  map.finish();
  if (env && file) return map.problem(node, what + " has both `env` and `file`");
  if (env) {
    if (!is_variable_name(variable)) return map.problem(*env, "`env` must be the name of an environment variable");
    out = {SecretSource::Kind::environment, variable};
    reading.secret_at(*env, out);
  } else if (file) {
    out = {SecretSource::Kind::file, path};
    reading.secret_at(*file, out);
  } else if (node.kind == yaml::Node::Kind::map) {
    map.problem(node, what + " needs `env` or `file`");
  }
}

bool is_private_way(std::string_view url) {
  constexpr std::string_view kPlain = "http://";
  if (!url.starts_with(kPlain)) return true;
  url.remove_prefix(kPlain.size());
  const std::string_view host = url.substr(0, url.find('/'));
  for (std::string_view local : {"127.0.0.1", "localhost", "[::1]"}) {
    if (host == local || (host.starts_with(local) && host[local.size()] == ':')) return true;
  }
  return false;
}

LabelSet read_labels(std::string_view file, const yaml::Node& node, const std::string& what, Problems& problems) {
  LabelSet labels;
  yaml::Map map(file, node, "labels of " + what, problems);
  auto not_empty = [&](const yaml::Node* at, std::string_view key, const std::optional<std::string>& value) {
    if (at && value->empty()) map.problem(*at, "`" + std::string(key) + "` must not be empty");
  };
  not_empty(map.string("environment", labels.environment), "environment", labels.environment);
  not_empty(map.string("owner", labels.owner), "owner", labels.owner);
  std::int64_t tier = 1;
  if (map.integer("tier", tier, 0, 1000)) labels.tier = tier;
  for (const yaml::Member& member : map.members()) {
    if (member.key == "environment" || member.key == "owner" || member.key == "tier") continue;
    if (member.value.kind != yaml::Node::Kind::scalar) {
      map.problem(member.value, "label `" + member.key.substr(0, 60) + "` must be text");
    } else {
      labels.free[member.key] = member.value.text;
      std::string_view near = closest(member.key, {"environment", "owner", "tier"});
      if (!near.empty())
        map.warning(member.value, "`" + member.key + "` is a free label; did you mean `" + std::string(near) + "`?");
    }
  }
  return labels;
}

Upstream read_upstream(Reading& reading, const yaml::Node& node) {
  Upstream out;
  const yaml::Node* named = node.find("name");
  bool has_name = named && named->kind == yaml::Node::Kind::scalar;
  std::string what = has_name ? "upstream `" + named->text.substr(0, 63) + "`" : std::string("an upstream");
  yaml::Map map(reading.file, node, what, reading.problems);
  map.require("name");
  if (const yaml::Node* at = map.string("name", out.name)) {
    if (!is_upstream_name(out.name))
      map.problem(*at, "`name` has 1 to 63 small letters, digits and hyphens, and does not begin with a hyphen");
  }
  map.require("protocol");
  const yaml::Node* protocol = map.string("protocol", out.protocol);
  const bool known = std::ranges::find(kProtocols, out.protocol) != kProtocols.end();
  if (protocol && !known) {
    bool later = std::ranges::find(kLaterProtocols, out.protocol) != kLaterProtocols.end();
    map.problem(*protocol, later ? "protocol " + out.protocol + " is not supported yet"
                                 : "`protocol` must be mcp, http, git, aws or terraform, not `" +
                                       out.protocol.substr(0, 60) + "`");
    return out;  // the other keys depend on it
  }
  if (!protocol) return out;
  read_command(reading, map, out);
  read_url(reading, map, out);
  if (const yaml::Node* at = map.map("labels")) out.labels = read_labels(reading.file, *at, what, reading.problems);
  read_protocol_parts(reading, map, out);
  map.finish();
  check_way(map, out);
  return out;
}

}  // namespace countersign::config
