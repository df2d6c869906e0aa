// person list, invite, sessions, sign-out, reset: the accounts of people, asked over the admin socket.
#include "cli/client.h"
#include "cli/commands/commands.h"
#include "cli/render.h"
#include "cli/render_people.h"
#include "cli/report.h"

namespace countersign::cli {
namespace {

std::string path_of(const std::string& name, std::string_view what) {
  return "/api/v1/people/" + escape(name) + "/" + std::string(what);
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// The list in `member` of the answer to GET `path`.
Result<Json> list_at(const Client& client, const std::string& path, std::string_view member) {
  auto answer = client.get(path);
  if (!answer) return answer;
  const Json* list = find_member(*answer, member);
  return list != nullptr && list->is_array() ? *list : Json::array();
}

}  // namespace

int run_person_list(const PersonListOptions& options) {
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto people = list_at(*client, "/api/v1/people", "people");
  if (!people) return report(*client, people.error());
  if (options.output == Output::json) return finish(render_json_list(*people));
  return finish(render_people(*people, SystemClock().now(), Terminal::standard_output()));
}

int run_person_invite(const PersonOptions& options) {
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto answer = client->post(path_of(options.name, "invite"), Json::object());
  if (!answer) return report(*client, answer.error());
  if (options.output == Output::json) return finish(render_json(*answer));
  return finish(render_invitation(*answer, SystemClock().now(), Terminal::standard_output()));
}

int run_person_sessions(const PersonOptions& options) {
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto sessions = list_at(*client, path_of(options.name, "sessions"), "sessions");
  if (!sessions) return report(*client, sessions.error());
  if (options.output == Output::json) return finish(render_json_list(*sessions));
  return finish(render_sessions(*sessions, SystemClock().now(), Terminal::standard_output()));
}

int run_person_sign_out(const PersonOptions& options) {
  if (is_blank(options.reason)) return report_usage("the reason is empty", "--reason says why, for the record");
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto answer = client->post(path_of(options.name, "sign-out"), Json{{"reason", options.reason}});
  if (!answer) return report(*client, answer.error());
  if (options.output == Output::json) return finish(render_json(*answer));
  return finish(std::to_string(integer_or(*answer, "sessions", 0)) + " sessions ended\n");
}

int run_person_reset(const PersonOptions& options) {
  if (is_blank(options.reason)) return report_usage("the reason is empty", "--reason says why, for the record");
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto answer = client->post(path_of(options.name, "reset"), Json{{"reason", options.reason}});
  if (!answer) return report(*client, answer.error());
  if (options.output == Output::json) return finish(render_json(*answer));
  return finish("password, bindings, " + std::to_string(integer_or(*answer, "passkeys", 0)) + " passkeys and " +
                std::to_string(integer_or(*answer, "sessions", 0)) + " sessions removed\n");
}

}  // namespace countersign::cli
