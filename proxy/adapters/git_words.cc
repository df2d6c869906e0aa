#include "proxy/adapters/git_words.h"

#include "proxy/adapters/outcome.h"

namespace countersign::adapters {

std::string denied_lines(const Denial& denial) {
  std::string out = "countersign: denied (" + denial.error.code + ")";
  if (!denial.request.empty()) out += " " + denial.request;
  return out + "\ncountersign: " + denial.error.message + "\n";
}

std::string held_lines(const Pending& pending) {
  std::string wanted;
  for (const std::string& each : pending.undocumented) wanted += "countersign: nobody is asked yet: " + each + "\n";
  if (!wanted.empty()) {
    wanted +=
        "countersign: push again with -o countersign.intent=… (ticket, rollback, reference), or PUT it to "
        "/.countersign/requests/" +
        pending.request + "/documentation\n";
  }
  return "countersign: held for approval as " + pending.request +
         "; nothing has landed yet\ncountersign: " + pending.reason + "\ncountersign: approve at " + pending.link +
         " until " + format_time(pending.expires) +
         "\ncountersign: once approved it lands by itself: do not push again\n" + wanted;
}

Task<Status> send_lines(ReplySink& sink, int status, std::string lines) {
  HeaderList extra;
  extra.add("Cache-Control", "no-store");
  co_return co_await send(sink, status, "text/plain; charset=utf-8", std::move(lines), std::move(extra));
}

Task<Forwarded> answer_failure_lines(ReplySink& sink, Error error) {
  Forwarded done{.outcome = outcome_of_error(error), .status = status_of_door_error(error), .detail = error.message};
  std::string lines = "countersign: " + error.message + " (" + error.code + ")\n";
  Status sent = co_await send_lines(sink, done.status, std::move(lines));
  if (!sent) done.detail += "; the agent did not take the answer: " + sent.error().message;
  co_return done;
}

}  // namespace countersign::adapters
