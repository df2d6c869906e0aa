#include "approvals/terraform_types.h"

#include <algorithm>
#include <map>

namespace countersign::approvals {
namespace {

constexpr std::string_view kTable =
#include "approvals/terraform_types.inc"
    ;

constexpr std::string_view kProvider = "aws_";

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string lower_words(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c != '_') out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return out;
}

struct Table {
  std::map<std::string, std::string, std::less<>> services;    // by prefix, without aws_
  std::map<std::string, std::string_view, std::less<>> types;  // the rest of the line
};

Table read_table() {
  Table out;
  for (std::string_view rest = kTable; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t blank = std::min(line.find(' '), line.size());
    if (line.starts_with("service ")) {
      const std::vector<std::string> words = split(line, ' ');
      out.services[words[1]] = words[2];
    } else {
      out.types[std::string(line.substr(0, blank))] = line.substr(blank);
    }
  }
  return out;
}

const Table& table() {
  static const Table kRead = read_table();
  return kRead;
}

// The longest prefix of whole words, and the service it stands for.
std::pair<std::string_view, std::string> service_of(std::string_view words) {
  for (std::size_t end = words.size(); end != std::string_view::npos && end > 0; end = words.rfind('_', end - 1)) {
    const std::string_view prefix = words.substr(0, end);
    if (auto found = table().services.find(prefix); found != table().services.end()) return {prefix, found->second};
  }
  const std::string_view first = words.substr(0, words.find('_'));
  return {first, std::string(first)};
}

void read_line(std::string_view line, TerraformType& out) {
  for (const std::string& word : split(line, ' ')) {
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string key = word.substr(0, equals);
    const std::vector<std::string> values =
        split(std::string_view(word).substr(std::min(equals + 1, word.size())), ',');
    if (key == "in") out.within = values;
    if (key == "noun") {
      out.nouns.clear();
      for (const std::string& noun : values) out.nouns.push_back(lower_words(noun));
    }
    if (key == "create") out.creates = values;
    if (key == "change") out.changes = values;
    if (key == "delete") out.deletes = values;
    if (key == "own") out.own = values;
    if (key == "named") out.named = values;
    if (key != "weaken") continue;
    for (const std::string& each : values) {
      const std::size_t colon = std::min(each.find(':'), each.size());
      out.weakens.push_back(
          {each.substr(0, colon), split(std::string_view(each).substr(std::min(colon + 1, each.size())), '|')});
    }
  }
}

}  // namespace

std::optional<TerraformType> find_terraform_type(std::string_view type) {
  if (!type.starts_with(kProvider) || type.size() == kProvider.size()) return std::nullopt;
  const std::string_view words = type.substr(kProvider.size());
  const auto [prefix, service] = service_of(words);
  TerraformType out;
  out.service = service;
  // With and without each of the words that name the service: CreateDBSubnetGroup, CreateLogGroup, CreateFunction.
  for (std::size_t at = 0; at < words.size() && at <= prefix.size() + 1;) {
    out.nouns.push_back(lower_words(words.substr(at)));
    at = std::min(words.find('_', at), words.size()) + 1;
  }
  const auto reviewed = table().types.find(type);
  if (reviewed == table().types.end()) return out;
  out.reviewed = true;
  read_line(reviewed->second, out);
  return out;
}

std::vector<std::string> reviewed_terraform_types() {
  std::vector<std::string> out;
  for (const auto& [type, line] : table().types) out.push_back(type);
  return out;
}

}  // namespace countersign::approvals
