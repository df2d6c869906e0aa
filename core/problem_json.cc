#include "core/problem_json.h"

#include <utility>

namespace countersign {

Json problems_json(const Problems& problems) {
  Json out = Json::array();
  for (const Problem& problem : problems) {
    Json entry = {{"file", problem.file},
                  {"severity", problem.severity == Severity::warning ? "warning" : "error"},
                  {"message", problem.message}};
    for (auto [name, number] :
         {std::pair("line", problem.line), std::pair("column", problem.column), std::pair("length", problem.length)}) {
      if (number > 0) entry[name] = number;
    }
    if (!problem.code.empty()) entry["code"] = problem.code;
    if (!problem.help.empty()) entry["help"] = problem.help;
    out.push_back(std::move(entry));
  }
  return out;
}

}  // namespace countersign
