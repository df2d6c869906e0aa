#include "proxy/adapters/sentence.h"

#include <algorithm>
#include <array>

#include "core/visible.h"

namespace countersign::adapters {
namespace {

constexpr std::size_t kMostName = 40;
constexpr std::size_t kMostValue = 60;
constexpr std::size_t kMostItem = 24;  // of a list
constexpr std::size_t kMostItems = 3;
constexpr std::size_t kMostNumber = 24;

// Letters of scripts that run from right to left take the characters beside them along (UAX #9, classes R and AL).
bool turns_direction(char32_t code) {
  return (code >= 0x0590 && code <= 0x08FF) || (code >= 0xFB1D && code <= 0xFDFF) ||
         (code >= 0xFE70 && code <= 0xFEFF) || (code >= 0x10800 && code <= 0x10FFF) ||
         (code >= 0x1E800 && code <= 0x1EFFF);
}

bool is_plain(std::string_view text) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  constexpr std::string_view kWithin = "-_./:@+*#";
  constexpr std::string_view kAtTheEnd = "-_/*";
  return !text.empty() && (letter(text.back()) || kAtTheEnd.contains(text.back())) &&
         std::ranges::all_of(text, [&](char c) { return letter(c) || kWithin.contains(c); });
}

std::string spelt(std::string_view text, const TextCharacter& c) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string hex;
  const char32_t code = c.is_utf8 ? c.code : static_cast<unsigned char>(text.front());
  for (char32_t rest = code; rest > 0 || hex.size() < 2; rest >>= 4U) hex.insert(hex.begin(), kDigits[rest & 15U]);
  if (!c.is_utf8) return "\\x" + hex;
  if (c.code == '\n') return "\\n";
  if (c.code == '"' || c.code == '\\') return std::string("\\") + static_cast<char>(c.code);
  if (!hides(c.code) && !turns_direction(c.code)) return std::string(text.substr(0, c.bytes));
  return "\\u{" + std::string(hex.size() < 4 ? 4 - hex.size() : 0, '0') + hex + "}";
}

// Each character as it is shown.
std::vector<std::string> spelt(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const TextCharacter c = front_character(text);
    out.push_back(spelt(text, c));
    text.remove_prefix(c.bytes);
  }
  return out;
}

std::size_t length(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// As many from the front (or the back) as take at most `most` characters.
template <class Range>
std::size_t fitting(const Range& characters, std::size_t most) {
  std::size_t taken = 0;
  for (const std::string& one : characters) {
    const std::size_t size = length(one);
    if (size > most) break;
    most -= size;
    ++taken;
  }
  return taken;
}

std::string joined(const std::vector<std::string>& characters, std::size_t from, std::size_t to) {
  std::string out = "\"";
  for (std::size_t at = from; at < to; ++at) out += characters[at];
  return out + "\"";
}

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

bool is_secret_name(std::string_view name) {
  std::string lower;
  for (char c : name) {
    if (c != '_' && c != '-') lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  constexpr std::array<std::string_view, 9> kWords = {"password", "passwd",     "passphrase",    "secret",    "token",
                                                      "apikey",   "privatekey", "authorization", "credential"};
  return std::ranges::any_of(kWords, [&](std::string_view word) { return lower.contains(word); });
}

bool is_prose(std::string_view text) {
  return text.contains('\n') || (length(text) > kMostValue && text.contains(' '));
}

// "true" is a string, and true is none.
bool is_like_a_literal(std::string_view text) {
  return text.size() <= kMostNumber && is_plain(text) && Json::accept(text);
}

std::string said_list(std::string_view name, const Json& list) {
  const std::string count = count_of(list.size(), "item");
  if (list.empty() || list.size() > kMostItems) return count;
  std::string out = "[";
  for (const Json& item : list) {
    if (item.is_structured()) return count;
    const std::string one = said_value(name, item);
    if (length(one) > kMostItem) return count;
    out.append(out.size() > 1 ? ", " : "").append(one);
  }
  return out + "]";
}

}  // namespace

std::string count_of(std::uint64_t number, std::string_view thing) {
  return grouped(number) + " " + std::string(thing) + (number == 1 ? "" : "s");
}

std::string said(std::string_view text, std::size_t most) {
  if (text.size() <= most && is_plain(text)) return std::string(text);
  constexpr std::size_t kLooked = 4096;  // bytes; what is longer is cut anyway, and only its ends are shown
  const std::size_t size = length(text);
  std::string_view front = text.substr(0, kLooked);
  const std::vector<std::string> begin = spelt(front);
  if (text.size() <= kLooked && fitting(begin, most) == begin.size()) return joined(begin, 0, begin.size());
  const std::size_t head = fitting(begin, most / 2);
  std::string_view back = text.substr(text.size() - std::min(text.size(), kLooked));
  while (text.size() > kLooked && !back.empty() && (static_cast<unsigned char>(back.front()) & 0xC0U) == 0x80U)
    back.remove_prefix(1);
  std::vector<std::string> end = spelt(back);
  std::ranges::reverse(end);
  const std::size_t tail = fitting(end, most / 3);
  std::reverse(end.begin(), end.begin() + static_cast<std::ptrdiff_t>(tail));
  return joined(begin, 0, head) + "…" + joined(end, 0, tail) + " (" + count_of(size, "character") + ")";
}

std::string said_value(std::string_view name, const Json& value) {
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    if (is_secret_name(name) || is_prose(text)) return count_of(length(text), "character");
    return is_like_a_literal(text) ? "\"" + text + "\"" : said(text, kMostValue);
  }
  if (value.is_object()) return count_of(value.size(), "member");
  if (value.is_array()) return said_list(name, value);
  if (is_secret_name(name) && value.is_number()) return "a number";
  return said(value.dump(), kMostNumber);
}

