// key enrol, key list, key remove: security keys of a person, for signed votes.
#include <algorithm>

#include "cli/client.h"
#include "cli/commands/commands.h"
#include "cli/prompt.h"
#include "cli/render.h"
#include "cli/report.h"
#include "cli/security_key.h"

namespace countersign::cli {
namespace {

// Signed in as long as this lives.
class SignedIn {
 public:
  explicit SignedIn(Client& client) : client_(client) {}
  ~SignedIn() { client_.sign_out(); }
  SignedIn(const SignedIn&) = delete;
  SignedIn& operator=(const SignedIn&) = delete;

 private:
  Client& client_;
};

struct Offer {
  Bytes challenge;
  std::string origin;
  SecurityKey::Creation creation;
};

// The answer to POST /api/v1/passkeys/challenge.
Result<Offer> offer_of(const Json& answer) {
  Offer out;
  const Json* party = find_member(answer, "rp");
  const Json* user = find_member(answer, "user");
  auto challenge = from_base64url(string_or(answer, "challenge", ""));
  auto user_id = from_base64url(user == nullptr ? "" : string_or(*user, "id", ""));
  out.origin = string_or(answer, "origin", "");
  if (party != nullptr) {
    out.creation.relying_party_id = string_or(*party, "id", "");
    out.creation.relying_party_name = string_or(*party, "name", "");
  }
  if (user != nullptr) out.creation.user_name = string_or(*user, "name", "");
  bool complete = challenge && challenge->size() >= auth::kMinChallenge && user_id && !user_id->empty() &&
                  !out.origin.empty() && !out.creation.relying_party_id.empty();
  if (!complete)
    return fail(ErrorKind::internal, "server.unexpected", "the server's answer is no offer to enrol a key");
  out.challenge = std::move(*challenge);
  out.creation.user_id = std::move(*user_id);
  const Json* exclude = find_member(answer, "exclude");
  if (exclude != nullptr && exclude->is_array()) {
    for (const Json& id : *exclude) {
      if (id.is_string()) out.creation.exclude.push_back(id.get<std::string>());
    }
  }
  out.creation.client_data = auth::client_data_json("webauthn.create", out.challenge, out.origin);
  return out;
}

Result<Json> enrol(Client& client, const KeyEnrolOptions& options) {
  auto key = SecurityKey::open(options.device);
  if (!key) return fail(key.error());
  auto password = ask_secret("Password of " + options.user + ":");
  if (!password) return fail(password.error());
  if (auto done = client.sign_in(options.user, *password); !done) return fail(done.error());
  SignedIn signed_in(client);
  auto answer = client.post("/api/v1/passkeys/challenge", Json::object());
  if (!answer) return fail(answer.error());
  auto offer = offer_of(*answer);
  if (!offer) return fail(offer.error());
  tell("touch the key to enrol it at " + one_line(offer->creation.relying_party_id));
  auto object = key->create(offer->creation, [] { return ask_secret("PIN of the security key:"); });
  if (!object) return fail(object.error());
  return client.post("/api/v1/passkeys", Json{{"name", options.name},
                                              {"client_data", to_base64url(as_bytes(offer->creation.client_data))},
                                              {"attestation_object", *object}});
}

Result<Json> own_keys(const Client& client) {
  auto session = client.get("/api/v1/session");
  if (!session) return fail(session.error());
  const Json* keys = find_member(*session, "passkeys");
  if (keys == nullptr || !keys->is_array())
    return fail(ErrorKind::internal, "server.unexpected", "the server's answer has no list of keys");
  return *keys;
}

}  // namespace

int run_key_enrol(const KeyEnrolOptions& options) {
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto key = enrol(*client, options);
  if (!key) return report(*client, key.error());
  if (options.output == Output::json) return finish(render_json(*key));
  return finish("enrolled " + one_line(string_or(*key, "name", "")) + ", " + one_line(string_or(*key, "id", "")) +
                "\n");
}

int run_key_list(const KeyListOptions& options) {
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto keys = own_keys(*client);
  if (!keys) return report(*client, keys.error());
  if (options.output == Output::json) return finish(render_json_list(*keys));
  if (keys->empty()) return finish("no keys; enrol one with countersign key enrol --user NAME\n");
  Table table({{"NAME", 8}, {"ADDED"}, {"LAST USED"}, {"ID", 12}});
  for (const Json& key : *keys) {
    std::string used = string_or(key, "last_used", "");
    table.add({one_line(string_or(key, "name", "")), one_line(string_or(key, "created", "")),
               used.empty() ? "never" : one_line(used), one_line(string_or(key, "id", ""))});
  }
  return finish(table.render(Terminal::standard_output()));
}

int run_key_remove(const KeyRemoveOptions& options) {
  auto client = Client::open(options.server);
  if (!client) return report(client.error());
  auto keys = own_keys(*client);
  if (!keys) return report(*client, keys.error());
  std::vector<std::string> matching;
  for (const Json& key : *keys) {
    std::string id = string_or(key, "id", "");
    if (!options.id.empty() && id.starts_with(options.id)) matching.push_back(std::move(id));
  }
  if (matching.empty()) return report_usage("none of your keys has this id", "countersign key list shows them");
  if (matching.size() > 1) return report_usage("several of your keys begin like this", "give more of the id");
  auto done = client->post("/api/v1/passkeys/" + escape(matching[0]) + "/remove", Json::object());
  if (!done) return report(*client, done.error());
  return finish("removed " + one_line(matching[0]) + "\n");
}

}  // namespace countersign::cli
