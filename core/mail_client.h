// Hands a message to a mail server (RFC 5321) over libcurl: the submission of a notification, nothing more.
//
// smtps:// is TLS from the start. With smtp:// the session becomes TLS (STARTTLS, RFC 3207) where the server offers it,
// and must do so when there is a password to be sent. Bounded in time; nothing of a message or password is logged.
//
// Any thread; blocking; each call is its own connection. Errors: mail.bad_address (invalid), mail.unreachable,
// mail.tls, mail.timed_out, mail.refused (the server would not take it; the message has the code of its reply) and
// mail.failed (all unavailable or timed_out).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace countersign {

struct MailAsk {
  std::string url;   // smtp://host:port, smtps://host:port
  std::string user;  // empty: none
  std::string_view password;
  std::string from;             // "countersign@example.com"
  std::vector<std::string> to;  // 1 to 100 of the same kind
  std::string message;          // RFC 5322, lines end with CR LF
  std::string ca_file;          // PEM; empty: the system's
  TimeMs total_time = 30'000;
};

// What became of a message that the server took.
struct MailReceipt {
  std::size_t refused = 0;  // recipients the server would not take it for; the others have it
  int reply = 0;            // the code of its last such reply (RFC 5321 section 4.2)
};

// mail.refused when the server takes it for nobody.
[[nodiscard]] Result<MailReceipt> send_mail(const MailAsk& ask);

}  // namespace countersign
