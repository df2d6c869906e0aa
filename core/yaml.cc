#include "core/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <unordered_set>

namespace countersign::yaml {
namespace {

// Thrown through yaml-cpp's parser to stop it; never leaves parse().
struct Stop {};

// Turns yaml-cpp's events into Nodes itself: its own tree has no duplicate keys to be seen, and resolves aliases.
class Builder final : public YAML::EventHandler {
 public:
  Builder(std::string_view file, std::string_view text, Problems& problems, const Limits& limits)
      : file_(file), text_(text), problems_(problems), limits_(limits) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    place(make(mark, Node::Kind::null));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { stop(mark, "aliases are not allowed here"); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    // yaml-cpp says "?" for a plain scalar and "!" for a quoted one.
    if (tag != "?" && tag != "!" && !tag.empty()) stop(mark, "tags are not allowed here");
    Node node = make(mark, Node::Kind::scalar);
    node.text = value;
    node.quoted = tag == "!";
    if (node.quoted && !is_closed(mark)) stop(mark, "the quote is never closed");
    place(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::map);
  }
  void OnMapEnd() override { close(); }

  void report(int line, int column, std::string message) {
    problems_.push_back({file_, line, column, std::move(message)});
  }
  std::optional<Node> take() { return std::move(root_); }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  struct Frame {
    Node node;
    std::optional<Member> member;  // a key that waits for its value
    std::unordered_set<std::string> keys;
  };

  [[noreturn]] void stop(const YAML::Mark& mark, std::string message) {
    report(mark.line + 1, mark.column + 1, std::move(message));
    throw Stop{};
  }
  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) stop(mark, "anchors are not allowed here");
  }
  Node make(const YAML::Mark& mark, Node::Kind kind) {
    if (++nodes_ > limits_.nodes) stop(mark, "more than " + std::to_string(limits_.nodes) + " values");
    Node node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }
  // yaml-cpp lets the end of the file close a quote, which would swallow every key that follows.
  [[nodiscard]] bool is_closed(const YAML::Mark& mark) const {
    auto at = static_cast<std::size_t>(mark.pos);
    char quote = at < text_.size() ? text_[at] : '\0';
    if (quote != '"' && quote != '\'') return true;  // a block scalar
    for (std::size_t i = at + 1; i < text_.size(); ++i) {
      if (quote == '"' && text_[i] == '\\') {
        ++i;
      } else if (quote == '\'' && text_.substr(i, 2) == "''") {
        ++i;
      } else if (text_[i] == quote) {
        return true;
      }
    }
    return false;
  }
  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind) {
    refuse_anchor(mark, anchor);
    if (tag != "?" && tag != "!" && !tag.empty()) stop(mark, "tags are not allowed here");
    if (stack_.size() >= limits_.depth) stop(mark, "nested deeper than " + std::to_string(limits_.depth) + " levels");
    stack_.push_back({make(mark, kind), std::nullopt, {}});
  }
  void close() {
    Node node = std::move(stack_.back().node);
    stack_.pop_back();
    place(std::move(node));
  }
  void place(Node node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& top = stack_.back();
    if (top.node.kind == Node::Kind::list) {
      top.node.items.push_back(std::move(node));
    } else if (top.member) {
      top.member->value = std::move(node);
      top.node.members.push_back(std::move(*top.member));
      top.member.reset();
    } else {
      top.member = as_key(node, top);
    }
  }
  Member as_key(const Node& node, Frame& top) {
    if (node.kind != Node::Kind::scalar) {
      report(node.line, node.column, "a key must be a word");
      failed_ = true;
    } else if (!top.keys.insert(node.text).second) {
      report(node.line, node.column, "duplicate key `" + node.text + "`");
      failed_ = true;
    }
    return {node.text, node.line, node.column, {}};
  }

  std::string file_;
  std::string_view text_;
  Problems& problems_;
  Limits limits_;
  std::vector<Frame> stack_;
  std::optional<Node> root_;
  std::size_t nodes_ = 0;
  bool failed_ = false;
};

// "end of map not found" says more than "yaml-cpp: error at line 3, column 1: end of map not found".
std::string lower_first(std::string text) {
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
  return text;
}

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7f;
  });
}

std::string_view kind_name(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::scalar:
      return "a single value";
    case Node::Kind::list:
      return "a list";
    case Node::Kind::map:
      return "a map";
  }
  return "nothing";
}

constexpr std::size_t kListLimit = 1000;

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const Member& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

