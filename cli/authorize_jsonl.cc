#include "cli/authorize_jsonl.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "cli/json_slices.h"
#include "core/json.h"
#include "core/json_writer.h"
#include "core/result.h"
#include "policies/cedar/authorizer.h"
#include "policies/cedar/conformance.h"
#include "policies/cedar/est.h"
#include "policies/cedar/json.h"
#include "policies/cedar/policy_set.h"
#include "policies/cedar/schema/schema.h"
#include "policies/cedar/source.h"
#include "policies/cedar/utf8.h"
#include "policies/cedar/validator.h"

namespace countersign::cli {
namespace {

constexpr std::size_t kMembers = 1'000;
constexpr std::size_t kRequests = 1'000'000;
constexpr cedar::SchemaLimits kSchemaLimits{.bytes = kAuthorizeLineLimit};
constexpr cedar::Limits kPolicyLimits{.bytes = kAuthorizeLineLimit, .policies = 1'000'000, .tokens = 20'000'000};

// An error of a part of the line, named.
std::unexpected<Error> in(std::string_view part, Error error) {
  error.message = std::string(part) + ": " + error.message;
  return fail(std::move(error));
}

std::unexpected<Error> unreadable(std::string message) {
  return fail(ErrorKind::malformed, "authorize.malformed", std::move(message));
}

std::string place(const cedar::Diagnostic& diagnostic) {
  return std::to_string(diagnostic.position.line) + ":" + std::to_string(diagnostic.position.column) + ": " +
         diagnostic.message;
}

std::unexpected<Error> first_of(std::string_view part, const std::vector<cedar::SourceDiagnostic>& problems) {
  std::string message = std::string(part) + ":" + place(problems.front().diagnostic);
  if (problems.size() > 1) message += " (and " + std::to_string(problems.size() - 1) + " more)";
  return unreadable(std::move(message));
}

// The text a member stands for: a JSON string's, or the JSON itself when it begins with `otherwise`.
Result<std::string> text_of(std::string_view part, std::string_view slice, char otherwise) {
  if (slice.starts_with(otherwise)) return std::string(slice);
  if (!slice.starts_with('"'))
    return unreadable(std::string(part) + ": expected " + (otherwise == '[' ? "an array" : "a string or an object"));
  auto text = json_string(slice);
  if (!text) return in(part, text.error());
  return text;
}

constexpr std::array<std::string_view, 4> kLineMembers = {"policies", "schema", "entities", "requests"};
constexpr std::array<std::string_view, 5> kRequestMembers = {"principal", "action", "resource", "context", "validate"};

// Members that nobody reads may hold anything, but it must be JSON.
Status check_others(std::string_view part, const std::vector<JsonSlice>& members,
                    std::span<const std::string_view> read) {
  for (const JsonSlice& each : members) {
    if (std::ranges::find(read, each.name) == read.end() && !Json::accept(each.text))
      return unreadable(std::string(part) + ": the member `" + each.name + "` is not JSON");
  }
  return {};
}

// {"type", "id"} or {"__entity": {"type", "id"}}.
Result<cedar::EntityUid> read_uid(std::string_view part, std::string_view slice) {
  if (slice.empty()) return unreadable("the member `" + std::string(part) + "` is missing");
  auto members = json_members(slice, kMembers);
  if (!members) return in(part, members.error());
  bool escaped = !json_find(*members, "__entity").empty();
  auto value = cedar::parse_value_json(escaped ? std::string(slice) : "{\"__entity\":" + std::string(slice) + "}");
  if (!value) return in(part, value.error());
  // What only looks like an entity reads as a record.
  if (!value->is(cedar::ValueKind::entity))
    return unreadable(std::string(part) + ": expected an entity: {\"type\": …, \"id\": …}");
  return value->as_entity();
}

class Case {
 public:
  // Everything of a line but its requests.
  static Result<Case> read(const std::vector<JsonSlice>& members) {
    Case out;
    if (auto read = out.read_policies(json_find(members, "policies")); !read) return fail(read.error());
    if (auto read = out.read_schema(json_find(members, "schema")); !read) return fail(read.error());
    if (auto read = out.read_entities(json_find(members, "entities")); !read) return fail(read.error());
    return out;
  }

  void write_response(std::string_view slice, JsonWriter& out) {
    auto request = read_request(slice);
    cedar::Response response;
    if (request) {
      cedar::authorize(policies_, *request, cedar::EntityOverlay(entities_), answer_);
      response = cedar::respond(policies_, answer_);
    }
    out.begin_object();
    out.member("decision", response.decision == cedar::Decision::allow ? "allow" : "deny");
    if (!request) out.member("error", request.error().message);
    write_list("errors", response.errors, out);
    write_list("reason", response.reason, out);
    out.end_object();
  }

  void write_validation(JsonWriter& out) const {
    std::vector<std::string> messages;
    for (const cedar::ValidationFinding& each : validation_.errors)
      messages.push_back(each.policy + ":" + place(each.diagnostic));
    out.member("valid", validation_.is_valid());
    write_list("validation", messages, out);
  }

 private:
  static void write_list(std::string_view name, const std::vector<std::string>& texts, JsonWriter& out) {
    out.key(name).begin_array();
    for (const std::string& text : texts) out.value(text);
    out.end_array();
  }

