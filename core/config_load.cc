#include "core/config_load.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <cstdlib>
#include <set>

#include "core/config_notifications.h"
#include "core/config_policies.h"
#include "core/config_sign_in.h"
#include "core/config_upstream.h"
#include "core/run_as.h"

namespace countersign::config {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kGiB = 1024 * 1024 * kKiB;
constexpr TimeMs kHour = 3'600'000;

void read_address(yaml::Map& map, std::string_view key, Address& out) {
  std::string text;
  const yaml::Node* node = map.string(key, text);
  if (!node) return;
  std::optional<Address> address = parse_address(text);
  if (!address) return map.problem(*node, "`" + std::string(key) + "` must be host:port, like 127.0.0.1:8700");
  out = std::move(*address);
}

void read_tls(Reading& reading, yaml::Map& parent, std::string_view key, std::optional<Tls>& out) {
  const yaml::Node* node = parent.map(key);
  if (!node) return;
  yaml::Map map(reading.file, *node, "`" + std::string(key) + "`", reading.problems);
  Tls tls;
  map.require("certificate");
  map.require("key");
  if (const yaml::Node* at = map.string("certificate", tls.certificate)) reading.file_at(*at, tls.certificate);
  if (const yaml::Node* at = map.string("key", tls.key)) reading.file_at(*at, tls.key);
  map.finish();
  out = std::move(tls);
}

void read_listen(Reading& reading, yaml::Map& root, Config& config) {
  const yaml::Node* node = root.map("listen");
  if (!node) return;
  yaml::Map map(reading.file, *node, "`listen`", reading.problems);
  read_address(map, "agents", config.agents);
  read_address(map, "admin", config.admin);
  read_tls(reading, map, "agents_tls", config.agents_tls);
  read_tls(reading, map, "admin_tls", config.admin_tls);
  if (const yaml::Node* at = map.string("public_url", config.public_url)) {
    if (auto wrong = upstream_url_problem(config.public_url)) map.problem(*at, "`public_url` " + *wrong);
  }
  map.finish();
  bool same = config.agents.host == config.admin.host && config.agents.port == config.admin.port;
  if (same && config.agents.port != 0) map.problem(*node, "`agents` and `admin` must be different addresses");
}

void read_limits(Reading& reading, yaml::Map& root, Limits& limits) {
  const yaml::Node* node = root.map("limits");
  if (!node) return;
  yaml::Map map(reading.file, *node, "`limits`", reading.problems);
  map.byte_size("header_bytes", limits.header_bytes, kKiB, 1024 * kKiB);
  map.byte_size("body_bytes", limits.body_bytes, kKiB, 64 * kGiB);
  map.byte_size("push_bytes", limits.push_bytes, kKiB, 64 * kGiB);
  map.byte_size("memory_bytes", limits.memory_bytes, 4 * kKiB, kGiB);
  map.byte_size("stored_reply_bytes", limits.stored_reply_bytes, kKiB, kGiB);
  std::int64_t connections = 0;
  if (map.integer("connections", connections, 1, 1'000'000))
    limits.connections = static_cast<std::uint64_t>(connections);
  map.duration("header_time", limits.header_time, kHour);
  map.duration("request_time", limits.request_time, 24 * kHour);
  map.duration("hold_stream", limits.hold_stream, 24 * kHour);
  map.duration("drain", limits.drain, kHour);
  map.finish();
}

void read_store(yaml::Map& root, std::string& store) {
  const yaml::Node* node = root.string("store", store);
  if (!node || store == "sqlite") return;
  if (store.starts_with("postgresql://") || store.starts_with("postgres://"))
    return root.problem(*node, "store postgresql is not supported yet; use sqlite");
  root.problem(*node, "`store` must be sqlite");
}

void read_upstreams(Reading& reading, yaml::Map& root, Config& config) {
  constexpr std::size_t kMost = 1000;
  if (!root.require("upstreams")) return;
  const yaml::Node* node = root.list("upstreams");
  if (!node) return;
  if (node->items.empty()) return root.problem(*node, "`upstreams` is empty: there is nothing to guard");
  if (node->items.size() > kMost) return root.problem(*node, "more than " + std::to_string(kMost) + " upstreams");
  std::set<std::string> names;
  for (const yaml::Node& item : node->items) {
    Upstream upstream = read_upstream(reading, item);
    if (!upstream.name.empty() && !names.insert(upstream.name).second) {
      const yaml::Node* at = item.find("name");
      reading.problem(at ? *at : item, "there is another upstream named `" + upstream.name + "`");
    }
    config.upstreams.push_back(std::move(upstream));
  }
}

}  // namespace

void Reading::problem(const yaml::Node& at, std::string message) {
  problems.push_back({file, at.line, at.column, std::move(message)});
}

std::string Reading::resolve(const std::string& path) const {
  return (folder / path).lexically_normal().string();
}

