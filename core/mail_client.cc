#include "core/mail_client.h"

#include <algorithm>
#include <array>

#include "core/curl.h"

namespace countersign {
namespace {

using curl::set;

struct Sending {
  std::string_view left;
  int reply = 0;  // the last one of the server that says no; 0: none
  MailReceipt receipt;
};

std::size_t give(char* out, std::size_t one, std::size_t size, void* from) {
  auto& sending = *static_cast<Sending*>(from);
  const std::size_t bytes = std::min(one * size, sending.left.size());
  std::ranges::copy(sending.left.substr(0, bytes), out);
  sending.left.remove_prefix(bytes);
  return bytes;
}

// What a server says to a recipient it does not take the message for. Where the message is taken in the end, each such
// reply was about one: about anything else, it would have ended the session.
constexpr std::array<int, 11> kOfRecipients{450, 451, 452, 455, 550, 551, 552, 553, 554, 555, 556};

// A reply of the server, its last line (RFC 5321 section 4.2). Its words are not kept: they are not ours, and may
// repeat the message.
std::size_t take_reply(char* data, std::size_t one, std::size_t size, void* to) {
  auto& sending = *static_cast<Sending*>(to);
  const std::string_view line(data, one * size);
  const bool is_last = line.size() > 3 && line[3] != '-' &&
                       std::ranges::all_of(line.substr(0, 3), [](char c) { return c >= '0' && c <= '9'; });
  if (!is_last || line[0] < '4') return line.size();
  sending.reply = 100 * (line[0] - '0') + 10 * (line[1] - '0') + (line[2] - '0');
  if (std::ranges::find(kOfRecipients, sending.reply) == kOfRecipients.end()) return line.size();
  ++sending.receipt.refused;
  sending.receipt.reply = sending.reply;
  return line.size();
}

// libcurl writes an address into the dialogue as it is given.
bool is_address(std::string_view text) {
  return text.size() <= 254 && text.contains('@') &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f && c != '<' && c != '>'; });
}

curl::List recipients_of(const MailAsk& ask) {
  curl::List list;
  for (const std::string& address : ask.to) {
    if (!curl::append(list, "<" + address + ">")) return nullptr;
  }
  return list;
}

std::unexpected<Error> failure(CURLcode code, int reply) {
  const std::string why = reply == 0 ? std::string(curl_easy_strerror(code)) : "it replied " + std::to_string(reply);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return fail(ErrorKind::timed_out, "mail.timed_out", "the mail server did not answer in time");
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      return fail(ErrorKind::unavailable, "mail.unreachable", "the mail server cannot be reached");
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_USE_SSL_FAILED:
      return fail(ErrorKind::unavailable, "mail.tls",
                  std::string("no trusted connection: ") + curl_easy_strerror(code));
    case CURLE_LOGIN_DENIED:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
      return fail(ErrorKind::unavailable, "mail.refused", "the mail server would not take it: " + why);
    default:
      return fail(ErrorKind::unavailable, "mail.failed", "not sent: " + why);
  }
}

}  // namespace

Result<MailReceipt> send_mail(const MailAsk& ask) {
  const bool sound =
      is_address(ask.from) && !ask.to.empty() && ask.to.size() <= 100 && std::ranges::all_of(ask.to, is_address);
  if (!sound) return fail(ErrorKind::invalid, "mail.bad_address", "an address of this message is none");
  const curl::List recipients = recipients_of(ask);
  const curl::Handle handle = curl::open();
  if (!handle || !recipients) return fail(ErrorKind::internal, "mail.failed", "libcurl cannot be used");

  Sending sending{.left = ask.message};
  const std::string from = "<" + ask.from + ">";
  const std::string password(ask.password);
  CURLcode worst = CURLE_OK;
  CURL* curl = handle.get();
  set(curl, worst, CURLOPT_URL, ask.url.c_str());
  set(curl, worst, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  set(curl, worst, CURLOPT_MAIL_FROM, from.c_str());
  set(curl, worst, CURLOPT_MAIL_RCPT, recipients.get());
  set(curl, worst, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);  // one mailbox that is gone keeps nobody else from hearing
  set(curl, worst, CURLOPT_UPLOAD, 1L);
  set(curl, worst, CURLOPT_READFUNCTION, &give);
  set(curl, worst, CURLOPT_READDATA, &sending);
  set(curl, worst, CURLOPT_HEADERFUNCTION, &take_reply);
  set(curl, worst, CURLOPT_HEADERDATA, &sending);
  set(curl, worst, CURLOPT_NOSIGNAL, 1L);
  set(curl, worst, CURLOPT_TIMEOUT_MS, static_cast<long>(ask.total_time));
  set(curl, worst, CURLOPT_PROXY, "");
  set(curl, worst, CURLOPT_SSL_VERIFYPEER, 1L);
  set(curl, worst, CURLOPT_SSL_VERIFYHOST, 2L);
  set(curl, worst, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(curl, worst, CURLOPT_USE_SSL, static_cast<long>(ask.user.empty() ? CURLUSESSL_TRY : CURLUSESSL_ALL));
  if (!ask.ca_file.empty()) set(curl, worst, CURLOPT_CAINFO, ask.ca_file.c_str());
  if (!ask.user.empty()) {
    set(curl, worst, CURLOPT_USERNAME, ask.user.c_str());
    set(curl, worst, CURLOPT_PASSWORD, password.c_str());
  }
  if (worst != CURLE_OK) return fail(ErrorKind::internal, "mail.failed", "libcurl lacks what is needed");
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) return failure(code, sending.reply);
  return sending.receipt;
}

}  // namespace countersign
