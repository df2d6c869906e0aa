#include "approvals/documentation.h"

#include <re2/re2.h>

#include <algorithm>
#include <optional>

#include "approvals/rules.h"
#include "core/json.h"

namespace countersign::approvals {
namespace {

using Field = DocumentationNeed::Field;

constexpr std::size_t kMostReferences = 50;
constexpr std::size_t kMostUrlBytes = 2'000;
constexpr TimeMs kDay = 86'400'000;

std::unexpected<Error> malformed(std::string why) {
  return fail(ErrorKind::invalid, "documentation.malformed", std::move(why));
}

// The start of that day in UTC.
Result<TimeMs> parse_date(std::string_view text) {
  if (text.size() != 10) return fail(ErrorKind::invalid, "time.malformed", "expected a date like 2026-10-01");
  return parse_time(std::string(text) + "T00:00:00Z");
}

bool is_web_address(std::string_view url) {
  const std::size_t scheme = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
  if (scheme == 0 || url.size() <= scheme || url.size() > kMostUrlBytes) return false;
  return std::ranges::all_of(url, [](char c) { return c > ' ' && c != '\x7f' && c != '"' && c != '<' && c != '>'; });
}

Status check_reference(const Json& reference) {
  if (!reference.is_object()) return malformed("a reference is an object with url and updated");
  for (const auto& [key, value] : reference.items()) {
    if (key != "url" && key != "updated") return malformed("a reference has no member but url and updated");
    if (!value.is_string()) return malformed("url and updated of a reference are text");
  }
  if (!is_web_address(string_or(reference, "url", ""))) return malformed("a reference needs an http or https url");
  if (reference.contains("updated") && !parse_date(string_or(reference, "updated", ""))) {
    return malformed("updated of a reference is the day of its last update, like 2026-10-01");
  }
  return {};
}

Status check_form(const Json& root) {
  if (!root.is_object()) return malformed("documentation is a JSON object");
  for (const auto& [key, value] : root.items()) {
    if (key == "intent" || key == "ticket" || key == "rollback") {
      if (!value.is_string()) return malformed(key + " is text");
    } else if (key != "references") {
      return malformed("documentation has intent, ticket, rollback and references, and nothing else");
    } else if (!value.is_array()) {
      return malformed("references are a list");
    } else if (value.size() > kMostReferences) {
      return fail(ErrorKind::too_large, "documentation.too_large", "there are more than 50 references");
    } else {
      for (const Json& reference : value) {
        if (Status checked = check_reference(reference); !checked) return checked;
      }
    }
  }
  return {};
}

struct Reference {
  std::string url;
  std::string updated;
  std::optional<TimeMs> at;
};

std::vector<Reference> references_of(const Json& documentation) {
  std::vector<Reference> out;
  const Json* list = find_member(documentation, "references");
  if (list == nullptr || !list->is_array()) return out;
  for (const Json& one : *list) {
    Reference reference{string_or(one, "url", ""), string_or(one, "updated", ""), std::nullopt};
    if (Result<TimeMs> day = parse_date(reference.updated)) reference.at = *day;
    out.push_back(std::move(reference));
  }
  return out;
}

// An age counts from the end of the day named, so that no time zone makes guidance a day older.
bool is_stale(const Reference& reference, TimeMs max_age, TimeMs now) {
  return max_age > 0 && reference.at && now - (*reference.at + kDay) > max_age;
}

// A day of grace, for time zones.
bool is_ahead(const Reference& reference, TimeMs now) {
  return reference.at && *reference.at > now + kDay;
}

std::string ahead_sentence(const Reference& reference) {
  return "reference " + reference.url + " is dated in the future";
}

std::string stale_sentence(const Reference& reference, TimeMs max_age) {
  return "reference " + reference.url + " was last updated on " + reference.updated + ", more than " +
         std::to_string(max_age / kDay) + " days ago";
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & '\xc0') != '\x80'; }));
}

