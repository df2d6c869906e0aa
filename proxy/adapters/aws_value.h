// Values of an AWS request, whatever form they came in: JSON, CBOR, XML and forms all become one kind of tree.
//
// A tree owns its nodes and texts and is filled by one thread; nodes live as long as the tree does.
#pragma once

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace countersign::adapters {

enum class AwsKind : std::uint8_t { null, boolean, number, string, array, object };

struct AwsNode {
  AwsKind kind = AwsKind::null;
  bool flag = false;      // of a boolean
  bool secret = false;    // never shown: to_json writes a mark in its place, whatever is below it
  bool many = false;      // of an object: a map, whose keys are no names of the model; of an array: made of repetitions
  std::string_view key;   // of a member; empty for elements
  std::string_view text;  // of a string; a number as it was written
  AwsNode* first = nullptr;  // children, in order
  AwsNode* last = nullptr;
  AwsNode* next = nullptr;
  std::uint32_t count = 0;  // of children
  // Where the value stands in what was read; of XML and CBOR only. Of an element what is between its tags, of an
  // attribute what is between the quotes, of an item of CBOR all its bytes. Nothing when there is nothing: <Name/>.
  std::uint32_t begin = 0;
  std::uint32_t end = 0;

  // The first child of that key, nullptr when there is none.
  [[nodiscard]] const AwsNode* member(std::string_view name) const;
  [[nodiscard]] bool is_array() const { return kind == AwsKind::array; }
  [[nodiscard]] bool is_object() const { return kind == AwsKind::object; }
  [[nodiscard]] bool is_string() const { return kind == AwsKind::string; }
  // As every form may spell it: true, "true", "True", 1. Anything else is neither.
  [[nodiscard]] bool is_true() const;
  [[nodiscard]] bool is_false() const;
  // A number, or a string that spells one.
  [[nodiscard]] std::optional<double> number() const;
};

// How a request may be read; past these it is refused.
inline constexpr std::size_t kAwsParsedBytes = 1U << 20;  // of a body
inline constexpr std::size_t kAwsDepth = 48;
inline constexpr std::size_t kAwsNodes = 100'000;

struct AwsTreeLimits {
  std::size_t bytes = kAwsParsedBytes;
  std::size_t nodes = kAwsNodes;
};

class AwsTree {
 public:
  explicit AwsTree(AwsTreeLimits limits = {});
  AwsTree(AwsTree&&) noexcept = default;
  AwsTree& operator=(AwsTree&&) noexcept = default;

  [[nodiscard]] AwsNode& root() { return *root_; }
  [[nodiscard]] const AwsNode& root() const { return *root_; }
  // A new last child of `parent`. `key` and a node's text must outlive the tree: keep() what does not.
  AwsNode& add(AwsNode& parent, std::string_view key, AwsKind kind);
  AwsNode& add_string(AwsNode& parent, std::string_view key, std::string_view text);
  std::string_view keep(std::string_view text);
  // How many nodes there are.
  [[nodiscard]] std::size_t size() const { return size_; }
  // Errors: aws.too_large. Readers ask before they begin, and before each value.
  [[nodiscard]] Status takes(std::string_view text) const;
  [[nodiscard]] Status takes_more() const;
  [[nodiscard]] const AwsTreeLimits& limits() const { return limits_; }

 private:
  std::unique_ptr<std::pmr::monotonic_buffer_resource> memory_;
  AwsNode* root_ = nullptr;
  std::size_t size_ = 0;
  AwsTreeLimits limits_;
};

// JSON with the members of objects in ascending byte order; those of one name become a list. Secrets are "[secret]".
[[nodiscard]] std::string to_json(const AwsNode& node);

// The readers of the four forms. Each fills tree.root(). Errors: aws.malformed, aws.too_large (too many values).
//
// JSON (RFC 8259), an object, strictly: core/json_reader.h. An empty text is an empty object.
Status read_aws_json(std::string_view text, AwsTree& tree);
// CBOR (RFC 8949), a map with text keys, as the RPC v2 protocol of Smithy writes it: definite and indefinite lengths,
// floats, tag 1. Repeated keys and other tags are refused. Byte strings become base64.
Status read_aws_cbor(std::string_view bytes, AwsTree& tree);
// XML, as S3 and its kin write it: elements, text, the five named entities and character references. No document type,
// comment, CDATA, processing instruction or name prefix. The root's children are those of the outermost element, whose
// name becomes the root's key; attributes but xmlns are members. A repeated element is a repeated key.
Status read_aws_xml(std::string_view text, AwsTree& tree);
// application/x-www-form-urlencoded with dotted names: "Tags.member.1.Key=a" is {"Tags":{"member":{"1":{"Key":"a"}}}}.
// May be called once for the query and once for the body: a name that occurs twice is refused with aws.contradictory.
struct AwsPair {
  std::string_view key;    // decoded
  std::string_view value;  // decoded
  bool has_equals = false;
};
inline constexpr std::size_t kAwsPairs = 20'000;
// Decodes `text` into pairs, in order; `tree` keeps the texts. In a query, '+' is a space only when `plus` says so.
enum class AwsPlus : std::uint8_t { space, literal };
Status read_aws_pairs(std::string_view text, AwsPlus plus, AwsTree& tree, std::pmr::vector<AwsPair>& out);
Status nest_aws_pairs(std::pmr::vector<AwsPair> pairs, AwsTree& tree);

// Percent-decoding, once. Error: aws.malformed for a bad sequence, a NUL byte, or what is not UTF-8.
Result<std::string> decode_aws_percent(std::string_view text, AwsPlus plus);

}  // namespace countersign::adapters
