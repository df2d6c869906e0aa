#include "cli/client.h"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <cstdlib>

#include "cli/locate.h"
#include "cli/report.h"
#include "proxy/upstream/fetch.h"

namespace countersign::cli {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The kind behind a status, so that exit codes are the same whether an error arose here or there.
ErrorKind kind_of_status(int status) {
  switch (status) {
    case 400:
    case 405:
      return ErrorKind::invalid;
    case 401:
      return ErrorKind::unauthenticated;
    case 403:
      return ErrorKind::forbidden;
    case 404:
      return ErrorKind::not_found;
    case 409:
      return ErrorKind::conflict;
    case 413:
      return ErrorKind::too_large;
    default:
      return status >= 500 ? ErrorKind::unavailable : ErrorKind::internal;
  }
}

Error error_of(int status, const std::string& body) {
  auto problem = parse_json(body);
  std::string code = problem ? string_or(*problem, "code", "") : "";
  if (code.empty()) {
    return {
        ErrorKind::internal, "server.unexpected",
        "the server answered with status " + std::to_string(status) + " and no problem document; is it Countersign?"};
  }
  return {kind_of_status(status), code, string_or(*problem, "detail", "the server gives no reason")};
}

Result<Json> parsed(const std::string& body) {
  auto value = parse_json(body, {.bytes = 64U << 20, .depth = 64, .values = 5'000'000});
  if (!value) return fail(ErrorKind::internal, "server.unexpected", "the server's answer is no JSON");
  return value;
}

}  // namespace

Result<Json> read_answer(int status, const std::string& body) {
  if (status < 200 || status > 299) return fail(error_of(status, body));
  return parsed(body);
}

Result<Client> Client::open(const ServerOptions& options) {
  Client client;
  client.token_ = Secret(variable("COUNTERSIGN_TOKEN"));
  for (char c : client.token_.expose()) {
    auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7F)
      return fail(ErrorKind::invalid, "cli.token", "COUNTERSIGN_TOKEN holds something that is no token");
  }
  std::string server = options.server;
  // A state folder or file named on the command line says more than a variable that happens to be set.
  if (server.empty() && options.state.empty() && options.config.empty()) server = variable("COUNTERSIGN_SERVER");
  if (!server.empty()) {
    auto url = boost::urls::parse_uri(server);
    bool usable = url && (url->scheme() == "http" || url->scheme() == "https") && !url->host().empty() &&
                  !url->has_userinfo() && !url->has_query() &&
                  (url->encoded_path().empty() || url->encoded_path() == "/");
    if (!usable)
      return fail(ErrorKind::invalid, "cli.server",
                  "the server's address must look like https://countersign.example:8701");
    client.address_ = std::string(url->scheme()) + "://" + std::string(url->encoded_authority());
    return client;
  }
  auto state = state_folder(options);
  if (!state) return fail(state.error());
  client.address_ = "unix:" + (*state / "admin.sock").string();
  return client;
}

Result<Client::Answer> Client::exchange(const std::string& method, const std::string& path,
                                        const std::string& body) const {
  RequestHead head;
  head.method = method;
  head.target = path;
  head.headers.add("accept", "application/json");
  if (method == "POST") head.headers.add("content-type", "application/json");
  if (!cookie_.empty()) {
    head.headers.add("cookie", cookie_.expose());
    head.headers.add("origin", address_);
    head.headers.add("x-csrf-token", csrf_);
  } else if (!token_.empty()) {
    head.headers.add("authorization", "Bearer " + std::string(token_.expose()));
  }
  auto answer = upstream::fetch(address_, std::move(head), body);
  if (!answer) {
    return fail(ErrorKind::unavailable, "server.unreachable",
                "no answer from " + address_ + ": " + answer.error().message);
  }
  if (answer->head.status < 200 || answer->head.status > 299) {
    // readyz and friends apart, every refusal of the API is a problem document.
    return fail(error_of(answer->head.status, answer->body));
  }
  std::string cookie(answer->head.headers.get("set-cookie").value_or(""));
  cookie.resize(std::min(cookie.size(), cookie.find(';')));
  return Answer{.body = std::move(answer->body), .cookie = std::move(cookie)};
}

Result<Json> Client::get(const std::string& path) const {
  auto answer = exchange("GET", path, "");
  if (!answer) return fail(answer.error());
  return parsed(answer->body);
}

Result<std::string> Client::get_text(const std::string& path) const {
  auto answer = exchange("GET", path, "");
  if (!answer) return fail(answer.error());
  return std::move(answer->body);
}

Result<Json> Client::post(const std::string& path, const Json& body) const {
  auto answer = exchange("POST", path, body.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!answer) return fail(answer.error());
  return parsed(answer->body);
}

Result<void> Client::sign_in(std::string_view user, const Secret& password) {
  if (over_socket()) {
    return fail(ErrorKind::invalid, "cli.no_server",
                "signing in needs the admin listener: name it with --server or COUNTERSIGN_SERVER");
  }
  Json body = {{"user", user}, {"password", password.expose()}};
  token_ = Secret();  // nothing but the password says who this is
  auto answer = exchange("POST", "/api/v1/sign-in/password", body.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!answer) return fail(answer.error());
  auto session = parsed(answer->body);
  if (!session) return fail(session.error());
  csrf_ = string_or(*session, "csrf", "");
  if (csrf_.empty() || answer->cookie.empty())
    return fail(ErrorKind::internal, "server.unexpected", "the server's answer has no session");
  cookie_ = Secret(std::move(answer->cookie));
  return {};
}

void Client::sign_out() {
  if (cookie_.empty()) return;
  static_cast<void>(exchange("POST", "/api/v1/sign-out", "{}"));
  cookie_ = Secret();
  csrf_.clear();
}

std::string Client::next_step(const Error& error) const {
  if (error.code == "server.unreachable") {
    return over_socket()
               ? "is `countersign serve` running here? --state names its state folder, --server another machine"
               : "check --server or COUNTERSIGN_SERVER, and that `countersign serve` is running there";
  }
  if (error.code == "approval.person_required")
    return "set COUNTERSIGN_TOKEN to your personal token: countersign token issue --user NAME, on the gateway's "
           "machine";
  if (error.code == "admin.socket_only") return "run this on the gateway's machine, without --server";
  if (error.code == "approval.signature_required") return "sign with your security key: add --sign";
  if (error.code == "passkey.none") return "enrol a security key first: countersign key enrol --user NAME";
  if (error.code == "approval.self") return "ask somebody else: `countersign request show` names who may approve";
  if (error.kind == ErrorKind::unauthenticated) {
    return token_.empty() ? "set COUNTERSIGN_TOKEN to your personal token"
                          : "COUNTERSIGN_TOKEN is not accepted; get a new one with countersign token issue --user NAME";
  }
  return "";
}

std::string escape(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                 c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 0xF];
    }
  }
  return out;
}

int report(const Client& client, const Error& error) {
  return report(error, client.next_step(error));
}

}  // namespace countersign::cli