std::vector<std::string> said_members(const Json& object, const std::vector<std::string>& first,
                                      std::string_view between) {
  constexpr std::size_t kMost = kMaxSentence;  // more do not fit
  std::vector<std::string> out;
  auto add = [&](const std::string& name, const Json& value) {
    if (out.size() < kMost)
      out.push_back(said(name, kMostName) + std::string(between) + said_value(name, value));
    else
      out.emplace_back();
  };
  std::vector<std::string_view> done;
  for (const std::string& name : first) {
    const Json* value = find_member(object, name);
    if (value == nullptr || std::ranges::find(done, name) != done.end()) continue;
    done.emplace_back(name);
    add(name, *value);
  }
  for (const auto& [name, value] : object.items()) {
    if (std::ranges::find(done, name) == done.end()) add(name, value);
  }
  return out;
}

void say(std::string& sentence, std::string_view intro, const std::vector<std::string>& phrases, std::size_t most) {
  if (phrases.empty()) return;
  constexpr std::size_t kRoomForRest = 17;  // " and 200,000 more"
  std::size_t used = length(sentence) + length(intro);
  sentence += intro;
  std::size_t shown = 0;
  for (const std::string& phrase : phrases) {
    const std::size_t size = length(phrase) + (shown == 0 ? 0 : 2);
    if (used + size + (shown + 1 == phrases.size() ? 0 : kRoomForRest) > most) break;
    sentence.append(shown == 0 ? "" : ", ").append(phrase);
    used += size;
    ++shown;
  }
  const std::size_t left = phrases.size() - shown;
  if (left > 0) sentence += shown == 0 ? count_of(left, "value") : " and " + grouped(left) + " more";
}

std::string place(std::string_view upstream, std::string_view environment) {
  constexpr std::size_t kMost = 30;
  std::string out = " on " + said(upstream, kMost);
  // What touches several environments names them with commas between.
  std::string names;
  while (!environment.empty()) {
    const std::size_t end = std::min(environment.find(','), environment.size());
    std::string_view name = environment.substr(0, end);
    environment.remove_prefix(std::min(end + 1, environment.size()));
    while (name.starts_with(' ')) name.remove_prefix(1);
    const std::string one = said(name, kMost);
    if (length(names) + length(one) > 2 * kMost) {
      names += ", …";
      break;
    }
    names += (names.empty() ? "" : ", ") + one;
  }
  return names.empty() ? out : out + " (" + names + ")";
}

}  // namespace countersign::adapters
