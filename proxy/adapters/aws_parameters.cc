#include "proxy/adapters/aws_parameters.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace countersign::adapters {
namespace {

constexpr std::uint32_t kUnknown = 2'000;     // members beside which another unknown one is not taken
constexpr std::uint32_t kMapEntries = 4'000;  // of a map in XML or a form, whose keys are compared with each other

std::unexpected<Error> malformed(std::string_view what, std::string_view why) {
  return fail(ErrorKind::malformed, "aws.malformed", "parameter " + std::string(what) + " " + std::string(why));
}

std::unexpected<Error> contradictory(std::string_view what, std::string_view why) {
  return fail(ErrorKind::malformed, "aws.contradictory", "parameter " + std::string(what) + " " + std::string(why));
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// Names that speak of secrets where no model says so: members the model does not have, and a few it does not mark.
bool sounds_secret(std::string_view name) {
  std::string text = lower(name);
  constexpr std::array<std::string_view, 7> kWords = {"password",     "passphrase",   "secretaccesskey", "secretkey",
                                                      "sessiontoken", "secretstring", "customer-key"};
  return std::ranges::any_of(kWords, [&](std::string_view word) { return text.ends_with(word); });
}

// What a header's name may hold here (RFC 9110 section 5.1 has a few characters more).
bool is_plain_name(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F && c != '"'; });
}

