// Tables of cases as text: fields separated by " | ", lines that begin with # and empty lines passed over. The escapes
// \n \t \r \0 \\ and \xHH stand for bytes.
#pragma once

#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace countersign::adapters::test {

inline std::string unescape(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    char c = text[++i];
    if (c == 'n')
      out += '\n';
    else if (c == 't')
      out += '\t';
    else if (c == 'r')
      out += '\r';
    else if (c == '0')
      out += '\0';
    else if (c == 'x') {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else
      out += c;
  }
  return out;
}

struct Case {
  int line = 0;
  std::vector<std::string> fields;
};

enum class Escapes { none, bytes };

inline std::vector<Case> read_cases(const std::string& name, Escapes escapes) {
  std::ifstream file(std::string(COUNTERSIGN_SOURCE_DIR) + "/tests/cases/" + name);
  if (!file) throw std::runtime_error("no table " + name);
  std::vector<Case> out;
  std::string text;
  for (int line = 1; std::getline(file, text); ++line) {
    if (text.empty() || text.front() == '#') continue;
    Case entry{line, {}};
    while (true) {
      std::size_t end = text.find(" | ");
      std::string field = text.substr(0, end);
      entry.fields.push_back(escapes == Escapes::bytes ? unescape(field) : field);
      if (end == std::string::npos) break;
      text.erase(0, end + 3);
    }
    out.push_back(std::move(entry));
  }
  if (out.empty()) throw std::runtime_error("the table " + name + " is empty");
  return out;
}

}  // namespace countersign::adapters::test
