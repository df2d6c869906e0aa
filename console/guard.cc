#include "console/guard.h"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace countersign::console {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

// Whether `text` is a host as RFC 3986 writes one, and which kind; a Host field is exactly an authority without user.
struct Authority {
  bool valid = false;
  bool literal = false;  // an IPv4 or IPv6 address
  std::string host;      // lower case
};

Authority read_authority(std::string_view text) {
  Authority out;
  auto parsed = boost::urls::parse_authority(text);
  if (!parsed || parsed->has_userinfo() || parsed->host().empty()) return out;
  out.valid = true;
  auto type = parsed->host_type();
  out.literal = type == boost::urls::host_type::ipv4 || type == boost::urls::host_type::ipv6;
  out.host = lower(parsed->host());
  return out;
}

bool is_ours(const Authority& authority, const std::vector<std::string>& hosts) {
  return authority.valid && (authority.literal || authority.host == "localhost" ||
                             std::ranges::find(hosts, authority.host) != hosts.end());
}

// "https://countersign.example:8443", lower case and without a default port; empty when it is no http(s) address.
std::string origin_of(std::string_view text) {
  auto url = boost::urls::parse_uri(text);
  if (!url || url->host().empty()) return "";
  std::string scheme = lower(url->scheme());
  if (scheme != "http" && scheme != "https") return "";
  std::string port(url->port());
  if (port.empty() || (scheme == "http" && port == "80") || (scheme == "https" && port == "443"))
    return scheme + "://" + lower(url->encoded_host());
  return scheme + "://" + lower(url->encoded_host()) + ":" + port;
}

bool is_this_machine(std::string_view host) {
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]" || host == "::1";
}

// A person who clicks on a link elsewhere sees a page in its own window; no script of that site gets at the answer, and
// no frame is drawn.
bool follows_a_link(const Call& call) {
  if (call.head.method != "GET" || call.head.headers.get("sec-fetch-mode").value_or("") != "navigate" ||
      call.head.headers.get("sec-fetch-dest").value_or("") != "document") {
    return false;
  }
  return !call.head.path().starts_with("/api/") || call.head.path() == "/api/v1/sign-in/oidc/callback";
}

Status refuse_cross_site() {
  return fail(ErrorKind::forbidden, "admin.cross_site", "the admin API does not take requests made by other sites");
}

}  // namespace

std::vector<std::string> own_hosts(const config::Config& config) {
  std::vector<std::string> out{lower(config.admin.host)};
  if (auto url = boost::urls::parse_uri(config.public_url); url && !url->host().empty())
    out.push_back(lower(url->host()));
  return out;
}

Status guard(const Call& call, const std::vector<std::string>& hosts) {
  if (call.channel == Channel::tcp) {
    auto host = call.head.headers.get("host");
    Authority ours = read_authority(host.value_or(""));
    if (!is_ours(ours, hosts)) {
      return fail(ErrorKind::forbidden, "admin.host",
                  "the Host of this request is not a name of this admin listener; set public_url to add one");
    }
    if (auto site = call.head.headers.get("sec-fetch-site");
        site && (*site == "cross-site" || *site == "same-site") && !follows_a_link(call)) {
      return refuse_cross_site();
    }
    // Compared as a whole: an origin is scheme, host and port, and browsers leave the default port out of both.
    if (auto origin = call.head.headers.get("origin"); origin &&
                                                       !equal_ignoring_case(*origin, "https://" + std::string(*host)) &&
                                                       !equal_ignoring_case(*origin, "http://" + std::string(*host))) {
      return refuse_cross_site();
    }
  }
  if (call.head.method == "POST") {
    std::string type = lower(call.head.headers.get("content-type").value_or(""));
    std::string_view media = std::string_view(type).substr(0, type.find(';'));
    while (!media.empty() && media.back() == ' ') media.remove_suffix(1);
    // The one body that is not the console's: its form is the specification's.
    const std::string_view wanted =
        call.head.path() == kBackchannelLogout ? "application/x-www-form-urlencoded" : "application/json";
    if (media != wanted) {
      return fail(ErrorKind::invalid, "admin.content_type", "send the body as Content-Type: " + std::string(wanted));
    }
  }
  return {};
}

bool is_same_origin(std::string_view origin, std::string_view host, const config::Config& config) {
  std::string asked = origin_of(origin);
  if (asked.empty() || asked != lower(origin)) return false;  // an origin is nothing but scheme, host and port
  if (asked == origin_of(config.public_url)) return true;
  std::string ours = origin_of((config.admin_tls ? "https://" : "http://") + std::string(host));
  if (asked != ours) return false;
  return asked.starts_with("https://") || is_this_machine(read_authority(host).host);
}

auth::RelyingParty relying_party_of(const config::Config& config) {
  auto url = boost::urls::parse_uri(config.public_url);
  Authority named = url ? read_authority(url->encoded_authority()) : Authority();
  if (named.valid && !named.literal) return {named.host, {origin_of(config.public_url)}};
  std::string port =
      url && named.valid && url->has_port() ? std::string(url->port()) : std::to_string(config.admin.port);
  std::string scheme = config.admin_tls || (url && lower(url->scheme()) == "https") ? "https" : "http";
  return {"localhost", {origin_of(scheme + "://localhost:" + port)}};
}

}  // namespace countersign::console
