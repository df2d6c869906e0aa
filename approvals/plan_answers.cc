#include "approvals/plan_answers.h"

#include <algorithm>

#include "approvals/plan_names.h"
#include "approvals/terraform_plan.h"
#include "core/json_reader.h"

namespace countersign::approvals {
namespace {

constexpr std::size_t kMostLearned = 256;
constexpr std::size_t kMostAnswer = 1U << 20;
constexpr std::size_t kMostWords = 1'000;         // of an answer, that are looked for in the request
constexpr std::size_t kMostSaid = 256U << 10;     // bytes; of what says more, nothing is learned
constexpr std::string_view kSecret = "[secret]";  // in Operation::input, in the place of what nobody is to read

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// "sg%2D1" is "sg-1" in a form.
std::string unescaped(std::string_view form) {
  std::string out;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const int high = form[i] == '%' && i + 2 < form.size() ? digit_of(form[i + 1]) : -1;
    const int low = high >= 0 ? digit_of(form[i + 2]) : -1;
    if (low < 0) {
      out += form[i] == '+' ? ' ' : form[i];
      continue;
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

// Texts, numbers and names of members, at any depth.
void collect(JsonValue value, std::vector<std::string>& out) {
  if (!value.key().empty()) out.push_back(lower(value.key()));
  if (auto text = value.string()) {
    out.push_back(lower(*text));
    if (text->contains('%')) out.push_back(lower(unescaped(*text)));  // a form in a header
  } else if (!value.is_object() && !value.is_array()) {
    out.push_back(lower(value.canonical()));
  }
  for (JsonValue each = value.first(); each; each = each.next()) collect(each, out);
}

bool is_part(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-_.:/").contains(c);
}

// What follows these is spelt otherwise than it is: "\u003c", "&#45;", "%2D".
bool is_escape(char c) {
  return std::string_view("\\&#%").contains(c);
}

}  // namespace

std::optional<std::vector<std::string>> said_in_request(std::string_view input, std::string_view body) {
  if (input.size() > kMostSaid || body.size() > kMostSaid) return std::nullopt;
  auto document = JsonDocument::parse(input);
  if (!document || !document->root().is_object() || !document->root().member("parameters").is_object())
    return std::nullopt;
  std::vector<std::string> out;
  collect(document->root(), out);
  const bool is_xml = body.substr(0, body.find_first_not_of(" \t\r\n") + 1).ends_with('<');
  // What was left out of the input is in the body only, and must be readable there.
  const bool is_all = std::ranges::none_of(out, [](const std::string& text) { return text.contains(kSecret); });
  if (!is_all && (body.empty() || is_xml)) return std::nullopt;
  if (auto json = JsonDocument::parse(body))
    collect(json->root(), out);
  else if (!is_xml && body.contains('%'))
    out.push_back(lower(unescaped(body)));
  if (!body.empty()) out.push_back(lower(body));
  std::size_t bytes = 0;
  for (const std::string& text : out) bytes += text.size() + 16;
  if (bytes > kMostSaid) return std::nullopt;
  return out;
}

std::vector<std::string> names_in_answer(std::string_view answer, std::string_view request,
                                         const std::vector<std::string>& said) {
  answer = answer.substr(0, kMostAnswer);
  std::vector<std::string> out;
  std::size_t looked_for = 0;
  for (std::size_t at = 0; at < answer.size() && out.size() < kMostLearned && looked_for < kMostWords;) {
    std::size_t end = at;
    while (end < answer.size() && is_part(answer[end])) ++end;
    const std::string_view word = answer.substr(at, end - at);
    const bool is_escaped = at > 0 && is_escape(answer[at - 1]);
    at = std::max(end, at + 1);
    if (is_escaped || (end < answer.size() && answer[end] == '=')) continue;  // an attribute of XML
    const bool has_digit = std::ranges::any_of(word, [](char c) { return c >= '0' && c <= '9'; });
    if (!has_digit || word.size() < 5 || word.size() > kMostNameBytes || word.starts_with('/')) continue;
    ++looked_for;
    if (request.contains(word) || std::ranges::find(out, word) != out.end()) continue;
    const std::string plain = lower(word);
    if (std::ranges::any_of(said, [&](const std::string& text) { return text.contains(plain); })) continue;
    out.emplace_back(word);
  }
  return out;
}

}  // namespace countersign::approvals
