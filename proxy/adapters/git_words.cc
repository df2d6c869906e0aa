#include "proxy/adapters/git_words.h"

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

}  // namespace countersign::adapters