std::optional<std::string> what_misses(const DocumentationNeed& need, const Json& documentation) {
  const std::string name(field_name(need.field));
  if (need.field == Field::references) {
    if (references_of(documentation).empty()) return "references are missing: at least one";
    return std::nullopt;
  }
  const std::string whole = string_or(documentation, name, "");
  const std::string_view text = trimmed(whole);
  if (text.empty()) return name + " is missing";
  if (code_points(text) < need.min_length) {
    return name + " is too short: at least " + std::to_string(need.min_length) + " characters";
  }
  if (need.pattern && !RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *need.pattern)) {
    return name + " must match " + need.pattern->pattern();
  }
  return std::nullopt;
}

// Nothing in it, when it is not what canonical_documentation() made.
Json read(std::string_view documentation) {
  if (documentation.empty()) return Json::object();
  Result<Json> parsed = parse_json(documentation, {.bytes = kMostDocumentationBytes, .depth = 4, .values = 1'000});
  return parsed && parsed->is_object() ? std::move(*parsed) : Json::object();
}

template <class Visit>
void for_each_need(const Rules& rules, std::span<const std::string> names, Visit visit) {
  for (const std::string& name : names) {
    const Rule* rule = rules.find(name);
    if (rule == nullptr) continue;
    for (const DocumentationNeed& need : rule->documentation) visit(need);
  }
}

}  // namespace

std::string_view field_name(Field field) {
  switch (field) {
    case Field::intent:
      return "intent";
    case Field::ticket:
      return "ticket";
    case Field::rollback:
      return "rollback";
    case Field::references:
      break;
  }
  return "references";
}

Result<std::string> canonical_documentation(std::string_view json) {
  if (json.empty()) return std::string();
  auto too_large = [] {
    return fail(ErrorKind::too_large, "documentation.too_large", "documentation has at most 16 KiB");
  };
  if (json.size() > kMostDocumentationBytes) return too_large();
  Result<Json> parsed = parse_json(json, {.bytes = kMostDocumentationBytes, .depth = 4, .values = 1'000});
  if (!parsed) return malformed("documentation is not JSON: " + parsed.error().message);
  if (Status checked = check_form(*parsed); !checked) return fail(checked.error());
  Result<std::string> canonical = canonical_json(*parsed);
  if (!canonical) return malformed("documentation is not UTF-8");
  if (canonical->size() > kMostDocumentationBytes) return too_large();
  return canonical;
}

std::vector<std::string> missing_documentation(const Rules& rules, std::span<const std::string> names,
                                               std::string_view documentation, TimeMs now) {
  std::vector<std::string> missing;
  std::optional<Json> read_once;
  auto add = [&](std::string sentence) {
    if (std::ranges::find(missing, sentence) == missing.end()) missing.push_back(std::move(sentence));
  };
  for_each_need(rules, names, [&](const DocumentationNeed& need) {
    if (!read_once) read_once = read(documentation);
    if (std::optional<std::string> sentence = what_misses(need, *read_once)) add(std::move(*sentence));
    for (const Reference& reference : references_of(*read_once)) {
      if (is_stale(reference, need.max_age, now)) add(stale_sentence(reference, need.max_age));
      if (need.max_age > 0 && is_ahead(reference, now)) add(ahead_sentence(reference));
      if (need.max_age > 0 && !reference.at) {
        add("reference " + reference.url + " does not say when it was last updated");
      }
    }
  });
  return missing;
}

std::vector<std::string> missing_documentation(const HeldRequest& request, const Rules& rules) {
  const TimeMs given = request.documented > 0 ? request.documented : request.created;
  return missing_documentation(rules, request.rules, request.documentation, given);
}

Status check_references(const Rules& rules, std::span<const std::string> names, std::string_view documentation,
                        TimeMs now) {
  std::optional<std::string> refusal;
  const std::vector<Reference> references = references_of(read(documentation));
  for (const Reference& reference : references) {
    if (is_ahead(reference, now)) refusal = ahead_sentence(reference);
  }
  for_each_need(rules, names, [&](const DocumentationNeed& need) {
    for (const Reference& reference : references) {
      if (is_stale(reference, need.max_age, now)) refusal = stale_sentence(reference, need.max_age);
    }
  });
  if (!refusal) return {};
  return fail(ErrorKind::invalid, "documentation.stale_reference", std::move(*refusal));
}

}  // namespace countersign::approvals
