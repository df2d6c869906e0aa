#include "proxy/adapters/http_operations.h"

#include <algorithm>
#include <array>

#include "scopes/openapi.h"

namespace countersign::adapters {
namespace {

constexpr char kVariable = '\0';

std::vector<std::string_view> split(std::string_view name) {
  std::vector<std::string_view> segments;
  while (!name.empty()) {
    std::size_t end = std::min(name.find('/'), name.size());
    segments.push_back(name.substr(0, end));
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return segments;
}

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// Each variable takes one character at least. Literals between variables are found leftmost first, which is enough:
// there is only "matches" to be said.
bool segment_matches(std::string_view pattern, std::string_view text) {
  std::size_t variable = pattern.find(kVariable);
  if (variable == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, variable))) return false;
  text.remove_prefix(variable);
  pattern.remove_prefix(variable + 1);
  while (true) {
    if (text.empty()) return false;
    std::size_t next = pattern.find(kVariable);
    if (next == std::string_view::npos) return text.size() > pattern.size() && text.ends_with(pattern);
    std::size_t found = text.find(pattern.substr(0, next), 1);
    if (found == std::string_view::npos) return false;
    text.remove_prefix(found + next);
    pattern.remove_prefix(next + 1);
  }
}

Result<std::string> parse_segment(std::string_view segment) {
  auto bad = [&] {
    return fail(ErrorKind::invalid, "config.bad_path", "`" + std::string(segment) + "` is not a path segment");
  };
  std::string out;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] == '}' || segment[i] == kVariable) return bad();
    if (segment[i] != '{') {
      out += segment[i];
      continue;
    }
    std::size_t end = segment.find('}', i);
    if (end == std::string_view::npos || end == i + 1 || out.ends_with(kVariable)) return bad();
    out += kVariable;
    i = end;
  }
  if (out == "." || out == ".." || out.empty()) return bad();
  return out;
}

}  // namespace

Effect effect_of_method(std::string_view method) {
  constexpr std::array<std::string_view, 6> kReads = {"GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT", "SEARCH"};
  constexpr std::array<std::string_view, 8> kWrites = {"PUT",  "POST",   "PATCH", "COPY",
                                                       "LOCK", "UNLOCK", "MKCOL", "PROPPATCH"};
  if (std::ranges::find(kReads, method) != kReads.end()) return Effect::read;
  if (std::ranges::find(kWrites, method) != kWrites.end()) return Effect::write;
  if (method == "DELETE" || method == "MOVE") return Effect::destroy;
  return Effect::execute;
}

Result<HttpPattern> HttpPattern::parse(std::string_view method, std::string_view path) {
  HttpPattern pattern;
  pattern.method_ = method;
  if (!path.starts_with('/'))
    return fail(ErrorKind::invalid, "config.bad_path", "the path `" + std::string(path) + "` does not begin with /");
  path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  std::vector<std::string_view> segments = split(path);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (segments[i] == "**" && i + 1 == segments.size()) {
      pattern.rest_ = true;
      break;
    }
    Result<std::string> segment = parse_segment(segments[i]);
    if (!segment) return fail(segment.error());
    pattern.lowered_.push_back(lowered(*segment));
    pattern.segments_.push_back(std::move(*segment));
  }
  return pattern;
}

bool HttpPattern::matches(std::string_view method, const std::vector<std::string_view>& segments,
                          LetterCase letters) const {
  const std::vector<std::string>& own = letters == LetterCase::exact ? segments_ : lowered_;
  if (method_ != "*" && method_ != method) return false;
  if (rest_ ? segments.size() < own.size() : segments.size() != own.size()) return false;
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (!segment_matches(own[i], segments[i])) return false;
  }
  return true;
}

std::vector<std::size_t> HttpPattern::rank() const {
  constexpr std::size_t kTemplated = 1U << 20;  // longer than any pattern
  std::vector<std::size_t> rank;
  for (const std::string& segment : segments_) {
    bool literal = segment.find(kVariable) == std::string::npos;
    rank.push_back(literal ? 0 : kTemplated - std::min(segment.size(), kTemplated - 1));
  }
  return rank;
}

Result<HttpOperations> HttpOperations::load(const config::Upstream& upstream) {
  HttpOperations out;
  for (const config::HttpRule& rule : upstream.operations) {
    Result<HttpPattern> pattern = HttpPattern::parse(rule.method, rule.path);
    if (!pattern) return fail(pattern.error());
    std::optional<Effect> effect;
    if (rule.effect) {
      effect = effect_from_name(*rule.effect);
      if (!effect) return fail(ErrorKind::invalid, "config.bad_effect", "`" + *rule.effect + "` is not an effect");
    }
    out.rules_.push_back({std::move(*pattern), rule.action, {}, effect});
  }
  if (upstream.openapi.empty()) return out;
  Result<std::vector<OpenApiOperation>> document = load_openapi(upstream.openapi);
  if (!document) return fail(document.error());
  std::vector<Rule> templated;
  for (OpenApiOperation& operation : *document) {
    Result<HttpPattern> pattern = HttpPattern::parse(operation.method, operation.path);
    if (!pattern) return fail(pattern.error());
    templated.push_back(
        {std::move(*pattern), std::move(operation.operation_id), std::move(operation.summary), operation.effect});
  }
  // OpenAPI 3.0 "Paths Object": concrete paths are matched before their templated counterparts.
  std::ranges::sort(templated, {}, [](const Rule& rule) { return std::pair(rule.pattern.rank(), rule.action); });
  std::ranges::move(templated, std::back_inserter(out.rules_));
  return out;
}

HttpOperation HttpOperations::find(std::string_view method, std::string_view name) const {
  std::string lower = lowered(name);
  return find(method, split(name), split(lower));
}

HttpOperation HttpOperations::find(std::string_view method, const std::vector<std::string_view>& exact,
                                   const std::vector<std::string_view>& lowered) const {
  const Rule* winner = nullptr;
  Effect at_least = Effect::read;
  for (const Rule& rule : rules_) {
    if (!rule.pattern.matches(method, lowered, LetterCase::ignored)) continue;
    if (!rule.pattern.matches(method, exact)) {
      at_least = std::max(at_least, rule.effect.value_or(effect_of_method(method)));
    } else if (!winner) {
      winner = &rule;
    }
  }
  if (method == "HEAD" && !(winner && winner->pattern.names_method("HEAD")))
    at_least = std::max(at_least, find("GET", exact, lowered).effect);
  Effect effect = winner && winner->effect ? *winner->effect : effect_of_method(method);
  HttpOperation operation{"http:" + std::string(method), std::max(effect, at_least), {}, {}};
  if (winner && !winner->action.empty()) {
    operation.action = "http:" + winner->action;
    operation.name = winner->action;
  }
  if (winner) operation.summary = winner->summary;
  return operation;
}

}  // namespace countersign::adapters