std::optional<Node> parse(std::string_view file, std::string_view text, Problems& problems, const Limits& limits) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark
  Builder builder(file, text, problems, limits);
  if (text.size() > limits.bytes) {
    builder.report(0, 0, "the file has more than " + std::to_string(limits.bytes) + " bytes");
    return std::nullopt;
  }
  if (has_control_character(text)) {
    builder.report(0, 0, "the file has control characters");
    return std::nullopt;
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return Node{.line = 1, .column = 1};
    std::optional<Node> root = builder.take();
    if (parser.HandleNextDocument(builder)) {
      std::optional<Node> second = builder.take();
      builder.report(second ? second->line : 0, second ? second->column : 0, "more than one document");
      return std::nullopt;
    }
    if (builder.failed()) return std::nullopt;
    return root;
  } catch (const Stop&) {
    return std::nullopt;  // reported where it was thrown
  } catch (const YAML::Exception& error) {
    builder.report(error.mark.line + 1, error.mark.column + 1, lower_first(error.msg));
    return std::nullopt;
  }
}

std::optional<Node> parse_file(const std::string& path, Problems& problems, const Limits& limits) {
  Result<std::string> text = read_file(path, limits.bytes);
  if (!text) {
    problems.push_back({path, 0, 0, text.error().message});
    return std::nullopt;
  }
  return parse(path, *text, problems, limits);
}

std::optional<std::int64_t> as_integer(const Node& node) {
  if (node.kind != Node::Kind::scalar || node.quoted) return std::nullopt;
  std::int64_t value = 0;
  const char* last = node.text.data() + node.text.size();
  auto [end, error] = std::from_chars(node.text.data(), last, value);
  if (error != std::errc() || end != last) return std::nullopt;
  return value;
}

std::optional<bool> as_boolean(const Node& node) {
  if (node.kind != Node::Kind::scalar || node.quoted) return std::nullopt;
  if (node.text == "true") return true;
  if (node.text == "false") return false;
  return std::nullopt;
}

std::optional<std::uint64_t> parse_byte_size(std::string_view text) {
  std::uint64_t count = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  unsigned shift = 0;
  if (unit == "KiB") {
    shift = 10;
  } else if (unit == "MiB") {
    shift = 20;
  } else if (unit == "GiB") {
    shift = 30;
  } else if (!unit.empty()) {
    return std::nullopt;
  }
  if (count > std::numeric_limits<std::uint64_t>::max() >> shift) return std::nullopt;
  return count << shift;
}

Map::Map(std::string_view file, const Node& node, std::string what, Problems& problems)
    : file_(file), node_(&node), what_(std::move(what)), problems_(problems) {
  if (node.kind != Node::Kind::map && node.kind != Node::Kind::null)
    problem(node, what_ + " must be a map, not " + std::string(kind_name(node)));
}

void Map::problem(const Node& at, std::string message) const {
  problems_.push_back({file_, at.line, at.column, std::move(message)});
}

void Map::warning(const Node& at, std::string message) const {
  problems_.push_back({file_, at.line, at.column, std::move(message), Severity::warning});
}

void Map::wrong(const Node& at, std::string_view key, std::string_view wanted) const {
  std::string message = "`" + std::string(key) + "` must be " + std::string(wanted);
  if (at.kind == Node::Kind::scalar && !at.quoted) {
    message += ", not `" + at.text.substr(0, 60) + "`";
  } else if (at.kind == Node::Kind::scalar) {
    message += ", not text in quotes";
  } else {
    message += ", not " + std::string(kind_name(at));
  }
  problem(at, std::move(message));
}

const Node* Map::look(std::string_view key) {
  known_.push_back(key);
  return node_->find(key);
}

const Node* Map::scalar(std::string_view key, std::string_view wanted) {
  const Node* node = look(key);
  if (node && node->kind != Node::Kind::scalar) {
    wrong(*node, key, wanted);
    return nullptr;
  }
  return node;
}

const Node* Map::string(std::string_view key, std::string& out) {
  const Node* node = scalar(key, "text");
  if (node) out = node->text;
  return node;
}

const Node* Map::string(std::string_view key, std::optional<std::string>& out) {
  const Node* node = scalar(key, "text");
  if (node) out = node->text;
  return node;
}

const Node* Map::boolean(std::string_view key, bool& out) {
  const Node* node = look(key);
  if (!node) return nullptr;
  std::optional<bool> value = as_boolean(*node);
  if (!value) {
    wrong(*node, key, "true or false");
    return nullptr;
  }
  out = *value;
  return node;
}

