// The admin API as the CLI sees it.
//
// Where the server is: --server, else COUNTERSIGN_SERVER, else admin.sock in the state folder (cli/locate.h). The token
// in COUNTERSIGN_TOKEN goes with every request, over the socket too, where it says which person acts. One thread.
#pragma once

#include <string>

#include "cli/commands/commands.h"
#include "core/json.h"
#include "core/result.h"
#include "core/secret.h"

namespace countersign::cli {

class Client {
 public:
  // cli.server (invalid) for an address that is none; the errors of state_folder.
  [[nodiscard]] static Result<Client> open(const ServerOptions& options);

  // `path` begins with '/'; its query is escaped already (`escape`). Errors: what the server's problem document says,
  // with the kind of its status; server.unreachable (unavailable) when there is no answer; server.unexpected when the
  // answer is not the API's.
  [[nodiscard]] Result<Json> get(const std::string& path) const;
  [[nodiscard]] Result<std::string> get_text(const std::string& path) const;
  [[nodiscard]] Result<Json> post(const std::string& path, const Json& body) const;

  // Signs in to the console with a password, for what no token may do (enrolling a security key). From then on requests
  // go with that session in place of the token. cli.no_server (invalid) over admin.sock, which knows no sessions; the
  // errors of the API.
  [[nodiscard]] Result<void> sign_in(std::string_view user, const Secret& password);
  // Ends that session; nothing when there is none.
  void sign_out();

  // What a person can do about this error, or empty.
  [[nodiscard]] std::string next_step(const Error& error) const;

  [[nodiscard]] bool over_socket() const { return address_.starts_with("unix:"); }

 private:
  Client() = default;
  struct Answer {
    std::string body;
    std::string cookie;  // "name=value" of a Set-Cookie, or empty
  };
  [[nodiscard]] Result<Answer> exchange(const std::string& method, const std::string& path,
                                        const std::string& body) const;

  std::string address_;  // "http://127.0.0.1:8701" or "unix:/…/admin.sock"
  Secret token_;
  Secret cookie_;  // "name=value" of a session, and what must go with it
  std::string csrf_;
};

// Percent-encodes everything but unreserved characters (RFC 3986 section 2.3).
[[nodiscard]] std::string escape(std::string_view text);

// The answer's JSON, or the error its problem document says.
[[nodiscard]] Result<Json> read_answer(int status, const std::string& body);

// report(), with the client's advice.
int report(const Client& client, const Error& error);

}  // namespace countersign::cli
