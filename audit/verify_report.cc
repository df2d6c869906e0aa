#include "audit/verify.h"

namespace countersign::audit {

std::string Problem::text() const {
  std::string out;
  if (seq) {
    out = last_seq && *last_seq != *seq ? "records " + std::to_string(*seq) + " to " + std::to_string(*last_seq)
                                        : "record " + std::to_string(*seq);
    out += " (" + file + ", byte " + std::to_string(offset) + ")";
  } else {
    out = file + ", byte " + std::to_string(offset);
  }
  return out + ": " + what;
}

std::string VerifyReport::text() const {
  std::string out = ok() ? "verified: " : "NOT VERIFIED: ";
  out += std::to_string(records) + " records, " + std::to_string(checkpoints) + " checkpoints, " +
         std::to_string(signed_records) + " records signed\nkey: " + vkey + "\n";
  if (latest)
    out += "root: " + to_base64(ByteView(latest->root)) + " of " + std::to_string(latest->size) + " records\n";
  for (const Problem& problem : problems) out += "problem: " + problem.text() + "\n";
  if (problem_count > problems.size())
    out += "problem: and " + std::to_string(problem_count - problems.size()) + " more\n";
  for (const UnclosedIntent& intent : open) {
    out += "open: record " + std::to_string(intent.seq) + " began operation " + intent.operation +
           " and nothing ended it\n";
  }
  for (const std::string& note : notes) out += "note: " + note + "\n";
  return out;
}

Json VerifyReport::json() const {
  Json out = {{"verified", ok()},
              {"vkey", vkey},
              {"records", records},
              {"checkpoints", checkpoints},
              {"signed_records", signed_records},
              {"problem_count", problem_count},
              {"problems", Json::array()},
              {"open", Json::array()},
              {"notes", notes}};
  if (latest)
    out["checkpoint"] = {
        {"origin", latest->origin}, {"size", latest->size}, {"root", to_base64(ByteView(latest->root))}};
  for (const Problem& problem : problems) {
    Json item = {{"file", problem.file}, {"offset", problem.offset}, {"what", problem.what}};
    if (problem.seq) item["seq"] = *problem.seq;
    if (problem.last_seq) item["last_seq"] = *problem.last_seq;
    out["problems"].push_back(std::move(item));
  }
  for (const UnclosedIntent& intent : open)
    out["open"].push_back({{"seq", intent.seq}, {"operation", intent.operation}});
  return out;
}

}  // namespace countersign::audit
