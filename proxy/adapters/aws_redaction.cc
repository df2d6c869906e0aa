#include "proxy/adapters/aws_redaction.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/bytes.h"
#include "core/json_reader.h"
#include "proxy/adapters/aws_value.h"

namespace countersign::adapters {
namespace {

std::unexpected<Error> unredactable(ErrorKind kind, std::string why) {
  return fail(kind, "aws.unredactable",
              "the answer holds secrets and cannot be read to put them out of sight, so it is not passed on: " +
                  std::move(why) + "; a permit with @secrets(\"reveal\") would let it through as it is");
}

// Whether `names`, one "|" between them, has this one.
bool is_one_of(std::string_view names, std::string_view name) {
  while (true) {
    const std::size_t end = std::min(names.find('|'), names.size());
    if (equal_ignoring_case(names.substr(0, end), name)) return true;
    if (end == names.size()) return false;
    names.remove_prefix(end + 1);
  }
}

// JSON's readers do not say where a value stands: its slices do, in the same order. `offset`: of `text` in the whole.
void locate(AwsNode& node, std::string_view text, std::size_t offset) {
  node.begin = static_cast<std::uint32_t>(offset);
  node.end = static_cast<std::uint32_t>(offset + text.size());
  if (!node.first) return;
  AwsNode* child = node.first;
  for (std::string_view slice : json_slices(text)) {
    if (!child) return;
    locate(*child, slice, offset + static_cast<std::size_t>(slice.data() - text.data()));
    child = child->next;
  }
}

struct Edit {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::string text;
};

// An item of CBOR: a byte or text string of less than 256 bytes.
std::string cbor_string(unsigned major, std::string_view text) {
  std::string out;
  const unsigned size = static_cast<unsigned>(text.size());
  if (size < 24) {
    out += static_cast<char>(major << 5 | size);
  } else {
    out += static_cast<char>(major << 5 | 24);
    out += static_cast<char>(size);
  }
  return out + std::string(text);
}

class Search {
 public:
  Search(const AwsOperation& operation, AwsForm form, std::string_view body)
      : operation_(operation), form_(form), body_(body) {}

  // The outermost element of XML has a name, too.
  void from(const AwsNode& root) {
    for (const AwsSecret& secret : operation_.secrets) {
      if (is_one_of(secret.steps.front(), root.key)) follow(root, nullptr, secret, 1);
    }
    below(root);
  }

  // Every place below `node` where some secret's path begins.
  void below(const AwsNode& node) {
    for (const AwsNode* child = node.first; child; child = child->next) {
      for (const AwsSecret& secret : operation_.secrets) {
        if (is_one_of(secret.steps.front(), child->key)) follow(*child, &node, secret, 1);
      }
      below(*child);
    }
  }

  [[nodiscard]] std::vector<Edit> take() {
    // Of places within each other the outermost.
    std::ranges::sort(
        edits_, [](const Edit& a, const Edit& b) { return a.begin != b.begin ? a.begin < b.begin : a.end > b.end; });
    std::vector<Edit> out;
    for (Edit& edit : edits_) {
      if (out.empty() || edit.begin >= out.back().end) out.push_back(std::move(edit));
    }
    return out;
  }

 private:
  static bool is_value(const AwsNode& node) { return !node.is_array() && !node.is_object(); }

  void follow(const AwsNode& node, const AwsNode* parent, const AwsSecret& secret, std::size_t at) {
    if (at == secret.steps.size()) return hide(node, parent, secret);
    const std::string_view step = secret.steps[at];
    if (step.starts_with("[]")) return elements(node, parent, secret, at);
    if (step.starts_with("{}")) return entries(node, parent, secret, at);
    for (const AwsNode* child = node.first; child; child = child->next) {
      if (is_one_of(step, child->key)) follow(*child, &node, secret, at + 1);
      // A list where the model has one thing.
      if (node.is_array()) follow(*child, &node, secret, at);
    }
  }

  // The elements of a list. XML has some without a wrapper: then the node is an element itself.
  void elements(const AwsNode& node, const AwsNode* parent, const AwsSecret& secret, std::size_t at) {
    for (const AwsNode* child = node.first; child; child = child->next) follow(*child, &node, secret, at + 1);
    const bool last = at + 1 == secret.steps.size();
    if (is_value(node) || (node.is_object() && !last)) follow(node, parent, secret, at + 1);
  }

  // The values of a map. In XML they stand in entries, or, without a wrapper, the node is an entry itself.
  void entries(const AwsNode& node, const AwsNode* parent, const AwsSecret& secret, std::size_t at) {
    if (is_value(node)) return follow(node, parent, secret, at + 1);
    bool found = false;
    if (form_ == AwsForm::xml) {
      const std::string_view names = secret.steps[at].substr(2);
      auto values_of = [&](const AwsNode& entry) {
        for (const AwsNode* child = entry.first; child; child = child->next) {
          if (!is_one_of(names, child->key)) continue;
          found = true;
          follow(*child, &entry, secret, at + 1);
        }
      };
      values_of(node);
      for (const AwsNode* child = node.first; child; child = child->next) values_of(*child);
    }
    if (found) return;
    for (const AwsNode* child = node.first; child; child = child->next) follow(*child, &node, secret, at + 1);
  }

