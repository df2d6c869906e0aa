#include "proxy/adapters/git/objects/commit.h"

#include <algorithm>
#include <charconv>

namespace countersign::adapters::git {
namespace {

std::unexpected<Error> bad(std::string message) {
  return fail(ErrorKind::malformed, "git.bad_object", std::move(message));
}

// "Name <e-mail> seconds zone". Takes what it can of the odd ones that old histories hold.
Person parse_person(std::string_view text) {
  Person out;
  std::size_t open = text.find('<');
  std::size_t close = text.find('>', open == std::string_view::npos ? 0 : open);
  if (open == std::string_view::npos || close == std::string_view::npos) {
    out.name = text;
    return out;
  }
  std::string_view name = text.substr(0, open);
  if (name.ends_with(' ')) name.remove_suffix(1);
  out.name = name;
  out.email = text.substr(open + 1, close - open - 1);
  std::string_view when = text.substr(close + 1);
  if (when.starts_with(' ')) when.remove_prefix(1);
  auto [end, code] = std::from_chars(when.data(), when.data() + when.size(), out.time);
  if (code != std::errc()) out.time = 0;
  when.remove_prefix(static_cast<std::size_t>(end - when.data()));
  if (when.starts_with(' ')) out.zone = when.substr(1);
  return out;
}

Signature kind_of(std::string_view armour) {
  if (armour.starts_with("-----BEGIN PGP")) return Signature::openpgp;
  if (armour.starts_with("-----BEGIN SSH SIGNATURE")) return Signature::ssh;
  if (armour.starts_with("-----BEGIN SIGNED MESSAGE")) return Signature::x509;
  return Signature::unknown;
}

// The lines before the empty one: `name value`, where a value goes on in lines that begin with a space.
struct HeadLine {
  std::string_view name;
  std::string_view value;  // of its first line
};

class HeadReader {
 public:
  explicit HeadReader(std::string_view bytes) : rest_(bytes) {}

  // nullopt at the empty line, which is taken, and at the end.
  std::optional<HeadLine> next() {
    while (!rest_.empty()) {
      std::size_t end = std::min(rest_.find('\n'), rest_.size());
      std::string_view line = rest_.substr(0, end);
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      if (line.empty()) return std::nullopt;
      if (line.starts_with(' ')) continue;
      std::size_t space = std::min(line.find(' '), line.size());
      return HeadLine{line.substr(0, space), line.substr(std::min(space + 1, line.size()))};
    }
    return std::nullopt;
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace

Result<Commit> parse_commit(std::string_view bytes, ObjectFormat format) {
  HeadReader head(bytes);
  Commit out;
  std::optional<HeadLine> line = head.next();
  if (!line || line->name != "tree" || !is_object_id(line->value, format)) return bad("a commit has no tree");
  out.tree = line->value;
  for (line = head.next(); line && line->name == "parent"; line = head.next()) {
    if (!is_object_id(line->value, format)) return bad("a commit's parent is no object");
    out.parents.emplace_back(line->value);
  }
  if (!line || line->name != "author") return bad("a commit has no author");
  out.author = parse_person(line->value);
  line = head.next();
  if (!line || line->name != "committer") return bad("a commit has no committer");
  out.committer = parse_person(line->value);
  while ((line = head.next())) {
    if (line->name == "gpgsig" || line->name == "gpgsig-sha256") out.signature = kind_of(line->value);
  }
  out.message = head.rest();
  return out;
}

Result<Tag> parse_tag(std::string_view bytes, ObjectFormat format) {
  HeadReader head(bytes);
  Tag out;
  std::optional<HeadLine> line = head.next();
  if (!line || line->name != "object" || !is_object_id(line->value, format)) return bad("a tag names no object");
  out.object = line->value;
  line = head.next();
  if (!line || line->name != "type") return bad("a tag does not say what it names");
  out.type = line->value;
  line = head.next();
  if (!line || line->name != "tag") return bad("a tag has no name");
  out.name = line->value;
  while ((line = head.next())) {
    if (line->name == "tagger") out.tagger = parse_person(line->value);
    if (line->name == "gpgsig" || line->name == "gpgsig-sha256") out.signature = kind_of(line->value);
  }
  out.message = head.rest();
  // Tags of SHA-1 repositories carry their signature at the end of the message.
  std::size_t begin = out.message.starts_with("-----BEGIN ") ? 0 : out.message.find("\n-----BEGIN ");
  if (begin != std::string::npos) {
    out.signature = kind_of(std::string_view(out.message).substr(out.message.find('-', begin)));
    out.message.resize(begin == 0 ? 0 : begin + 1);
  }
  return out;
}

std::string subject_of(std::string_view message) {
  while (message.starts_with('\n')) message.remove_prefix(1);
  std::string out(message.substr(0, message.find("\n\n")));
  while (out.ends_with('\n')) out.pop_back();
  for (char& c : out) {
    if (c == '\n') c = ' ';
  }
  return out;
}

}  // namespace countersign::adapters::git
