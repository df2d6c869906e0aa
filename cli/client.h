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

  // What a person can do about this error, or empty.
  [[nodiscard]] std::string next_step(const Error& error) const;

  [[nodiscard]] bool over_socket() const { return address_.starts_with("unix:"); }

 private:
  Client() = default;
  [[nodiscard]] Result<std::string> exchange(const std::string& method, const std::string& path,
                                             const std::string& body) const;

  std::string address_;  // "http://127.0.0.1:8701" or "unix:/…/admin.sock"
  Secret token_;
};

// Percent-encodes everything but unreserved characters (RFC 3986 section 2.3).
[[nodiscard]] std::string escape(std::string_view text);

// report(), with the client's advice.
int report(const Client& client, const Error& error);

}  // namespace countersign::cli
