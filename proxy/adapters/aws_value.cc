#include "proxy/adapters/aws_value.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

#include "core/json_reader.h"
#include "core/words.h"

namespace countersign::adapters {
namespace {

constexpr std::size_t kFirstBlock = 8192;

void append(const AwsNode& node, std::string& out);

// Elements of XML that the model does not know may be repeated: they become a list.
void append_members(const AwsNode& node, std::string& out) {
  std::vector<std::pair<const AwsNode*, std::uint32_t>> members;
  members.reserve(node.count);
  for (const AwsNode* each = node.first; each; each = each->next)
    members.emplace_back(each, static_cast<std::uint32_t>(members.size()));
  std::ranges::sort(members, {}, [](const auto& each) { return std::pair(each.first->key, each.second); });
  out += '{';
  for (std::size_t i = 0; i < members.size();) {
    std::size_t end = i + 1;
    while (end < members.size() && members[end].first->key == members[i].first->key) ++end;
    if (i > 0) out += ',';
    append_json_string(members[i].first->key, out);
    out += end - i > 1 ? ":[" : ":";
    for (std::size_t k = i; k < end; ++k) {
      if (k > i) out += ',';
      append(*members[k].first, out);
    }
    if (end - i > 1) out += ']';
    i = end;
  }
  out += '}';
}

void append(const AwsNode& node, std::string& out) {
  if (node.secret) {
    out += "\"[secret]\"";
    return;
  }
  switch (node.kind) {
    case AwsKind::null:
      out += "null";
      return;
    case AwsKind::boolean:
      out += node.flag ? "true" : "false";
      return;
    case AwsKind::number:
      out += node.text;
      return;
    case AwsKind::string:
      append_json_string(node.text, out);
      return;
    case AwsKind::object:
      append_members(node, out);
      return;
    case AwsKind::array:
      break;
  }
  out += '[';
  for (const AwsNode* each = node.first; each; each = each->next) {
    if (each != node.first) out += ',';
    append(*each, out);
  }
  out += ']';
}

Status copy(JsonValue value, AwsTree& tree, AwsNode& into) {
  if (Status taken = tree.takes_more(); !taken) return taken;
  switch (value.kind()) {
    case JsonKind::null:
      into.kind = AwsKind::null;
      return {};
    case JsonKind::boolean:
      into.kind = AwsKind::boolean;
      into.flag = *value.boolean();
      return {};
    case JsonKind::integer:
    case JsonKind::unsigned_integer:
    case JsonKind::number:
      into.kind = AwsKind::number;
      into.text = tree.keep(value.canonical());
      return {};
    case JsonKind::string:
      into.kind = AwsKind::string;
      into.text = tree.keep(*value.string());
      return {};
    case JsonKind::array:
      into.kind = AwsKind::array;
      break;
    case JsonKind::object:
      into.kind = AwsKind::object;
      break;
  }
  for (JsonValue each = value.first(); each; each = each.next()) {
    AwsNode& child = tree.add(into, into.is_object() ? tree.keep(each.key()) : std::string_view(), AwsKind::null);
    if (Status copied = copy(each, tree, child); !copied) return copied;
  }
  return {};
}

}  // namespace

const AwsNode* AwsNode::member(std::string_view name) const {
  if (kind != AwsKind::object) return nullptr;
  for (const AwsNode* each = first; each; each = each->next) {
    if (each->key == name) return each;
  }
  return nullptr;
}

bool AwsNode::is_true() const {
  if (kind == AwsKind::boolean) return flag;
  return kind == AwsKind::string && (text == "true" || text == "True" || text == "TRUE" || text == "1");
}

bool AwsNode::is_false() const {
  if (kind == AwsKind::boolean) return !flag;
  return kind == AwsKind::string && (text == "false" || text == "False" || text == "FALSE" || text == "0");
}

std::optional<double> AwsNode::number() const {
  if (kind != AwsKind::number && kind != AwsKind::string) return std::nullopt;
  double value = 0;
  auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

AwsTree::AwsTree(AwsTreeLimits limits)
    : memory_(std::make_unique<std::pmr::monotonic_buffer_resource>(kFirstBlock)), limits_(limits) {
  root_ = new (memory_->allocate(sizeof(AwsNode), alignof(AwsNode))) AwsNode();
  root_->kind = AwsKind::object;
}

AwsNode& AwsTree::add(AwsNode& parent, std::string_view key, AwsKind kind) {
  auto* node = new (memory_->allocate(sizeof(AwsNode), alignof(AwsNode))) AwsNode();
  node->kind = kind;
  node->key = key;
  if (parent.last)
    parent.last->next = node;
  else
    parent.first = node;
  parent.last = node;
  ++parent.count;
  ++size_;
  return *node;
}

AwsNode& AwsTree::add_string(AwsNode& parent, std::string_view key, std::string_view text) {
  AwsNode& node = add(parent, key, AwsKind::string);
  node.text = text;
  return node;
}

std::string_view AwsTree::keep(std::string_view text) {
  if (text.empty()) return {};
  auto* bytes = static_cast<char*>(memory_->allocate(text.size(), 1));
  std::memcpy(bytes, text.data(), text.size());
  return {bytes, text.size()};
}

Status AwsTree::takes(std::string_view text) const {
  if (text.size() <= limits_.bytes) return {};
  return fail(ErrorKind::too_large, "aws.too_large", "the body is too long to be read");
}

Status AwsTree::takes_more() const {
  if (size_ <= limits_.nodes) return {};
  return fail(ErrorKind::too_large, "aws.too_large", "the body has too many values");
}

std::string to_json(const AwsNode& node) {
  std::string out;
  append(node, out);
  return out;
}

Status read_aws_json(std::string_view text, AwsTree& tree) {
  if (text.empty()) return {};
  const AwsTreeLimits& limits = tree.limits();
  Result<JsonDocument> document =
      JsonDocument::parse(text, {.bytes = limits.bytes, .depth = kAwsDepth, .values = limits.nodes});
  if (!document) {
    return fail(ErrorKind::malformed, document.error().code == "json.too_large" ? "aws.too_large" : "aws.malformed",
                "the body is not accepted as JSON: " + document.error().message);
  }
  if (!document->root().is_object())
    return fail(ErrorKind::malformed, "aws.malformed", "the body is JSON, but no object");
  return copy(document->root(), tree, tree.root());
}

}  // namespace countersign::adapters
