#include "auth/cbor.h"

#include <algorithm>
#include <limits>

namespace countersign::auth {
namespace {

// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(ByteView text) {
  std::size_t i = 0;
  while (i < text.size()) {
    std::uint8_t lead = text[i];
    if (lead < 0x80) {
      ++i;
      continue;
    }
    std::size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || text.size() - i <= more) return false;
    std::uint8_t second = text[i + 1];
    std::uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    std::uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) return false;
    for (std::size_t k = 2; k <= more; ++k) {
      if ((text[i + k] & 0xc0) != 0x80) return false;
    }
    i += more + 1;
  }
  return true;
}

}  // namespace

std::string_view cbor_fault_text(CborFault fault) {
  switch (fault) {
    case CborFault::none:
      return "no fault";
    case CborFault::malformed:
      return "not CBOR";
    case CborFault::not_deterministic:
      return "keys out of order or a length not in its shortest form";
    case CborFault::duplicate_key:
      return "a repeated key";
    case CborFault::unsupported:
      return "a type outside the subset";
    case CborFault::unexpected_type:
      return "a value of the wrong type";
    case CborFault::too_deep:
      return "nested too deeply";
    case CborFault::too_large:
      return "too many items";
    case CborFault::trailing:
      return "bytes after the end";
  }
  return "a fault";
}

bool CborReader::refuse(CborFault fault) {
  if (fault_ == CborFault::none) fault_ = fault;
  return false;
}

CborReader::Head CborReader::any_head() {
  if (fault_ != CborFault::none) return {};
  if (done_) return refuse(CborFault::trailing), Head{};
  if (at_ >= input_.size()) return refuse(CborFault::malformed), Head{};
  if (++items_ > kCborItems) return refuse(CborFault::too_large), Head{};
  start_ = at_;
  std::uint8_t initial = input_[at_++];
  unsigned major = initial >> 5;
  unsigned info = initial & 31U;
  if (major == 6) return refuse(CborFault::unsupported), Head{};
  if (major == 7) {
    if (info == 20 || info == 21) return {CborType::boolean, info - 20U};
    return refuse(info >= 28 && info <= 30 ? CborFault::malformed : CborFault::unsupported), Head{};
  }
  if (info == 31) return refuse(major < 2 ? CborFault::malformed : CborFault::not_deterministic), Head{};
  if (info > 27) return refuse(CborFault::malformed), Head{};

  Head head;
  constexpr std::array<CborType, 6> kTypes = {CborType::uint, CborType::nint,  CborType::bytes,
                                              CborType::text, CborType::array, CborType::map};
  head.type = kTypes[major];
  head.argument = info;
  if (info >= 24) {
    std::size_t width = std::size_t{1} << (info - 24);
    if (input_.size() - at_ < width) return refuse(CborFault::malformed), Head{};
    head.argument = 0;
    for (std::size_t i = 0; i < width; ++i) head.argument = (head.argument << 8) | input_[at_++];
    bool shortest = width == 1 ? head.argument >= 24 : (head.argument >> (8 * (width / 2))) != 0;
    if (!shortest) return refuse(CborFault::not_deterministic), Head{};
  }
  bool container = head.type == CborType::array || head.type == CborType::map;
  bool as_key = depth_ > 0 && frames_[depth_ - 1].awaits == Awaits::key;
  if (container && as_key) return refuse(CborFault::malformed), Head{};
  return head;
}

CborReader::Head CborReader::head(CborType wanted) {
  Head head = any_head();
  if (fault_ == CborFault::none && head.type != wanted) return refuse(CborFault::unexpected_type), Head{};
  return head;
}

ByteView CborReader::contents(const Head& head) {
  if (head.argument > input_.size() - at_) return refuse(CborFault::malformed), ByteView{};
  ByteView view = input_.subspan(at_, static_cast<std::size_t>(head.argument));
  if (head.type == CborType::text && !is_utf8(view)) return refuse(CborFault::malformed), ByteView{};
  at_ += view.size();
  return view;
}

void CborReader::complete() {
  ByteView item = input_.subspan(start_, at_ - start_);
  while (true) {
    if (depth_ == 0) {
      done_ = true;
      return;
    }
    Frame& frame = frames_[depth_ - 1];
    if (frame.awaits == Awaits::key) {
      if (keys_ == CborKeys::sorted && !frame.previous_key.empty() &&
          !std::ranges::lexicographical_compare(frame.previous_key, item)) {
        refuse(std::ranges::equal(frame.previous_key, item) ? CborFault::duplicate_key : CborFault::not_deterministic);
        return;
      }
      frame.previous_key = item;
      frame.awaits = Awaits::value;
      return;
    }
    if (frame.awaits == Awaits::value) frame.awaits = Awaits::key;
    if (--frame.remaining > 0) return;
    --depth_;
  }
}

void CborReader::enter(const Head& head) {
  bool pairs = head.type == CborType::map;
  std::size_t left = input_.size() - at_;
  // Every element takes at least a byte, so a count past the input is a lie and is not looped over.
  if (head.argument > (pairs ? left / 2 : left)) {
    refuse(CborFault::malformed);
    return;
  }
  if (depth_ == kCborDepth) {
    refuse(CborFault::too_deep);
    return;
  }
  if (head.argument == 0) {
    complete();
    return;
  }
  frames_[depth_++] = {static_cast<std::size_t>(head.argument), pairs ? Awaits::key : Awaits::element, {}};
}

