#include "policies/plain.h"

#include "policies/cedar/conformance.h"
#include "policies/cedar/json.h"
#include "policies/cedar/parser.h"

namespace countersign::policies {
namespace {

Result<cedar::EntityUid> read_uid(std::string_view member, const std::string& text) {
  if (text.empty()) return fail(ErrorKind::invalid, "question.invalid", "`" + std::string(member) + "` is missing");
  auto uid = cedar::parse_entity_uid(text);
  if (uid) return *uid;
  return fail(ErrorKind::invalid, "question.invalid",
              "`" + std::string(member) + "` must be an entity like User::\"alice\": " + uid.error().front().message);
}

Error about(std::string_view member, Error error) {
  error.message = std::string(member) + ": " + error.message;
  return error;
}

std::unexpected<Error> unreadable(const std::vector<cedar::SourceDiagnostic>& found) {
  std::string text;
  for (const cedar::SourceDiagnostic& each : found) text += each.to_text();
  while (text.ends_with('\n')) text.pop_back();
  return fail(ErrorKind::malformed, "policies.invalid", std::move(text));
}

}  // namespace

Result<PlainQuestion> read_plain(const PlainTexts& texts, const cedar::Schema* schema) {
  auto principal = read_uid("principal", texts.principal);
  if (!principal) return fail(principal.error());
  auto action = read_uid("action", texts.action);
  if (!action) return fail(action.error());
  auto resource = read_uid("resource", texts.resource);
  if (!resource) return fail(resource.error());

  std::string_view context_text = texts.context.empty() ? std::string_view("{}") : std::string_view(texts.context);
  auto context = schema != nullptr ? cedar::parse_context_json(context_text, *schema, *action)
                                   : cedar::parse_context_json(context_text);
  if (!context) return fail(about("context", context.error()));
  std::string_view entities_text = texts.entities.empty() ? std::string_view("[]") : std::string_view(texts.entities);
  auto list = schema != nullptr ? cedar::parse_entities_json(entities_text, *schema)
                                : cedar::parse_entities_json(entities_text);
  if (!list) return fail(about("entities", list.error()));
  auto entities = cedar::Entities::make(std::move(*list));
  if (!entities) return fail(about("entities", entities.error()));

  cedar::Request request(std::move(*principal), std::move(*action), std::move(*resource), std::move(*context));
  if (schema != nullptr) {
    if (auto fits = cedar::validate_request(*schema, request); !fits) return fail(about("request", fits.error()));
  }
  return PlainQuestion{std::move(request), std::move(*entities)};
}

Result<cedar::PolicySet> parse_plain_policies(std::vector<cedar::PolicySet::NamedText> texts) {
  auto policies = cedar::PolicySet::parse(std::move(texts));
  if (!policies) return unreadable(policies.error());
  return std::move(*policies);
}

Result<cedar::Schema> parse_plain_schema(std::string name, std::string text) {
  auto schema = cedar::Schema::parse({{std::move(name), std::move(text)}});
  if (!schema) return unreadable(schema.error());
  return std::move(*schema);
}

}  // namespace countersign::policies
