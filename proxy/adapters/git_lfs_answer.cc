#include "proxy/adapters/git_lfs_answer.h"

#include <algorithm>
#include <vector>

#include "core/json.h"

namespace countersign::adapters {
namespace {

std::unexpected<Error> unusable(std::string message) {
  return fail(ErrorKind::unavailable, "git.lfs_answer", std::move(message));
}

bool shows(const Json& value, const LfsUpstream& upstream) {
  if (value.is_string()) return upstream.shows_credential(value.get_ref<const std::string&>());
  if (!value.is_structured()) return false;
  for (const auto& [key, each] : value.items()) {
    if ((value.is_object() && upstream.shows_credential(key)) || shows(each, upstream)) return true;
  }
  return false;
}

// The path of an address at the upstream, relative to its base.
Result<std::string> path_at_upstream(const LfsAddress& address, const LfsAddress& base) {
  std::string_view folder = base.target;
  while (folder.ends_with('/')) folder.remove_suffix(1);
  std::string_view target = address.target;
  if (!target.starts_with(folder) || !target.substr(folder.size()).starts_with('/'))
    return unusable("the upstream keeps LFS files outside of the address it is configured with");
  target.remove_prefix(folder.size());
  if (target.size() > kMaxLfsPath) return unusable("the upstream's address of an LFS file is too long");
  return std::string(target);
}

std::string_view method_of(std::string_view action) {
  if (action == "upload") return "PUT";
  if (action == "download") return "GET";
  return action == "verify" ? "POST" : "";
}

// When an action of the answer ends by itself: its expires_in (seconds) counts before its expires_at.
TimeMs expiry_of(const Json& action, const LfsAsked& asked) {
  const TimeMs longest = asked.standing == LfsStanding::approved ? kApprovedTicketTime : kTicketTime;
  TimeMs until = asked.now + longest;
  if (const std::int64_t seconds = integer_or(action, "expires_in", 0); seconds > 0)
    return std::min(until, asked.now + std::min(seconds, longest / 1000) * 1000);
  if (Result<TimeMs> at = parse_time(string_or(action, "expires_at", ""))) until = std::min(until, *at);
  return until;
}

class Rewriter {
 public:
  Rewriter(const LfsUpstream& upstream, LfsAddress base, const LfsTickets& tickets, const LfsAsked& asked)
      : upstream_(upstream), base_(std::move(base)), tickets_(tickets), asked_(asked) {}

  // Whether anything was changed.
  Result<bool> rewrite(Json& answer) {
    auto objects = answer.find("objects");
    if (objects == answer.end() || !objects->is_array()) return false;
    bool changed = false;
    for (Json& object : *objects) {
      Result<bool> own = rewrite_object(object);
      if (!own) return own;
      changed = changed || *own;
    }
    return changed;
  }

 private:
  Result<bool> rewrite_object(Json& object) {
    std::vector<std::string> verifications;  // at the gateway
    std::size_t ours = 0, elsewhere = 0;
    for (const char* list : {"actions", "_links"}) {  // the second is how older servers say it
      if (!object.is_object() || !object.contains(list) || !object[list].is_object()) continue;
      for (auto& [name, action] : object[list].items()) {
        if (!belongs_to_upstream(action)) {
          ++elsewhere;
          continue;
        }
        ++ours;
        Status rewritten = rewrite_action(object, name, action);
        if (!rewritten) return fail(rewritten.error());
      }
    }
    if (ours == 0) return false;
    // "authenticated": the client sends no credential with any action. It must, to the gateway; and it must not to a
    // store elsewhere. Where an object has both, its upload goes to the store and the verification is left to the
    // upstream's own reading of the store: the client is not asked for it.
    if (!object.value("authenticated", false)) return true;
    if (elsewhere == 0) {
      object["authenticated"] = false;
      return true;
    }
    for (const char* list : {"actions", "_links"}) {
      if (!object.contains(list) || !object[list].is_object()) continue;
      for (const char* method : {"upload", "download"}) {
        if (object[list].contains(method) && is_ticket(object[list][method]))
          return unusable("the upstream keeps an LFS file itself, and says that nobody has to sign in for it");
      }
      if (object[list].contains("verify") && is_ticket(object[list]["verify"])) object[list].erase("verify");
    }
    return true;
  }

  [[nodiscard]] bool is_ticket(const Json& action) const {
    return string_or(action, "href", "").starts_with(asked_.gateway);
  }

  [[nodiscard]] bool belongs_to_upstream(const Json& action) const {
    if (!action.is_object()) return false;
    std::optional<LfsAddress> address = read_lfs_address(string_or(action, "href", ""));
    if (address && address->scheme == base_.scheme && address->host == base_.host) return true;
    const Json* header = find_member(action, "header");
    return header && shows(*header, upstream_);
  }