std::uint64_t CborReader::uint() {
  Head found = head(CborType::uint);
  if (fault_ != CborFault::none) return 0;
  complete();
  return fault_ == CborFault::none ? found.argument : 0;
}

std::int64_t CborReader::integer() {
  Head found = any_head();
  if (fault_ != CborFault::none) return 0;
  bool fits = found.argument <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if ((found.type != CborType::uint && found.type != CborType::nint) || !fits) {
    refuse(CborFault::unexpected_type);
    return 0;
  }
  complete();
  if (fault_ != CborFault::none) return 0;
  auto value = static_cast<std::int64_t>(found.argument);
  return found.type == CborType::uint ? value : -1 - value;
}

bool CborReader::boolean() {
  Head found = head(CborType::boolean);
  if (fault_ != CborFault::none) return false;
  if (depth_ > 0 && frames_[depth_ - 1].awaits == Awaits::key) return refuse(CborFault::malformed);
  complete();
  return found.argument == 1;
}

std::string_view CborReader::text() {
  Head found = head(CborType::text);
  if (fault_ != CborFault::none) return {};
  ByteView view = contents(found);
  if (fault_ != CborFault::none) return {};
  complete();
  return fault_ == CborFault::none ? as_text(view) : std::string_view();
}

ByteView CborReader::bytes() {
  Head found = head(CborType::bytes);
  if (fault_ != CborFault::none) return {};
  ByteView view = contents(found);
  if (fault_ != CborFault::none) return {};
  complete();
  return fault_ == CborFault::none ? view : ByteView();
}

std::size_t CborReader::array() {
  Head found = head(CborType::array);
  if (fault_ != CborFault::none) return 0;
  enter(found);
  return fault_ == CborFault::none ? static_cast<std::size_t>(found.argument) : 0;
}

std::size_t CborReader::map() {
  Head found = head(CborType::map);
  if (fault_ != CborFault::none) return 0;
  enter(found);
  return fault_ == CborFault::none ? static_cast<std::size_t>(found.argument) : 0;
}

CborType CborReader::peek() const {
  if (fault_ != CborFault::none || done_ || at_ >= input_.size()) return CborType::other;
  switch (input_[at_] >> 5) {
    case 0:
      return CborType::uint;
    case 1:
      return CborType::nint;
    case 2:
      return CborType::bytes;
    case 3:
      return CborType::text;
    case 4:
      return CborType::array;
    case 5:
      return CborType::map;
    default:
      return input_[at_] == 0xf4 || input_[at_] == 0xf5 ? CborType::boolean : CborType::other;
  }
}

void CborReader::skip() {
  // Counts items instead of recursing: a container adds what it holds.
  for (std::size_t left = 1; left > 0 && fault_ == CborFault::none; --left) {
    switch (peek()) {
      case CborType::uint:
      case CborType::nint: {
        any_head();
        if (fault_ == CborFault::none) complete();
        break;
      }
      case CborType::bytes:
        (void)bytes();
        break;
      case CborType::text:
        (void)text();
        break;
      case CborType::boolean:
        (void)boolean();
        break;
      case CborType::array:
        left += array();
        break;
      case CborType::map:
        left += 2 * map();
        break;
      case CborType::other:
        any_head();
        refuse(CborFault::unsupported);
        break;
    }
  }
}

void CborReader::finish() {
  if (fault_ != CborFault::none) return;
  if (!done_) {
    refuse(CborFault::malformed);
  } else if (at_ != input_.size()) {
    refuse(CborFault::trailing);
  }
}

void CborWriter::head(unsigned major, std::uint64_t argument) {
  auto type = static_cast<std::uint8_t>(major << 5);
  if (argument < 24) {
    out_.push_back(static_cast<std::uint8_t>(type | argument));
    return;
  }
  int width = argument > 0xffff'ffffU ? 3 : argument > 0xffff ? 2 : argument > 0xff ? 1 : 0;
  out_.push_back(static_cast<std::uint8_t>(type | (24 + width)));
  for (int shift = 8 * ((1 << width) - 1); shift >= 0; shift -= 8) {
    out_.push_back(static_cast<std::uint8_t>(argument >> shift));
  }
}

CborWriter& CborWriter::uint(std::uint64_t value) {
  head(0, value);
  return *this;
}

CborWriter& CborWriter::integer(std::int64_t value) {
  if (value >= 0) {
    head(0, static_cast<std::uint64_t>(value));
  } else {
    head(1, static_cast<std::uint64_t>(-1 - value));
  }
  return *this;
}

CborWriter& CborWriter::boolean(bool value) {
  out_.push_back(value ? 0xf5 : 0xf4);
  return *this;
}

CborWriter& CborWriter::text(std::string_view value) {
  head(3, value.size());
  out_.insert(out_.end(), value.begin(), value.end());
  return *this;
}

CborWriter& CborWriter::bytes(ByteView value) {
  head(2, value.size());
  out_.insert(out_.end(), value.begin(), value.end());
  return *this;
}

CborWriter& CborWriter::array(std::size_t count) {
  head(4, count);
  return *this;
}

CborWriter& CborWriter::map(std::size_t pairs) {
  head(5, pairs);
  return *this;
}

}  // namespace countersign::auth
