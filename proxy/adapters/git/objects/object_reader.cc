#include "proxy/adapters/git/objects/object_reader.h"

#include <charconv>

#include "proxy/adapters/git/object_id.h"

namespace countersign::adapters::git {
namespace {

std::unexpected<Error> odd_answer() {
  return fail(ErrorKind::internal, "git.tool_failed", "git cat-file gave an answer that is none");
}

std::optional<ObjectType> type_named(std::string_view word) {
  if (word == "commit") return ObjectType::commit;
  if (word == "tree") return ObjectType::tree;
  if (word == "blob") return ObjectType::blob;
  if (word == "tag") return ObjectType::tag;
  return std::nullopt;
}

}  // namespace

Result<ObjectReader> ObjectReader::open(const std::filesystem::path& git_dir, const ToolLimits& limits) {
  ChildCommand command{.arguments = {"cat-file", "--batch-command"}, .git_dir = git_dir.string(), .environment = {}};
  Result<Conversation> conversation = Conversation::start(command, limits);
  if (!conversation) return fail(conversation.error());
  return ObjectReader(std::move(*conversation));
}

// The answer's first line: `<id> <type> <size>`, or `<id> missing`.
Result<std::optional<ObjectInfo>> ObjectReader::ask(std::string_view verb, std::string_view id) {
  if (!is_object_id(id, ObjectFormat::sha1) && !is_object_id(id, ObjectFormat::sha256)) return std::nullopt;
  std::string question = std::string(verb) + ' ' + std::string(id) + '\n';
  Status sent = conversation_.send(question);
  if (!sent) return fail(sent.error());
  Result<std::string> line = conversation_.read_line();
  if (!line) return fail(line.error());
  std::string_view rest = *line;
  if (!rest.starts_with(id) || rest.size() <= id.size() + 1) return odd_answer();
  rest.remove_prefix(id.size() + 1);
  if (rest == "missing") return std::nullopt;
  std::size_t space = rest.find(' ');
  std::optional<ObjectType> type = type_named(rest.substr(0, space));
  if (!type || space == std::string_view::npos) return odd_answer();
  ObjectInfo info{.type = *type};
  std::string_view size = rest.substr(space + 1);
  auto [end, code] = std::from_chars(size.data(), size.data() + size.size(), info.size);
  if (code != std::errc() || end != size.data() + size.size()) return odd_answer();
  return info;
}

Result<std::optional<ObjectInfo>> ObjectReader::info(std::string_view id) {
  return ask("info", id);
}

Result<std::optional<Object>> ObjectReader::read(std::string_view id, std::uint64_t limit) {
  Result<std::optional<ObjectInfo>> info = ask("contents", id);
  if (!info) return fail(info.error());
  if (!*info) return std::nullopt;
  std::size_t size = static_cast<std::size_t>((*info)->size);
  if (size > limit) {
    Status skipped = conversation_.skip(size + 1);
    if (!skipped) return fail(skipped.error());
    return fail(ErrorKind::too_large, "git.object_too_large", "an object is too large to be read");
  }
  Object object{.type = (*info)->type, .content = {}};
  Status read = conversation_.read_exactly(size, object.content);
  if (read) read = conversation_.skip(1);  // the line feed behind the content
  if (!read) return fail(read.error());
  return object;
}

}  // namespace countersign::adapters::git
