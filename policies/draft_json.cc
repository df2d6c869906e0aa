#include "policies/draft_json.h"

namespace countersign::policies {

Result<std::vector<DraftFile>> draft_files(const Json& body) {
  auto malformed = [](std::string message) { return fail(ErrorKind::invalid, "draft.malformed", std::move(message)); };
  const Json* files = find_member(body, "files");
  if (files == nullptr || !files->is_array()) return malformed("`files` must be a list of {\"path\", \"text\"}");
  std::vector<DraftFile> out;
  for (const Json& file : *files) {
    const Json* path = find_member(file, "path");
    const Json* text = find_member(file, "text");
    if (path == nullptr || text == nullptr || !path->is_string() || !text->is_string() || file.size() != 2)
      return malformed("each of `files` is {\"path\", \"text\"}");
    out.push_back({path->get<std::string>(), text->get<std::string>()});
  }
  return out;
}

}  // namespace countersign::policies