void Reading::file_at(const yaml::Node& at, std::string& path) {
  path = resolve(path);
  if (options.files == Check::no) return;
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return problem(at, "there is no file " + path);
  if (::access(path.c_str(), R_OK) != 0) problem(at, "the file " + path + " cannot be read");
}

void Reading::folder_at(const yaml::Node& at, std::string& path) {
  path = resolve(path);
  if (options.files == Check::no) return;
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) problem(at, "there is no folder " + path);
}

void Reading::user_at(const yaml::Node& at, const std::string& name) {
  if (name.empty() || name.size() > 200) return problem(at, "`run_as` must be the name of a user");
  if (options.files == Check::no) return;
  const Result<SystemUser> user = find_system_user(name);
  if (!user) return problem(at, user.error().message);
  if (user->uid == 0) problem(at, "`run_as` is for users other than root");
}
void Reading::secret_at(const yaml::Node& at, SecretSource& source) {
  if (source.kind == SecretSource::Kind::file) return file_at(at, source.name);
  if (options.secrets == Check::no || std::getenv(source.name.c_str())) return;
  problem(at, "the environment variable " + source.name + " is not set");
}

Loaded read(const std::filesystem::path& file, std::string_view text, const LoadOptions& options) {
  Loaded loaded;
  Config& config = loaded.config;
  config.file = file;
  std::optional<yaml::Node> root_node = yaml::parse(file.string(), text, loaded.problems);
  if (!root_node) return loaded;
  std::error_code error;
  Reading reading{file.string(), std::filesystem::absolute(file, error).parent_path(), options, loaded.problems};

  yaml::Map root(reading.file, *root_node, "the configuration", loaded.problems);
  std::string state = "./state";
  root.string("state", state);
  config.state = reading.resolve(state);
  read_policies(reading, root, *root_node, config);
  read_journal(reading, root, config.journal);
  std::int64_t workers = 0;
  if (root.integer("workers", workers, 0, 1024)) config.workers = static_cast<int>(workers);
  read_listen(reading, root, config);
  read_store(root, config.store);
  read_limits(reading, root, config.limits);
  read_sign_in(reading, root, config.sign_in);
  read_notifications(reading, root, config.notifications);
  read_upstreams(reading, root, config);
  root.finish();

  if (config.public_url.empty()) {
    // Browsers know no passkeys for addresses without a name, and this one has one.
    const bool here = config.admin.host == "127.0.0.1" || config.admin.host == "::1";
    const Address named{here ? "localhost" : config.admin.host, config.admin.port};
    config.public_url = (config.admin_tls ? "https://" : "http://") + address_text(named);
  }
  sort_problems(loaded.problems);
  return loaded;
}

Loaded load(const std::filesystem::path& file, const LoadOptions& options) {
  constexpr std::size_t kMostBytes = 1U << 20;
  Result<std::string> text = read_file(file.string(), kMostBytes);
  if (text) return read(file, *text, options);
  Loaded loaded;
  loaded.config.file = file;
  loaded.problems.push_back({file.string(), 0, 0, text.error().message});
  return loaded;
}

bool is_upstream_name(std::string_view name) {
  auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.empty() || name.size() > 63 || !plain(name[0])) return false;
  return std::ranges::all_of(name, [&](char c) { return plain(c) || c == '-'; });
}

std::optional<std::string> upstream_url_problem(std::string_view url) {
  constexpr std::size_t kMost = 2048;
  if (url.size() > kMost) return "is longer than " + std::to_string(kMost) + " characters";
  auto parsed = boost::urls::parse_uri(boost::urls::string_view(url.data(), url.size()));
  if (parsed.has_error()) return "is not a URL";
  const boost::urls::url_view& view = parsed.value();
  if (view.scheme() != "http" && view.scheme() != "https") return "must begin with http:// or https://";
  if (view.encoded_host().empty()) return "has no host";
  if (view.has_userinfo()) return "has a user or password in it; use `credential`";
  if (view.has_query()) return "has a query";
  if (view.has_fragment()) return "has a fragment";
  if (view.has_port() && (view.port_number() == 0 || view.port().empty())) return "has no valid port";
  for (auto segment : view.encoded_segments()) {
    std::string decoded = segment.decode();
    if (decoded == "." || decoded == "..") return "has dot segments in its path";
  }
  return std::nullopt;
}

std::string address_text(const Address& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

std::optional<Address> parse_address(std::string_view text) {
  std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  std::string_view port = text.substr(colon + 1);
  bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  bool sound = host.size() <= 253 && std::ranges::all_of(host, [&](char c) {
                 bool word =
                     (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
                 return word || (bracketed && c == ':');
               });
  std::uint16_t number = 0;
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (!sound || port.empty() || error != std::errc() || end != port.data() + port.size()) return std::nullopt;
  return Address{std::string(host), number};
}

}  // namespace countersign::config
