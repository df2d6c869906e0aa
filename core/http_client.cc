#include "core/http_client.h"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <memory>
#include <mutex>

#include "core/curl.h"

namespace countersign {
namespace {

constexpr std::size_t kMaxUrl = 8'000;
constexpr std::size_t kMaxFields = 100;

// Once, before the first handle, and never undone: OpenSSL is shared with the rest of the program.
bool initialise() {
  static std::once_flag once;
  static bool done = false;
  std::call_once(once, [] { done = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK; });
  return done;
}

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

Status check_url(std::string_view url) {
  auto bad = [](std::string why) { return fail(ErrorKind::invalid, "http_client.bad_url", std::move(why)); };
  if (url.size() > kMaxUrl || !is_visible(url)) return bad("the address is too long or has characters no URL has");
  auto parsed = boost::urls::parse_uri(boost::urls::string_view(url.data(), url.size()));
  if (parsed.has_error()) return bad("the address is not a URL");
  const boost::urls::url_view& view = parsed.value();
  if (view.scheme() != "http" && view.scheme() != "https") return bad("only http and https are asked");
  if (view.encoded_host().empty()) return bad("the address has no host");
  if (view.has_userinfo()) return bad("the address has a user or password in it");
  return {};
}

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && text.size() <= 100 && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kMarks.contains(c);
  });
}

// libcurl sends a field as it is given, line breaks included.
Result<curl::List> fields_of(const HttpAsk& ask) {
  auto bad = [] { return fail(ErrorKind::invalid, "http_client.bad_header", "a header field is not one"); };
  if (!is_token(ask.method) || ask.headers.fields().size() > kMaxFields) return bad();
  curl::List list;
  auto append = [&list](const std::string& line) { return curl::append(list, line); };
  // What libcurl would add by itself: a pause for large bodies, and a form's content type.
  if (!append("Expect:")) return bad();
  if (!ask.headers.get("content-type") && !append("Content-Type:")) return bad();
  for (const HeaderField& field : ask.headers.fields()) {
    const bool sound = is_token(field.name) && std::ranges::none_of(field.value, [](char c) {
                         return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
                       });
    if (!sound) return bad();
    // "Name;" is libcurl's spelling of a field without a value.
    const std::string line = field.value.empty() ? field.name + ";" : field.name + ": " + field.value;
    if (!append(line)) return bad();
  }
  return list;
}