  Status read_policies(std::string_view slice) {
    if (slice.empty()) return unreadable("the member `policies` is missing");
    if (slice.starts_with('{')) {
      auto set = cedar::read_policy_set_json(slice, "policies");
      if (!set) return in("policies", set.error());
      policies_ = std::move(*set);
      return {};
    }
    auto text = text_of("policies", slice, '{');
    if (!text) return fail(text.error());
    auto parsed = cedar::PolicySet::parse(*text, kPolicyLimits);
    if (!parsed) return first_of("policies", parsed.error());
    policies_ = std::move(*parsed);
    return {};
  }

  // Absent and null: there is none.
  Status read_schema(std::string_view slice) {
    if (slice.empty() || slice == "null") return {};
    auto text = text_of("schema", slice, '{');
    if (!text) return fail(text.error());
    auto parsed = cedar::Schema::parse(*text, kSchemaLimits);
    if (!parsed) return first_of("schema", parsed.error());
    schema_ = std::move(*parsed);
    validation_ = cedar::validate(policies_, *schema_);
    return {};
  }

  Status read_entities(std::string_view slice) {
    auto text = text_of("entities", slice.empty() ? "[]" : slice, '[');
    if (!text) return fail(text.error());
    auto list = schema_ ? cedar::parse_entities_json(*text, *schema_) : cedar::parse_entities_json(*text);
    if (!list) return in("entities", list.error());
    auto made = cedar::Entities::make(std::move(*list));
    if (!made) return in("entities", made.error());
    entities_ = std::move(*made);
    return {};
  }

  Result<cedar::Request> read_request(std::string_view slice) {
    auto members = json_members(slice, kMembers);
    if (!members) return in("request", members.error());
    if (auto read = check_others("request", *members, kRequestMembers); !read) return fail(read.error());
    auto principal = read_uid("principal", json_find(*members, "principal"));
    if (!principal) return fail(principal.error());
    auto action = read_uid("action", json_find(*members, "action"));
    if (!action) return fail(action.error());
    auto resource = read_uid("resource", json_find(*members, "resource"));
    if (!resource) return fail(resource.error());
    auto validated = is_validated(json_find(*members, "validate"));
    if (!validated) return fail(validated.error());
    std::string_view given = json_find(*members, "context");
    std::string_view text = given.empty() ? "{}" : given;
    auto context = schema_ ? cedar::read_context_json(text, *schema_, *action) : cedar::parse_context_json(text);
    if (!context) return fail(context.error());
    cedar::Request request(std::move(*principal), std::move(*action), std::move(*resource), std::move(*context));
    if (!schema_ || !*validated) return request;
    if (auto fits = cedar::validate_request(*schema_, request); !fits) return fail(fits.error());
    return request;
  }

  static Result<bool> is_validated(std::string_view slice) {
    if (slice.empty() || slice == "true") return true;
    if (slice == "false") return false;
    return unreadable("validate: expected true or false");
  }

  cedar::PolicySet policies_;
  cedar::Entities entities_;
  std::optional<cedar::Schema> schema_;
  cedar::Validation validation_;  // nothing found where there is no schema
  cedar::Answer answer_;
};

Result<std::string> answer(std::string_view line) {
  if (!cedar::is_utf8(line)) return unreadable("the line is not UTF-8");
  auto members = json_members(line, kMembers);
  if (!members) return in("line", members.error());
  if (auto read = check_others("line", *members, kLineMembers); !read) return fail(read.error());
  std::vector<JsonSlice> requests;
  if (std::string_view slice = json_find(*members, "requests"); !slice.empty()) {
    auto elements = json_elements(slice, kRequests);
    if (!elements) return in("requests", elements.error());
    requests = std::move(*elements);
  }
  auto prepared = Case::read(*members);
  if (!prepared) return fail(prepared.error());
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().key("responses").begin_array();
  for (const JsonSlice& request : requests) prepared->write_response(request.text, writer);
  writer.end_array();
  prepared->write_validation(writer);
  writer.end_object();
  return out;
}

std::string error_line(std::string_view message) {
  std::string out;
  JsonWriter(out).begin_object().member("error", message).end_object();
  return out;
}

}  // namespace

std::string authorize_line(std::string_view line) {
  auto answered = answer(line);
  return answered ? std::move(*answered) : error_line(answered.error().message);
}

std::string AuthorizeStream::feed(std::string_view piece) {
  std::string out;
  while (true) {
    std::size_t end = piece.find('\n');
    take(piece.substr(0, end), out);
    if (end == std::string_view::npos) return out;
    end_line(out);
    piece.remove_prefix(end + 1);
  }
}

std::string AuthorizeStream::finish() {
  std::string out;
  end_line(out);
  return out;
}

void AuthorizeStream::take(std::string_view part, std::string& out) {
  if (dropping_) return;
  if (part.size() <= limit_ - line_.size()) {
    line_ += part;
    return;
  }
  dropping_ = true;
  line_ = {};
  out += error_line("line: too long: at most " + std::to_string(limit_) + " bytes are allowed") + "\n";
}

void AuthorizeStream::end_line(std::string& out) {
  bool blank = line_.find_first_not_of(" \t\r") == std::string::npos;
  if (!dropping_ && !blank) out += authorize_line(line_) + "\n";
  dropping_ = false;
  line_.clear();
}

}  // namespace countersign::cli