const Node* Map::integer(std::string_view key, std::int64_t& out, std::int64_t least, std::int64_t most) {
  const Node* node = look(key);
  if (!node) return nullptr;
  std::optional<std::int64_t> value = as_integer(*node);
  if (!value || *value < least || *value > most) {
    wrong(*node, key, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return nullptr;
  }
  out = *value;
  return node;
}

const Node* Map::duration(std::string_view key, TimeMs& out, TimeMs most) {
  const Node* node = look(key);
  if (!node) return nullptr;
  Result<TimeMs> value = node->kind == Node::Kind::scalar
                             ? parse_duration(node->text)
                             : Result<TimeMs>(fail(ErrorKind::invalid, "duration.malformed", "not text"));
  if (!value) {
    wrong(*node, key, "a duration like 30s, 15m, 4h or 7d");
    return nullptr;
  }
  if (*value > most) {
    wrong(*node, key, "at most " + std::to_string(most / 1000) + "s");
    return nullptr;
  }
  out = *value;
  return node;
}

const Node* Map::byte_size(std::string_view key, std::uint64_t& out, std::uint64_t least, std::uint64_t most) {
  const Node* node = look(key);
  if (!node) return nullptr;
  std::optional<std::uint64_t> value = parse_byte_size(node->kind == Node::Kind::scalar ? node->text : "");
  if (!value) {
    wrong(*node, key, "a size like 65536, 64KiB or 16MiB");
    return nullptr;
  }
  if (*value < least || *value > most) {
    wrong(*node, key, "from " + std::to_string(least) + " to " + std::to_string(most) + " bytes");
    return nullptr;
  }
  out = *value;
  return node;
}

const Node* Map::strings(std::string_view key, std::vector<std::string>& out) {
  const Node* node = list(key);
  if (!node) return nullptr;
  if (node->items.size() > kListLimit) {
    problem(*node, "`" + std::string(key) + "` has more than " + std::to_string(kListLimit) + " items");
    return nullptr;
  }
  std::vector<std::string> values;
  for (const Node& item : node->items) {
    if (item.kind != Node::Kind::scalar) {
      wrong(item, key, "a list of text");
      return nullptr;
    }
    values.push_back(item.text);
  }
  out = std::move(values);
  return node;
}

const Node* Map::strings(std::string_view key, std::map<std::string, std::string>& out) {
  const Node* node = map(key);
  if (!node) return nullptr;
  if (node->members.size() > kListLimit) {
    problem(*node, "`" + std::string(key) + "` has more than " + std::to_string(kListLimit) + " members");
    return nullptr;
  }
  std::map<std::string, std::string> values;
  for (const Member& member : node->members) {
    if (member.value.kind != Node::Kind::scalar) {
      wrong(member.value, member.key, "text");
      return nullptr;
    }
    values[member.key] = member.value.text;
  }
  out = std::move(values);
  return node;
}

const Node* Map::one_of(std::string_view key, std::string& out, const std::vector<std::string_view>& allowed) {
  const Node* node = scalar(key, "text");
  if (!node) return nullptr;
  if (std::ranges::find(allowed, node->text) == allowed.end()) {
    std::string list;
    for (std::string_view word : allowed) list += (list.empty() ? "" : ", ") + std::string(word);
    wrong(*node, key, "one of " + list);
    return nullptr;
  }
  out = node->text;
  return node;
}

const Node* Map::list(std::string_view key) {
  const Node* node = look(key);
  if (node && node->kind != Node::Kind::list) {
    wrong(*node, key, "a list");
    return nullptr;
  }
  return node;
}

const Node* Map::map(std::string_view key) {
  const Node* node = look(key);
  if (node && node->kind != Node::Kind::map) {
    wrong(*node, key, "a map");
    return nullptr;
  }
  return node;
}

const Node* Map::any(std::string_view key) {
  return look(key);
}

bool Map::require(std::string_view key) {
  if (node_->find(key)) return true;
  // A node of another kind has been reported as such.
  if (node_->kind == Node::Kind::map || node_->kind == Node::Kind::null)
    problem(*node_, what_ + " needs `" + std::string(key) + "`");
  return false;
}

const std::vector<Member>& Map::members() {
  all_known_ = true;
  return node_->members;
}

void Map::finish() {
  if (all_known_) return;
  for (const Member& member : node_->members) {
    if (std::ranges::find(known_, member.key) != known_.end()) continue;
    std::string message = "unknown key `" + member.key.substr(0, 60) + "` in " + what_;
    std::string_view near = closest(member.key, known_);
    if (!near.empty()) message += "; did you mean `" + std::string(near) + "`?";
    problems_.push_back({file_, member.line, member.column, std::move(message)});
  }
}

}  // namespace countersign::yaml