// What libcurl's callbacks fill. `over` tells a limit of ours from other failed writes.
struct Receiving {
  HttpAnswer answer;
  std::size_t most_bytes;
  std::size_t most_header_bytes;
  std::size_t header_bytes = 0;
  bool over = false;
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::size_t take_body(char* data, std::size_t one, std::size_t size, void* to) {
  auto& receiving = *static_cast<Receiving*>(to);
  const std::size_t bytes = one * size;
  if (bytes > receiving.most_bytes - receiving.answer.body.size()) {
    receiving.over = true;
    return 0;
  }
  receiving.answer.body.append(data, bytes);
  return bytes;
}

std::size_t take_header(char* data, std::size_t one, std::size_t size, void* to) {
  auto& receiving = *static_cast<Receiving*>(to);
  const std::size_t bytes = one * size;
  receiving.header_bytes += bytes;
  if (receiving.header_bytes > receiving.most_header_bytes) {
    receiving.over = true;
    return 0;
  }
  std::string_view line(data, bytes);
  if (line.starts_with("HTTP/")) {  // of a redirect before, or an interim answer
    receiving.answer.headers = {};
    receiving.answer.body.clear();
    return bytes;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return bytes;
  std::string_view value = line.substr(colon + 1);
  constexpr std::string_view kBlank = " \t\r\n";
  value.remove_prefix(std::min(value.find_first_not_of(kBlank), value.size()));
  value = value.substr(0, value.find_last_not_of(kBlank) + 1);
  receiving.answer.headers.add(lower(line.substr(0, colon)), value);
  return bytes;
}

std::unexpected<Error> failure(CURLcode code, const HttpAsk& ask, bool over) {
  if (over) return fail(ErrorKind::too_large, "http_client.too_large", "the answer is larger than allowed");
  // Without redirects, this is an answer that is not HTTP/1.
  if (code == CURLE_UNSUPPORTED_PROTOCOL && ask.redirects > 0) code = CURLE_TOO_MANY_REDIRECTS;
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return fail(ErrorKind::timed_out, "http_client.timed_out", "the server did not answer in time");
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return fail(ErrorKind::unavailable, "http_client.unreachable", "the server cannot be reached");
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return fail(ErrorKind::unavailable, "http_client.tls",
                  std::string("no trusted connection: ") + curl_easy_strerror(code));
    case CURLE_TOO_MANY_REDIRECTS:
      return fail(ErrorKind::unavailable, "http_client.redirected",
                  "the server sends elsewhere, which is not followed");
    default:
      return fail(ErrorKind::unavailable, "http_client.failed",
                  std::string("the request failed: ") + curl_easy_strerror(code));
  }
}

using curl::set;

CURLcode set_request(CURL* handle, const HttpAsk& ask, curl_slist* fields) {
  CURLcode worst = CURLE_OK;
  set(handle, worst, CURLOPT_URL, ask.url.c_str());
  set(handle, worst, CURLOPT_HTTPHEADER, fields);
  const bool has_body = !ask.body.empty() || ask.method == "POST" || ask.method == "PUT";
  if (ask.method == "HEAD") {
    set(handle, worst, CURLOPT_NOBODY, 1L);
  } else if (has_body) {
    set(handle, worst, CURLOPT_POSTFIELDS, ask.body.data());
    set(handle, worst, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(ask.body.size()));
  }
  if (ask.method != "HEAD") set(handle, worst, CURLOPT_CUSTOMREQUEST, ask.method.c_str());
  const bool may_follow = ask.redirects > 0 && (ask.method == "GET" || ask.method == "HEAD") && !has_body;
  set(handle, worst, CURLOPT_FOLLOWLOCATION, may_follow ? 1L : 0L);
  set(handle, worst, CURLOPT_MAXREDIRS, static_cast<long>(ask.redirects));
  const bool plain = ask.url.starts_with("http://");
  set(handle, worst, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle, worst, CURLOPT_REDIR_PROTOCOLS_STR, plain ? "http,https" : "https");
  return worst;
}

CURLcode set_limits(CURL* handle, const HttpAsk& ask, Receiving& receiving) {
  CURLcode worst = CURLE_OK;
  set(handle, worst, CURLOPT_NOSIGNAL, 1L);
  set(handle, worst, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(ask.connect_time));
  set(handle, worst, CURLOPT_TIMEOUT_MS, static_cast<long>(ask.total_time));
  set(handle, worst, CURLOPT_WRITEFUNCTION, &take_body);
  set(handle, worst, CURLOPT_WRITEDATA, &receiving);
  set(handle, worst, CURLOPT_HEADERFUNCTION, &take_header);
  set(handle, worst, CURLOPT_HEADERDATA, &receiving);
  set(handle, worst, CURLOPT_PROXY, ask.proxy.c_str());  // empty: none, also none of the environment's
  set(handle, worst, CURLOPT_NOPROXY, "");
  set(handle, worst, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(handle, worst, CURLOPT_SSL_VERIFYPEER, 1L);
  set(handle, worst, CURLOPT_SSL_VERIFYHOST, 2L);
  set(handle, worst, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!ask.ca_file.empty()) {
    set(handle, worst, CURLOPT_CAINFO, ask.ca_file.c_str());
    set(handle, worst, CURLOPT_CAPATH, nullptr);
  }
  return worst;
}

}  // namespace

curl::Handle curl::open() {
  return Handle(initialise() ? curl_easy_init() : nullptr);
}

Result<HttpAnswer> fetch(const HttpAsk& ask) {
  if (Status sound = check_url(ask.url); !sound) return fail(sound.error());
  Result<curl::List> fields = fields_of(ask);
  if (!fields) return fail(fields.error());
  curl::Handle handle = curl::open();
  if (!handle) return fail(ErrorKind::internal, "http_client.failed", "libcurl cannot be used");

  Receiving receiving{.answer = {}, .most_bytes = ask.most_bytes, .most_header_bytes = ask.most_header_bytes};
  CURLcode code = set_request(handle.get(), ask, fields->get());
  if (code == CURLE_OK) code = set_limits(handle.get(), ask, receiving);
  if (code != CURLE_OK) return fail(ErrorKind::internal, "http_client.failed", "libcurl lacks what is needed");
  code = curl_easy_perform(handle.get());
  if (code != CURLE_OK) return failure(code, ask, receiving.over);
  long status = 0;
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  receiving.answer.status = static_cast<int>(status);
  return std::move(receiving.answer);
}

}  // namespace countersign
