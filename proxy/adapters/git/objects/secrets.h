// Credentials in text, by their form. The rules are our own selection of well-known formats, from their issuers' public
// documentation.
//
// There is no mark by which a line could ask to be passed over: whoever writes the line would write the mark.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::adapters::git {

struct SecretMatch {
  std::string_view rule;  // "github-token"; lives as long as the program
  std::string_view what;  // "GitHub token", for people
  std::size_t line = 0;   // from 1
  // The rule's public prefix, dots, and how long it is: "ghp_… (40 characters)". Never the secret.
  std::string excerpt;
};

// Compiled once; any thread.
class SecretScanner {
 public:
  SecretScanner();
  ~SecretScanner();
  SecretScanner(const SecretScanner&) = delete;
  SecretScanner& operator=(const SecretScanner&) = delete;

  // Looks at one line (without its line feed) and appends what it finds. Lines over 64 KiB are looked at in overlapping
  // pieces.
  void scan_line(std::string_view line, std::size_t number, std::vector<SecretMatch>& out) const;

  // Looks at every line of a text.
  [[nodiscard]] std::vector<SecretMatch> scan(std::string_view text) const;

  // Names of all rules, in their order.
  [[nodiscard]] static std::vector<std::string_view> rules();

 private:
  struct Compiled;
  void scan_piece(std::string_view piece, std::size_t number, std::vector<SecretMatch>& out) const;
  std::unique_ptr<const Compiled> compiled_;
};

}  // namespace countersign::adapters::git
