// A strict reader and a plain writer for a small, deterministic subset of CBOR (RFC 8949 section 4.2.1, "core
// deterministic encoding"): unsigned and negative integers, byte strings, text strings, arrays, maps, true and false.
//
// Everything else is refused: tags, floats, null, undefined, indefinite lengths, integers and lengths that are not in
// their shortest form, map keys that are not in ascending byte order of their encoding (so repeated ones too), text
// that is not UTF-8, and bytes after the one top-level item. So a value has exactly one encoding, and two readers
// cannot disagree about what an authenticated block says.
//
// Neither class allocates while it reads; views point into the input. An object belongs to one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/bytes.h"

namespace countersign::auth {

enum class CborFault : std::uint8_t {
  none,
  malformed,          // ends early, reserved bits, text that is not UTF-8, a key that is an array or a map
  not_deterministic,  // a longer form than needed, indefinite length, keys out of order
  duplicate_key,
  unsupported,      // tag, float, null, undefined, other simple value
  unexpected_type,  // valid, but not what the caller asked for
  too_deep,         // more than kCborDepth nested arrays and maps
  too_large,        // more than kCborItems data items
  trailing,         // bytes after the top-level item
};
// One plain phrase for messages: "keys out of order or not in shortest form".
[[nodiscard]] std::string_view cbor_fault_text(CborFault fault);

enum class CborType : std::uint8_t { uint, nint, bytes, text, array, map, boolean, other };

inline constexpr std::size_t kCborDepth = 8;
inline constexpr std::size_t kCborItems = 2048;

// What a reader asks of map keys. Tokens are `sorted`. `any_order` is for what others write and we only read
// (passkeys): then the caller looks for repeated keys itself, among those it reads.
enum class CborKeys : std::uint8_t { sorted, any_order };

// Reads items in order. The first fault sticks: every later read returns zero, empty or false, so that a decoder reads
// straight through, loops end, and `fault()` is looked at once before anything read is used.
//
//   CborReader in(block);
//   for (std::size_t n = in.map(); n > 0; --n) { std::string_view key = in.text(); … }
//   in.finish();
//   if (in.fault() != CborFault::none) …
class CborReader {
 public:
  explicit CborReader(ByteView input, CborKeys keys = CborKeys::sorted) : input_(input), keys_(keys) {}

  [[nodiscard]] std::uint64_t uint();
  // Any integer that fits; others are unexpected_type.
  [[nodiscard]] std::int64_t integer();
  [[nodiscard]] bool boolean();
  [[nodiscard]] std::string_view text();
  [[nodiscard]] ByteView bytes();
  // Enters an array: the number of its elements, which are read next.
  [[nodiscard]] std::size_t array();
  // Enters a map: the number of its pairs; key and value are read in turn.
  [[nodiscard]] std::size_t map();
  // Passes over one item of any type, checking it as strictly as a read would.
  void skip();
  // The type of the next item; `other` at the end and for everything outside the subset.
  [[nodiscard]] CborType peek() const;
  // The top-level item must be complete and the input used up.
  void finish();

  // Whether the top-level item is complete, and how many bytes have been read.
  [[nodiscard]] bool complete_item() const { return done_ && fault_ == CborFault::none; }
  [[nodiscard]] std::size_t consumed() const { return at_; }

  [[nodiscard]] CborFault fault() const { return fault_; }

 private:
  enum class Awaits : std::uint8_t { element, key, value };
  struct Frame {
    std::size_t remaining = 0;  // elements, or pairs
    Awaits awaits = Awaits::element;
    ByteView previous_key;
  };
  struct Head {
    CborType type = CborType::other;
    std::uint64_t argument = 0;
  };

  // Reads the initial byte and argument of the next item, and checks what can be checked there.
  Head head(CborType wanted);
  Head any_head();
  // A byte or text string's contents.
  ByteView contents(const Head& head);
  void enter(const Head& head);
  // An item that began at start_ is complete: checks the order of keys and closes containers.
  void complete();
  bool refuse(CborFault fault);

  ByteView input_;
  std::size_t at_ = 0;
  std::size_t start_ = 0;  // of the item being read
  std::size_t items_ = 0;
  std::size_t depth_ = 0;
  bool done_ = false;
  CborKeys keys_;
  CborFault fault_ = CborFault::none;
  std::array<Frame, kCborDepth> frames_{};
};

// Writes items in shortest form. The caller announces counts and names map keys in canonical order (shorter keys first,
// then byte order); what is written is always read back by a decoder before it is used.
class CborWriter {
 public:
  CborWriter& uint(std::uint64_t value);
  CborWriter& integer(std::int64_t value);
  CborWriter& boolean(bool value);
  CborWriter& text(std::string_view value);
  CborWriter& bytes(ByteView value);
  CborWriter& array(std::size_t count);
  CborWriter& map(std::size_t pairs);

  [[nodiscard]] const Bytes& written() const { return out_; }

 private:
  void head(unsigned major, std::uint64_t argument);
  Bytes out_;
};

}  // namespace countersign::auth