bool is_index(std::string_view text) {
  return !text.empty() && text.size() <= 6 && text[0] != '0' &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

class Mapper {
 public:
  Mapper(const AwsSources& from, AwsTree& tree, std::set<std::string, std::less<>>& flags)
      : from_(from), tree_(tree), flags_(flags) {
    form_ = from.protocol == AwsProtocol::query || from.protocol == AwsProtocol::ec2;
    xml_ = from.protocol == AwsProtocol::rest_xml;
  }

  Status all() {
    const AwsShape* input = from_.operation->input;
    bool rest = from_.protocol == AwsProtocol::rest_json || from_.protocol == AwsProtocol::rest_xml;
    if (rest) {
      if (Status mapped = labels(input); !mapped) return mapped;
      if (Status mapped = query(input); !mapped) return mapped;
      if (Status mapped = headers(input); !mapped) return mapped;
    }
    if (!from_.body) return {};
    if (rest && from_.operation->payload) {
      const AwsMember& payload = *from_.operation->payload;
      return value(*payload.shape, *from_.body, tree_.add(tree_.root(), payload.name, AwsKind::null), 0);
    }
    return structure(input, *from_.body, tree_.root(), 0, rest);
  }

 private:
  // The member that a name on the wire stands for.
  const AwsMember* member_of(const AwsShape* shape, std::string_view key, bool outermost_of_rest) const {
    if (!shape) return nullptr;
    for (const AwsMember& each : shape->members) {
      if (outermost_of_rest && each.location != AwsLocation::body) continue;
      if (each.wire_name == key) return &each;
      if ((form_ || xml_) && each.shape->type == AwsType::list && each.shape->flattened &&
          each.shape->element_name == key && key != "member")
        return &each;
    }
    return nullptr;
  }

  // A name that a reader who ignores case would take for one of the model's.
  bool differs_in_case(const AwsShape* shape, std::string_view key) const {
    if (!shape) return false;
    return std::ranges::any_of(shape->members,
                               [&](const AwsMember& each) { return equal_ignoring_case(each.wire_name, key); });
  }

  AwsNode& named(AwsNode& into, const AwsMember& member) {
    AwsNode& node = tree_.add(into, member.name, AwsKind::null);
    node.secret = member.shape->sensitive || sounds_secret(member.name);
    return node;
  }

  Status unknown(const AwsNode& raw, AwsNode& into) {
    flags_.emplace("unknown_parameters");
    if (into.count >= kUnknown) return malformed(raw.key, "is one of too many that are not known");
    std::string name = "?" + std::string(raw.key);
    if (AwsNode* there = const_cast<AwsNode*>(into.member(name))) {  // what is repeated becomes a list
      if (!there->many) {
        AwsNode first = *there;
        *there =
            AwsNode{.kind = AwsKind::array, .secret = first.secret, .many = true, .key = first.key, .next = first.next};
        share(first, tree_.add(*there, {}, first.kind));
      }
      share(raw, tree_.add(*there, {}, raw.kind));
      return {};
    }
    AwsNode& node = tree_.add(into, tree_.keep(name), raw.kind);
    node.secret = sounds_secret(raw.key);
    share(raw, node);
    return {};
  }

  // The raw value as it is: its children are shared, the raw tree lives as long as this one.
  static void share(const AwsNode& raw, AwsNode& node) {
    node.kind = raw.kind;
    node.flag = raw.flag;
    node.text = raw.text;
    node.first = raw.first;
    node.last = raw.last;
    node.count = raw.count;
  }

  Status labels(const AwsShape* input) {
    for (const auto& [name, text] : from_.labels) {
      const AwsMember* member = nullptr;
      if (input) {
        for (const AwsMember& each : input->members) {
          if (each.location == AwsLocation::path && each.wire_name == name) member = &each;
        }
      }
      if (!member) {
        tree_.add_string(tree_.root(), tree_.keep(name), tree_.keep(text));
        continue;
      }
      AwsNode raw{.kind = AwsKind::string, .text = tree_.keep(text)};
      if (Status mapped = scalar(*member->shape, raw, named(tree_.root(), *member)); !mapped) return mapped;
    }
    return {};
  }

  Status query(const AwsShape* input) {
    const AwsMember* rest = nullptr;
    for (const AwsPair& pair : *from_.query) {
      if (is_signature_key(pair.key) || pair.key == "x-id") continue;
      if (std::ranges::any_of(from_.operation->literals,
                              [&](const AwsQueryLiteral& each) { return each.key == pair.key; }))
        continue;
      const AwsMember* member = nullptr;
      if (input) {
        for (const AwsMember& each : input->members) {
          bool here = each.location == AwsLocation::query ||
                      (each.location == AwsLocation::header && pair.key.starts_with("x-amz-"));
          if (here && each.wire_name == pair.key) member = &each;
          if (each.location == AwsLocation::query && each.shape->type == AwsType::map) rest = &each;
        }
      }
      AwsNode raw{.kind = AwsKind::string, .key = pair.key, .text = pair.value};
      if (!member && rest) {
        AwsNode* map = const_cast<AwsNode*>(tree_.root().member(rest->name));
        if (!map) map = &named(tree_.root(), *rest);
        map->kind = AwsKind::object;
        map->many = true;
        if (map->member(pair.key)) return contradictory(pair.key, "is given more than once");
        share(raw, tree_.add(*map, pair.key, AwsKind::string));
        continue;
      }
      if (!member) {
        if (Status added = unknown(raw, tree_.root()); !added) return added;
        continue;
      }
      AwsNode* there = const_cast<AwsNode*>(tree_.root().member(member->name));
      if (member->shape->type != AwsType::list) {
        if (there) return contradictory(pair.key, "is given more than once");
        if (Status mapped = scalar(*member->shape, raw, named(tree_.root(), *member)); !mapped) return mapped;
        continue;
      }
      AwsNode& list = there ? *there : named(tree_.root(), *member);
      list.kind = AwsKind::array;
      if (Status mapped = scalar(*member->shape->element, raw, tree_.add(list, {}, AwsKind::null)); !mapped)
        return mapped;
    }
    return {};
  }

  Status headers(const AwsShape* input) {
    if (!input) return {};
    for (const AwsMember& each : input->members) {
      if (each.location == AwsLocation::header) {
        std::size_t count = from_.headers->count(each.wire_name);
        if (count == 0) continue;
        if (count > 1) return contradictory(each.wire_name, "is given in more than one header");
        if (tree_.root().member(each.name))
          return contradictory(each.wire_name, "is given in the query and in a header");
        std::string_view text = *from_.headers->get(each.wire_name);
        if (text.empty() && each.shape->type != AwsType::string) continue;
        AwsNode raw{.kind = AwsKind::string, .text = tree_.keep(text)};
        AwsNode& node = named(tree_.root(), each);
        if (each.shape->type == AwsType::list) {  // RFC 9110 lists; kept as they were written
          share(raw, node);
        } else if (Status mapped = scalar(*each.shape, raw, node); !mapped) {
          return mapped;
        }
      }
      if (each.location != AwsLocation::headers) continue;
      AwsNode* map = nullptr;
      for (const HeaderField& field : from_.headers->fields()) {
        if (field.name.size() <= each.wire_name.size() ||
            !equal_ignoring_case(std::string_view(field.name).substr(0, each.wire_name.size()), each.wire_name))
          continue;
        if (!map) {
          map = &named(tree_.root(), each);
          map->kind = AwsKind::object;
          map->many = true;
        }
        if (!is_plain_name(field.name)) return malformed("x-amz-…", "has a name that is none");
        std::string name = lower(std::string_view(field.name).substr(each.wire_name.size()));
        if (map->member(name)) return contradictory(field.name, "is given in more than one header");
        tree_.add_string(*map, tree_.keep(name), tree_.keep(field.value));
      }
    }
    return {};
  }

  Status structure(const AwsShape* shape, const AwsNode& raw, AwsNode& into, std::size_t depth,
                   bool outermost_of_rest) {
    if (depth > kAwsDepth) return malformed(into.key, "is nested too deeply");
    if (raw.kind == AwsKind::string && raw.text.find_first_not_of(" \t\r\n") == std::string_view::npos &&
        (form_ || xml_)) {
      into.kind = AwsKind::object;
      return {};
    }
    if (!raw.is_object()) return malformed(into.key, "is not a structure");
    into.kind = AwsKind::object;
    for (AwsNode* each = raw.first; each; each = each->next) {
      if (each->kind == AwsKind::null) continue;  // the same as absent, to every protocol
      const AwsMember* member = member_of(shape, each->key, outermost_of_rest);
      if (!member) {
        if (differs_in_case(shape, each->key)) return contradictory(each->key, "is spelled in another case");
        if (Status added = unknown(*each, into); !added) return added;
        continue;
      }
      AwsNode* there = const_cast<AwsNode*>(into.member(member->name));
      bool list = member->shape->type == AwsType::list || member->shape->type == AwsType::map;
      if (there && !(xml_ && list && member->shape->flattened))
        return contradictory(each->key, "is given more than once");
      AwsNode& node = there ? *there : named(into, *member);
      if (Status mapped = value(*member->shape, *each, node, depth + 1); !mapped) return mapped;
    }
    return {};
  }

  Status value(const AwsShape& shape, const AwsNode& raw, AwsNode& into, std::size_t depth) {
    if (depth > kAwsDepth) return malformed(into.key, "is nested too deeply");
    if (shape.sensitive) into.secret = true;
    switch (shape.type) {
      case AwsType::structure:
        return structure(&shape, raw, into, depth, false);
      case AwsType::list:
        return list(shape, raw, into, depth);
      case AwsType::map:
        return map(shape, raw, into, depth);
      case AwsType::document:
        share(raw, into);
        return {};
      case AwsType::string:
      case AwsType::integer:
      case AwsType::floating:
      case AwsType::boolean:
      case AwsType::timestamp:
      case AwsType::blob:
        break;
    }
    return scalar(shape, raw, into);
  }

  static bool empty_text(const AwsNode& raw) {
    return raw.is_string() && raw.text.find_first_not_of(" \t\r\n") == std::string_view::npos;
  }

  // The elements of a form's list in the order of their numbers.
  static Result<std::vector<const AwsNode*>> numbered(const AwsNode& raw) {
    std::vector<const AwsNode*> out;
    for (const AwsNode* each = raw.first; each; each = each->next) {
      if (!is_index(each->key)) return malformed(raw.key, "has an element without a number");
      out.push_back(each);
    }
    auto order = [](const AwsNode* a, const AwsNode* b) {
      return a->key.size() != b->key.size() ? a->key.size() < b->key.size() : a->key < b->key;
    };
    std::ranges::sort(out, order);
    auto same = [](const AwsNode* a, const AwsNode* b) { return a->key == b->key; };
    if (std::ranges::adjacent_find(out, same) != out.end()) return contradictory(raw.key, "has an element twice");
    return out;
  }

  // The raw elements of a list or the raw entries of a map, however the protocol writes them.
  Result<std::vector<const AwsNode*>> elements(const AwsNode& raw, std::string_view wrapper, bool flattened) {
    std::vector<const AwsNode*> out;
    if (empty_text(raw) && !(xml_ && flattened)) return out;
    if (form_) {
      if (!raw.is_object()) return malformed(raw.key, "is not a list");
      if (flattened || from_.protocol == AwsProtocol::ec2) return numbered(raw);
      if (raw.count != 1 || raw.first->key != wrapper) return malformed(raw.key, "is not a list as the model has it");
      return numbered(*raw.first);
    }
    if (xml_) {
      if (flattened) return std::vector<const AwsNode*>{&raw};
      if (!raw.is_object()) return malformed(raw.key, "is not a list");
      for (const AwsNode* each = raw.first; each; each = each->next) {
        if (each->key != wrapper) return malformed(raw.key, "holds another element than " + std::string(wrapper));
        out.push_back(each);
      }
      return out;
    }
    if (!raw.is_array()) return malformed(raw.key, "is not a list");
    for (const AwsNode* each = raw.first; each; each = each->next) out.push_back(each);
    return out;
  }

  Status list(const AwsShape& shape, const AwsNode& raw, AwsNode& into, std::size_t depth) {
    std::string_view wrapper = shape.element_name.empty() ? "member" : shape.element_name;
    Result<std::vector<const AwsNode*>> found = elements(raw, wrapper, shape.flattened);
    if (!found) return fail(found.error());
    into.kind = AwsKind::array;
    for (const AwsNode* each : *found) {
      AwsNode& element = tree_.add(into, {}, AwsKind::null);
      if (each->kind == AwsKind::null) continue;
      if (Status mapped = value(*shape.element, *each, element, depth + 1); !mapped) return mapped;
    }
    return {};
  }

  Status map(const AwsShape& shape, const AwsNode& raw, AwsNode& into, std::size_t depth) {
    into.kind = AwsKind::object;
    into.many = true;
    if (!form_ && !xml_) {
      if (!raw.is_object()) return malformed(into.key, "is not a map");
      for (const AwsNode* each = raw.first; each; each = each->next) {
        AwsNode& node = tree_.add(into, each->key, AwsKind::null);
        node.secret = sounds_secret(each->key);
        if (each->kind == AwsKind::null) continue;
        if (Status mapped = value(*shape.element, *each, node, depth + 1); !mapped) return mapped;
      }
      return {};
    }
    Result<std::vector<const AwsNode*>> entries = elements(raw, "entry", shape.flattened);
    if (!entries) return fail(entries.error());
    std::string_view key_name = shape.key_name.empty() ? "key" : shape.key_name;
    std::string_view value_name = shape.element_name.empty() ? "value" : shape.element_name;
    for (const AwsNode* each : *entries) {
      const AwsNode* key = each->member(key_name);
      if (!key || !key->is_string()) return malformed(into.key, "has an entry without a key");
      if (into.count >= kMapEntries) return malformed(into.key, "has too many entries");
      if (into.member(key->text)) return contradictory(key->text, "is given more than once");
      AwsNode& node = tree_.add(into, key->text, AwsKind::null);
      node.secret = sounds_secret(key->text);
      const AwsNode* held = each->member(value_name);
      if (!held) continue;
      if (Status mapped = value(*shape.element, *held, node, depth + 1); !mapped) return mapped;
    }
    return {};
  }

  static Status scalar(const AwsShape& shape, const AwsNode& raw, AwsNode& into) {
    if (raw.kind == AwsKind::array || raw.kind == AwsKind::object)
      return malformed(into.key.empty() ? raw.key : into.key, "is not a single value");
    share(raw, into);
    if (shape.sensitive) into.secret = true;
    if (!raw.is_string()) return {};
    if (shape.type == AwsType::boolean && (raw.is_true() || raw.is_false())) {
      into.kind = AwsKind::boolean;
      into.flag = raw.is_true();
    }
    if (shape.type == AwsType::integer) {
      std::int64_t parsed = 0;
      auto [end, error] = std::from_chars(raw.text.data(), raw.text.data() + raw.text.size(), parsed);
      bool plain = error == std::errc() && end == raw.text.data() + raw.text.size();
      if (plain && (raw.text == "0" || raw.text.find_first_not_of("-") != raw.text.find('0')))
        into.kind = AwsKind::number;
    }
    return {};
  }

  const AwsSources& from_;
  AwsTree& tree_;
  std::set<std::string, std::less<>>& flags_;
  bool form_ = false;
  bool xml_ = false;
};

}  // namespace

Status map_aws_parameters(const AwsSources& from, AwsTree& tree, std::set<std::string, std::less<>>& flags) {
  return Mapper(from, tree, flags).all();
}

bool is_signature_key(std::string_view key) {
  constexpr std::array<std::string_view, 8> kKeys = {"X-Amz-Algorithm",      "X-Amz-Credential",    "X-Amz-Date",
                                                     "X-Amz-Expires",        "X-Amz-SignedHeaders", "X-Amz-Signature",
                                                     "X-Amz-Security-Token", "X-Amz-Content-Sha256"};
  return std::ranges::find(kKeys, key) != kKeys.end();
}

}  // namespace countersign::adapters
