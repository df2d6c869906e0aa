#include <algorithm>

#include "core/json_reader.h"
#include "proxy/adapters/aws_value.h"

namespace countersign::adapters {
namespace {

std::unexpected<Error> refuse(std::string_view why) {
  return fail(ErrorKind::malformed, "aws.malformed", std::string(why));
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Result<std::string> decode_aws_percent(std::string_view text, AwsPlus plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus == AwsPlus::space) {
      out += ' ';
      continue;
    }
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return refuse("a percent sign is not followed by two hexadecimal digits");
    out += static_cast<char>(static_cast<unsigned char>(high * 16 + low));
    i += 2;
  }
  if (out.find('\0') != std::string::npos) return refuse("an encoded NUL byte");
  if (!is_utf8(out)) return refuse("an encoded text is not UTF-8");
  return out;
}

Status read_aws_pairs(std::string_view text, AwsPlus plus, AwsTree& tree, std::pmr::vector<AwsPair>& out) {
  while (!text.empty()) {
    std::size_t end = std::min(text.find('&'), text.size());
    std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    if (out.size() >= kAwsPairs) return fail(ErrorKind::too_large, "aws.too_large", "the request has too many values");
    if (pair.find(';') != std::string_view::npos && pair.find(';') < pair.find('='))
      return refuse("a ';' in a parameter's name: some readers take it for '&'");
    std::size_t equals = pair.find('=');
    auto plain = [&](std::string_view part) { return part.find_first_of("%+") == std::string_view::npos; };
    auto decoded = [&](std::string_view part) -> Result<std::string_view> {
      if (plain(part) && is_utf8(part)) return part;
      Result<std::string> bytes = decode_aws_percent(part, plus);
      if (!bytes) return fail(bytes.error());
      return tree.keep(*bytes);
    };
    Result<std::string_view> key = decoded(pair.substr(0, equals));
    if (!key) return fail(key.error());
    bool has_equals = equals != std::string_view::npos;
    Result<std::string_view> value = decoded(has_equals ? pair.substr(equals + 1) : std::string_view());
    if (!value) return fail(value.error());
    out.push_back({*key, *value, has_equals});
  }
  return {};
}

Status nest_aws_pairs(std::pmr::vector<AwsPair> pairs, AwsTree& tree) {
  // Sorted, the names below one dotted prefix stand side by side, so that only the last child is ever looked at.
  std::ranges::sort(pairs, {}, &AwsPair::key);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const AwsPair& pair = pairs[i];
    if (pair.key.empty()) return refuse("a parameter without a name");
    if (i > 0 && pairs[i - 1].key == pair.key) {
      return fail(ErrorKind::malformed, "aws.contradictory",
                  "the parameter " + std::string(pair.key) + " is given more than once");
    }
    AwsNode* at = &tree.root();
    std::string_view rest = pair.key;
    for (std::size_t depth = 0;; ++depth) {
      if (depth > kAwsDepth) return refuse("a parameter's name has too many parts");
      std::size_t dot = rest.find('.');
      std::string_view part = rest.substr(0, dot);
      if (part.empty()) return refuse("a parameter's name has an empty part");
      if (dot == std::string_view::npos) {
        tree.add_string(*at, part, pair.value);
        break;
      }
      at =
          at->last && at->last->key == part && at->last->is_object() ? at->last : &tree.add(*at, part, AwsKind::object);
      rest.remove_prefix(dot + 1);
    }
  }
  return {};
}

}  // namespace countersign::adapters