  Status rewrite_action(const Json& object, const std::string& name, Json& action) {
    const std::string_view method = method_of(name);
    std::optional<LfsAddress> address = read_lfs_address(string_or(action, "href", ""));
    if (method.empty() || !address) return unusable("the upstream's answer has an LFS action that is not understood");
    Result<std::string> path = path_at_upstream(*address, base_);
    if (!path) return fail(path.error());
    LfsObject named{string_or(object, "oid", ""), integer_or(object, "size", -1)};
    if (std::ranges::find(asked_.request->objects, named) == asked_.request->objects.end())
      return unusable("the upstream's answer is about an LFS object that was not asked for");

    LfsTicket ticket{std::string(method), std::move(*path), asked_.repository, std::move(named)};
    ticket.ref = asked_.request->ref;
    ticket.expires = expiry_of(action, asked_);
    ticket.standing = asked_.standing;
    action["href"] = asked_.gateway + tickets_.seal(ticket);
    action.erase("expires_in");
    action["expires_at"] = format_time(ticket.expires);
    if (auto header = action.find("header"); header != action.end() && header->is_object()) drop_credentials(*header);
    return {};
  }

  // The client signs in at the gateway with its own, and the gateway at the upstream.
  void drop_credentials(Json& header) const {
    std::vector<std::string> dropped;
    for (const auto& [name, value] : header.items()) {
      if (equal_ignoring_case(name, "Authorization") || shows(value, upstream_)) dropped.push_back(name);
    }
    for (const std::string& name : dropped) header.erase(name);
  }

  const LfsUpstream& upstream_;
  LfsAddress base_;
  const LfsTickets& tickets_;
  const LfsAsked& asked_;
};

}  // namespace

std::optional<LfsAddress> read_lfs_address(std::string_view url) {
  const bool printable = std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7f; });
  const std::size_t colon = url.find("://");
  if (!printable || colon == std::string_view::npos || url.contains('#') || url.contains('\\')) return std::nullopt;
  LfsAddress out{lower_ascii(url.substr(0, colon)), "", ""};
  if (out.scheme != "http" && out.scheme != "https") return std::nullopt;
  url.remove_prefix(colon + 3);
  const std::size_t end = std::min(url.find_first_of("/?"), url.size());
  out.host = lower_ascii(url.substr(0, end));
  if (out.host.empty() || out.host.contains('@')) return std::nullopt;
  const std::string_view own_port = out.scheme == "http" ? ":80" : ":443";
  if (out.host.ends_with(own_port)) out.host.resize(out.host.size() - own_port.size());
  out.target = url.substr(end);
  if (!out.target.starts_with('/')) out.target.insert(0, "/");
  return out;
}

Result<std::string> pass_lfs_answer(std::string answer, const LfsUpstream& upstream, const LfsTickets& tickets,
                                    const LfsAsked& asked) {
  Result<Json> read = parse_json(answer);
  if (!read) return unusable("the upstream's answer to an LFS batch cannot be read: " + read.error().message);
  // An upstream behind a Unix socket has no address that an answer could point to.
  LfsAddress base = read_lfs_address(upstream.url).value_or(LfsAddress{"", "", "/"});
  Rewriter rewriter(upstream, std::move(base), tickets, asked);
  Result<bool> changed = rewriter.rewrite(*read);
  if (!changed) return fail(changed.error());
  if (shows(*read, upstream))
    return fail(ErrorKind::unavailable, "git.lfs_credential",
                "the upstream's answer shows a credential that is not the agent's");
  if (*changed) answer = read->dump();
  return answer;
}

Result<std::string> pass_lfs_location(std::string_view location, const LfsUpstream& upstream, const LfsTickets& tickets,
                                      const std::string& gateway, LfsTicket from) {
  std::optional<LfsAddress> base = read_lfs_address(upstream.url);
  std::optional<LfsAddress> address = read_lfs_address(location);
  if (base && location.starts_with('/') && !location.starts_with("//")) {
    address = read_lfs_address(base->scheme + "://" + base->host + std::string(location));
  }
  if (!address) return unusable("the upstream leads on to an address that cannot be read");
  if (base && address->scheme == base->scheme && address->host == base->host) {
    Result<std::string> path = path_at_upstream(*address, *base);
    if (!path) return fail(path.error());
    from.path = std::move(*path);
    return gateway + tickets.seal(from);
  }
  if (upstream.shows_credential(location))
    return fail(ErrorKind::unavailable, "git.lfs_credential",
                "the upstream's answer shows a credential that is not the agent's");
  return std::string(location);
}

}  // namespace countersign::adapters
