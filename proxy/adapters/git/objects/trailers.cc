#include "proxy/adapters/git/objects/trailers.h"

#include <algorithm>
#include <cctype>
#include <optional>

namespace countersign::adapters::git {
namespace {

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    std::size_t end = std::min(text.find('\n'), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// "Key: value", where the key is letters, digits and dashes.
std::optional<Trailer> trailer_in(std::string_view line) {
  std::size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos) return std::nullopt;
  std::string_view key = trimmed(line.substr(0, colon));
  bool word = !key.empty() && std::ranges::all_of(key, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-';
  });
  if (!word || line.front() == ' ' || line.front() == '\t') return std::nullopt;
  return Trailer{std::string(key), std::string(trimmed(line.substr(colon + 1)))};
}

// Words as they stand in names and addresses, and what we call their owner. Longer words stand before those they hold.
struct Known {
  std::string_view word;
  std::string_view name;
};
constexpr Known kAssistants[] = {
    {"claude", "claude"},
    {"@anthropic.com", "claude"},
    {"github-copilot", "copilot"},
    {"copilot", "copilot"},
    {"cursoragent", "cursor"},
    {"cursor agent", "cursor"},
    {"@cursor.com", "cursor"},
    {"@cursor.sh", "cursor"},
    {"cursor", "cursor"},
    {"codex", "codex"},
    {"chatgpt", "chatgpt"},
    {"gpt-", "chatgpt"},
    {"@openai.com", "openai"},
    {"openai", "openai"},
    {"gemini", "gemini"},
    {"google-labs-jules", "jules"},
    {"jules", "jules"},
    {"devin-ai", "devin"},
    {"devin ai", "devin"},
    {"devin.ai", "devin"},
    {"cognition", "devin"},
    {"devin", "devin"},
    {"aider", "aider"},
    {"windsurf", "windsurf"},
    {"codeium", "windsurf"},
    {"ampcode", "amp"},
    {"@sourcegraph.com", "amp"},
    {"cline", "cline"},
    {"roo code", "roo"},
    {"roocode", "roo"},
    {"kilo code", "kilo"},
    {"opencode", "opencode"},
    {"openhands", "openhands"},
    {"amazon q", "amazon-q"},
    {"amazonq", "amazon-q"},
    {"codewhisperer", "amazon-q"},
    {"kiro", "kiro"},
    {"junie", "junie"},
    {"jetbrains ai", "junie"},
    {"tabnine", "tabnine"},
    {"replit", "replit"},
    {"sweep-ai", "sweep"},
    {"sweep.dev", "sweep"},
    {"grok", "grok"},
    {"mistral", "mistral"},
    {"devstral", "mistral"},
    {"deepseek", "deepseek"},
    {"qwen", "qwen"},
    {"llama", "llama"},
    {"goose", "goose"},
    {"warp agent", "warp"},
    {"augment code", "augment"},
    {"augmentcode", "augment"},
    {"coderabbit", "coderabbit"},
    {"bolt.new", "bolt"},
    {"lovable", "lovable"},
    {"v0.dev", "v0"},
    {"factory droid", "factory"},
    {"ai assistant", "unnamed"},
    {"llm", "unnamed"},
};

// Whether `word` stands in `text` by itself: "aider" not in "raider", "llm" not in "Hellmann".
bool mentions(std::string_view text, std::string_view word) {
  auto is_letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    std::size_t end = at + word.size();
    bool begins = at == 0 || !is_letter(text[at - 1]) || !is_letter(word.front());
    bool ends = end == text.size() || !is_letter(text[end]) || !is_letter(word.back());
    if (begins && ends) return true;
  }
  return false;
}

std::optional<AssistanceKind> kind_of_key(std::string_view key) {
  std::string name = lowered(key);
  if (name == "co-authored-by" || name == "co-developed-by") return AssistanceKind::co_author;
  if (name == "assisted-by" || name == "ai-assisted-by") return AssistanceKind::assisted_by;
  if (name == "generated-by" || name == "ai-generated-by" || name == "prompted-by") return AssistanceKind::generated_by;
  return std::nullopt;
}

// "🤖 Generated with [Claude Code](…)", "- Created by Copilot": what stands before is decoration.
bool says_generated(std::string_view line) {
  std::string text = lowered(line.substr(0, 200));
  std::size_t begin = 0;
  while (begin < text.size() && std::isalpha(static_cast<unsigned char>(text[begin])) == 0) ++begin;
  std::string_view rest = std::string_view(text).substr(begin);
  if (rest.starts_with("generated with ") || rest.starts_with("generated using ")) return true;
  bool made = rest.starts_with("generated by ") || rest.starts_with("created with ") ||
              rest.starts_with("created by ") || rest.starts_with("co-authored with ") ||
              rest.starts_with("written with ") || rest.starts_with("written by ");
  return made && !assistant_in(rest).empty();
}

}  // namespace

std::string_view assistant_in(std::string_view text) {
  std::string lower = lowered(text.substr(0, 500));
  for (const Known& each : kAssistants) {
    if (mentions(lower, each.word)) return each.name;
  }
  return {};
}

std::vector<Trailer> trailers_of(std::string_view message, std::size_t limit) {
  while (message.ends_with('\n') || message.ends_with(' ')) message.remove_suffix(1);
  std::size_t begin = message.rfind("\n\n");
  if (begin == std::string_view::npos) return {};  // a title is no trailer
  std::vector<Trailer> out;
  std::size_t others = 0;
  bool of_git = false;
  for (std::string_view line : lines_of(message.substr(begin + 2))) {
    if (std::optional<Trailer> trailer = trailer_in(line)) {
      std::string key = lowered(trailer->key);
      of_git = of_git || key == "signed-off-by";
      out.push_back(std::move(*trailer));
    } else if (line.starts_with("(cherry picked from commit ")) {
      of_git = true;
    } else if (!out.empty() && (line.starts_with(' ') || line.starts_with('\t'))) {
      out.back().value += ' ';
      out.back().value += trimmed(line);
    } else {
      ++others;
    }
  }
  if (others > 0 && !(of_git && out.size() * 3 >= others)) return {};
  if (out.size() > limit) out.resize(limit);
  return out;
}

std::vector<Assistance> assistance_of(std::string_view message, std::size_t limit) {
  constexpr std::size_t kLine = 200;
  std::vector<Assistance> out;
  for (std::string_view line : lines_of(message)) {
    if (out.size() == limit) break;
    std::string_view text = trimmed(line);
    std::optional<Trailer> trailer = trailer_in(text);
    std::optional<AssistanceKind> kind = trailer ? kind_of_key(trailer->key) : std::nullopt;
    if (!kind && says_generated(text)) kind = AssistanceKind::generated_with;
    if (!kind) continue;
    std::string_view assistant =
        assistant_in(trailer && kind != AssistanceKind::generated_with ? trailer->value : text);
    if (kind == AssistanceKind::co_author && assistant.empty()) continue;  // a person
    out.push_back({*kind, std::string(assistant), std::string(text.substr(0, kLine))});
  }
  return out;
}

std::string_view name_of(AssistanceKind kind) {
  switch (kind) {
    case AssistanceKind::co_author:
      return "co-authored-by";
    case AssistanceKind::assisted_by:
      return "assisted-by";
    case AssistanceKind::generated_by:
      return "generated-by";
    case AssistanceKind::generated_with:
      return "generated-with";
  }
  return {};
}

}  // namespace countersign::adapters::git