  // "Type": "String", beside the value.
  [[nodiscard]] bool is_plain_parameter(const AwsNode* parent) const {
    if (operation_.service->key != "ssm" || !parent) return false;
    const AwsNode* type = nullptr;
    for (const AwsNode* child = parent->first; child; child = child->next) {
      if (!equal_ignoring_case(child->key, "Type")) continue;
      if (type) return false;
      type = child;
    }
    return type && type->is_string() && (type->text == "String" || type->text == "StringList");
  }

  void hide(const AwsNode& node, const AwsNode* parent, const AwsSecret& secret) {
    const bool nothing = node.kind == AwsKind::null || (is_value(node) && node.is_string() && node.text.empty()) ||
                         (!is_value(node) && !node.first) || node.begin == node.end;
    if (nothing || is_plain_parameter(parent)) return;
    edits_.push_back({node.begin, node.end, instead_of(node, secret)});
  }

  [[nodiscard]] std::string instead_of(const AwsNode& node, const AwsSecret& secret) const {
    const bool number = node.kind == AwsKind::number;
    const bool boolean = node.kind == AwsKind::boolean;
    const std::string text = secret.blob ? to_base64(as_bytes(kRedacted)) : std::string(kRedacted);
    switch (form_) {
      case AwsForm::json:
        return number ? "0" : boolean ? "false" : '"' + text + '"';
      case AwsForm::xml:
        return text;
      case AwsForm::cbor:
        break;
    }
    if (number) return std::string(1, '\0');
    if (boolean) return "\xF4";
    const bool bytes = static_cast<unsigned char>(body_[node.begin]) >> 5 == 2;
    return cbor_string(bytes ? 2 : 3, kRedacted);
  }

  const AwsOperation& operation_;
  AwsForm form_;
  std::string_view body_;
  std::vector<Edit> edits_;
};

Status read(AwsForm form, std::string_view body, AwsTree& tree) {
  switch (form) {
    case AwsForm::json: {
      Status read = read_aws_json(body, tree);
      if (read && !body.empty()) {
        const std::size_t begin = body.find('{');
        const std::size_t end = body.rfind('}');
        if (begin == std::string_view::npos || end == std::string_view::npos || end < begin)
          return fail(ErrorKind::malformed, "aws.malformed", "the body is JSON, but no object");
        locate(tree.root(), body.substr(begin, end + 1 - begin), begin);
      }
      return read;
    }
    case AwsForm::xml:
      return read_aws_xml(body, tree);
    case AwsForm::cbor:
      break;
  }
  return read_aws_cbor(body, tree);
}

}  // namespace

AwsForm form_of_answer(const HeaderList& headers, AwsProtocol dialect) {
  const std::string_view type = headers.get("Content-Type").value_or("");
  if (type.find("json") != std::string_view::npos) return AwsForm::json;
  if (type.find("xml") != std::string_view::npos) return AwsForm::xml;
  if (type.find("cbor") != std::string_view::npos) return AwsForm::cbor;
  switch (dialect) {
    case AwsProtocol::json:
    case AwsProtocol::rest_json:
      return AwsForm::json;
    case AwsProtocol::rpc_cbor:
      return AwsForm::cbor;
    case AwsProtocol::query:
    case AwsProtocol::ec2:
    case AwsProtocol::rest_xml:
      break;
  }
  return AwsForm::xml;
}

Result<Redacted> redact_aws_answer(const AwsOperation& operation, AwsForm form, std::string_view body) {
  AwsTree tree({.bytes = kRedactableBytes, .nodes = kRedactableValues});
  if (Status taken = tree.takes(body); !taken) return unredactable(ErrorKind::too_large, taken.error().message);
  if (Status understood = read(form, body, tree); !understood)
    return unredactable(understood.error().kind, understood.error().message);
  Search search(operation, form, body);
  search.from(tree.root());
  Redacted out;
  std::size_t at = 0;
  for (const Edit& edit : search.take()) {
    out.body += body.substr(at, edit.begin - at);
    out.body += edit.text;
    at = edit.end;
    ++out.count;
  }
  out.body += body.substr(at);
  return out;
}

HeaderList without_digests(const HeaderList& headers) {
  static constexpr std::array<std::string_view, 7> kDigests = {
      "Content-MD5", "Digest", "Content-Digest", "Repr-Digest", "X-Amz-Crc32", "X-Amz-Crc32c", "X-Amz-Content-Sha256"};
  HeaderList out;
  for (const HeaderField& field : headers.fields()) {
    const bool digest =
        std::ranges::any_of(kDigests, [&](std::string_view name) { return equal_ignoring_case(name, field.name); });
    const bool checksum = field.name.size() > 15 && equal_ignoring_case(field.name.substr(0, 15), "x-amz-checksum-");
    if (!digest && !checksum) out.add(field.name, field.value);
  }
  return out;
}

}  // namespace countersign::adapters
