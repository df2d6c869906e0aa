#include "proxy/adapters/git/objects/secrets.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "proxy/adapters/git/objects/secret_rules.h"
#include "proxy/adapters/git/objects/visible.h"

namespace countersign::adapters::git {
namespace {

constexpr std::size_t kPiece = 64U << 10;
constexpr std::size_t kOverlap = 1U << 10;
constexpr std::size_t kMatchesPerPiece = 50;

// Shannon's, in bits a character.
double entropy_of(std::string_view text) {
  std::array<std::size_t, 256> counts{};
  for (char c : text) ++counts[static_cast<unsigned char>(c)];
  double out = 0;
  for (std::size_t count : counts) {
    if (count == 0) continue;
    double share = static_cast<double>(count) / static_cast<double>(text.size());
    out -= share * std::log2(share);
  }
  return out;
}

bool is_plainly_none(std::string_view secret) {
  std::string lower(secret);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::ranges::any_of(kNoSecrets, [&](std::string_view part) { return lower.contains(part); });
}

RE2::Options options() {
  RE2::Options out;
  out.set_encoding(RE2::Options::EncodingLatin1);  // files hold any bytes
  out.set_log_errors(false);
  out.set_max_mem(64 << 20);
  return out;
}

}  // namespace

struct SecretScanner::Compiled {
  RE2::Set any{options(), RE2::UNANCHORED};  // which rules could match, in one pass over the line
  std::vector<std::unique_ptr<RE2>> rules;
};

SecretScanner::SecretScanner() {
  auto compiled = std::make_unique<Compiled>();
  for (const SecretRule& rule : kSecretRules) {
    re2::StringPiece pattern(rule.pattern.data(), rule.pattern.size());
    compiled->rules.push_back(std::make_unique<RE2>(pattern, options()));
    bool sound = compiled->rules.back()->ok() && compiled->any.Add(pattern, nullptr) >= 0;
    if (!sound) std::abort();  // the table is part of the program, and every test compiles it
  }
  if (!compiled->any.Compile()) std::abort();
  compiled_ = std::move(compiled);
}

SecretScanner::~SecretScanner() = default;

void SecretScanner::scan_line(std::string_view line, std::size_t number, std::vector<SecretMatch>& out) const {
  while (line.size() > kPiece) {
    scan_piece(line.substr(0, kPiece), number, out);
    line.remove_prefix(kPiece - kOverlap);
  }
  scan_piece(line, number, out);
}

void SecretScanner::scan_piece(std::string_view piece, std::size_t number, std::vector<SecretMatch>& out) const {
  std::vector<int> candidates;
  RE2::Set::ErrorInfo error{};
  bool any = compiled_->any.Match(re2::StringPiece(piece.data(), piece.size()), &candidates, &error);
  if (!any) {
    if (error.kind == RE2::Set::kNoError) return;
    // Out of memory for the joint automaton: each rule by itself, slower and just as right.
    for (std::size_t rule = 0; rule < std::size(kSecretRules); ++rule) candidates.push_back(static_cast<int>(rule));
  }
  std::ranges::sort(candidates);
  std::vector<std::string_view> found;  // one secret is reported once, by the first rule
  for (int candidate : candidates) {
    std::size_t index = static_cast<std::size_t>(candidate);
    const SecretRule& rule = kSecretRules[index];
    re2::StringPiece rest(piece.data(), piece.size());
    re2::StringPiece group;
    for (std::size_t count = 0;
         count < kMatchesPerPiece && RE2::FindAndConsume(&rest, *compiled_->rules[index], &group); ++count) {
      std::string_view secret(group.data(), group.size());
      if (is_plainly_none(secret) || (rule.least_entropy > 0 && entropy_of(secret) < rule.least_entropy)) continue;
      bool known = std::ranges::any_of(found, [&](std::string_view each) {
        return secret.data() < each.data() + each.size() && each.data() < secret.data() + secret.size();
      });
      if (known) continue;
      found.push_back(secret);
      std::string excerpt = visible(secret.substr(0, rule.shown));
      if (secret.size() > rule.shown) excerpt += "\xE2\x80\xA6 (" + std::to_string(secret.size()) + " characters)";
      out.push_back({.rule = rule.name, .what = rule.what, .line = number, .excerpt = std::move(excerpt)});
    }
  }
}

std::vector<SecretMatch> SecretScanner::scan(std::string_view text) const {
  std::vector<SecretMatch> out;
  std::size_t number = 0;
  while (!text.empty()) {
    std::size_t end = std::min(text.find('\n'), text.size());
    scan_line(text.substr(0, end), ++number, out);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::vector<std::string_view> SecretScanner::rules() {
  std::vector<std::string_view> out;
  for (const SecretRule& rule : kSecretRules) out.push_back(rule.name);
  return out;
}

}  // namespace countersign::adapters::git
