// Smithy RPC v2 bodies. A reader of its own: auth/cbor.h reads a small deterministic subset, and clients send more.
#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/json_reader.h"
#include "proxy/adapters/aws_value.h"

namespace countersign::adapters {
namespace {

std::unexpected<Error> refuse(std::string_view why) {
  return fail(ErrorKind::malformed, "aws.malformed", "the body is not accepted as CBOR: " + std::string(why));
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < have ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += k <= have ? kAlphabet[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

class Reader {
 public:
  Reader(std::string_view bytes, AwsTree& tree) : bytes_(bytes), tree_(tree) {}

  Status read() {
    if (bytes_.empty()) return {};
    if (Status read = value(tree_.root(), 0); !read) return read;
    if (at_ != bytes_.size()) return refuse("bytes follow it");
    if (!tree_.root().is_object()) return refuse("it is no map");
    return {};
  }

 private:
  struct Head {
    unsigned major = 0;
    unsigned info = 0;  // 31: of indefinite length
    std::uint64_t argument = 0;
  };

  Result<Head> head() {
    if (at_ >= bytes_.size()) return refuse("it ends early");
    auto initial = static_cast<unsigned char>(bytes_[at_++]);
    Head out{static_cast<unsigned>(initial >> 5), initial & 31U, initial & 31U};
    if (out.info < 24 || out.info == 31) return out;
    if (out.info > 27) return refuse("a reserved length");
    std::size_t size = std::size_t{1} << (out.info - 24);
    if (bytes_.size() - at_ < size) return refuse("it ends early");
    out.argument = 0;
    for (std::size_t i = 0; i < size; ++i) out.argument = out.argument << 8 | static_cast<unsigned char>(bytes_[at_++]);
    return out;
  }

  // A byte or text string, whole or in pieces of its own kind.
  Result<std::string> contents(const Head& of) {
    if (of.info != 31) {
      if (of.argument > bytes_.size() - at_) return refuse("it ends early");
      std::string out(bytes_.substr(at_, of.argument));
      at_ += of.argument;
      return out;
    }
    std::string out;
    while (!at_break()) {
      Result<Head> piece = head();
      if (!piece) return fail(piece.error());
      if (piece->major != of.major || piece->info == 31) return refuse("a piece of another kind in a string");
      Result<std::string> part = contents(*piece);
      if (!part) return fail(part.error());
      out += *part;
    }
    return out;
  }

  bool at_break() {
    if (at_ >= bytes_.size() || static_cast<unsigned char>(bytes_[at_]) != 0xFF) return false;
    ++at_;
    return true;
  }

  Status text(AwsNode& into, const Head& of) {
    Result<std::string> found = contents(of);
    if (!found) return fail(found.error());
    if (of.major == 3 && !is_utf8(*found)) return refuse("text that is not UTF-8");
    into.kind = AwsKind::string;
    into.text = tree_.keep(of.major == 2 ? base64(*found) : *found);
    return {};
  }

  Status items(AwsNode& into, const Head& of, std::size_t depth) {
    into.kind = of.major == 4 ? AwsKind::array : AwsKind::object;
    if (of.info != 31 && of.argument > bytes_.size() - at_) return refuse("it ends early");
    std::vector<std::string_view> keys;
    for (std::uint64_t i = 0; of.info == 31 ? !at_break() : i < of.argument; ++i) {
      std::string_view key;
      if (of.major == 5) {
        Result<Head> name = head();
        if (!name) return fail(name.error());
        if (name->major != 3) return refuse("a key that is no text");
        Result<std::string> found = contents(*name);
        if (!found) return fail(found.error());
        if (!is_utf8(*found)) return refuse("text that is not UTF-8");
        key = tree_.keep(*found);
        keys.push_back(key);
      }
      if (Status read = value(tree_.add(into, key, AwsKind::null), depth + 1); !read) return read;
    }
    std::ranges::sort(keys);
    if (std::ranges::adjacent_find(keys) != keys.end()) return refuse("a key appears twice");
    return {};
  }

  Status number(AwsNode& into, double value) {
    if (!std::isfinite(value)) return refuse("a number that is not finite");
    char digits[40];
    auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), value);
    into.kind = AwsKind::number;
    into.text = tree_.keep({digits, static_cast<std::size_t>(end - digits)});
    return error == std::errc() ? Status() : refuse("a number that cannot be written");
  }

  Status simple(AwsNode& into, const Head& of) {
    switch (of.info) {
      case 20:
      case 21:
        into.kind = AwsKind::boolean;
        into.flag = of.info == 21;
        return {};
      case 22:
      case 23:
        into.kind = AwsKind::null;
        return {};
      case 25:
        return number(into, half(static_cast<std::uint16_t>(of.argument)));
      case 26:
        return number(into, std::bit_cast<float>(static_cast<std::uint32_t>(of.argument)));
      case 27:
        return number(into, std::bit_cast<double>(of.argument));
      default:
        return refuse("a simple value without meaning here");
    }
  }

  // RFC 8949 appendix D.
  static double half(std::uint16_t bits) {
    int exponent = bits >> 10 & 31;
    double mantissa = bits & 1023;
    double value = exponent == 0        ? std::ldexp(mantissa, -24)
                   : exponent != 31     ? std::ldexp(mantissa + 1024, exponent - 25)
                   : (bits & 1023) == 0 ? HUGE_VAL
                                        : std::nan("");
    return bits & 0x8000 ? -value : value;
  }

  Status value(AwsNode& into, std::size_t depth) {
    if (depth > kAwsDepth) return refuse("it is nested too deeply");
    if (Status taken = tree_.takes_more(); !taken) return taken;
    const std::size_t begin = at_;
    Status read = item(into, depth);
    into.begin = static_cast<std::uint32_t>(begin);
    into.end = static_cast<std::uint32_t>(at_);
    return read;
  }

  Status item(AwsNode& into, std::size_t depth) {
    Result<Head> of = head();
    if (!of) return fail(of.error());
    if (of->info == 31 && (of->major < 2 || of->major > 5)) return refuse("a length that must be definite");
    switch (of->major) {
      case 0:
        into.kind = AwsKind::number;
        into.text = tree_.keep(std::to_string(of->argument));
        return {};
      case 1:
        into.kind = AwsKind::number;
        if (of->argument == UINT64_MAX) return refuse("a number that is too small");
        into.text = tree_.keep("-" + std::to_string(of->argument + 1));
        return {};
      case 2:
      case 3:
        return text(into, *of);
      case 4:
      case 5:
        return items(into, *of, depth);
      case 6:
        return of->argument == 1 ? value(into, depth + 1) : refuse("a tag without meaning here");
      default:
        return simple(into, *of);
    }
  }

  std::string_view bytes_;
  AwsTree& tree_;
  std::size_t at_ = 0;
};

}  // namespace

Status read_aws_cbor(std::string_view bytes, AwsTree& tree) {
  if (Status taken = tree.takes(bytes); !taken) return taken;
  return Reader(bytes, tree).read();
}

}  // namespace countersign::adapters
