#include "proxy/http1/writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <vector>

namespace countersign::http1 {
namespace {

constexpr std::array<std::string_view, 9> kHopByHop = {
    "connection",     "keep-alive",        "proxy-connection", "te", "trailer", "upgrade",
    "http2-settings", "transfer-encoding", "content-length"};

bool is_hop_by_hop(std::string_view name) {
  return std::ranges::any_of(
      kHopByHop, [&](std::string_view hop) { return hop.size() == name.size() && equal_ignoring_case(hop, name); });
}

Status append_fields(std::string& out, const HeaderList& headers) {
  for (const HeaderField& field : headers.fields()) {
    if (is_hop_by_hop(field.name)) continue;
    if (!is_token(field.name) || !is_field_value(field.value)) {
      return fail(ErrorKind::internal, "http.bad_header", "a header field cannot be written");
    }
    out.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return {};
}

void append_number(std::string& out, std::uint64_t number, int base) {
  std::array<char, 24> digits{};
  auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number, base);
  out.append(digits.data(), written.ptr);
}

void append_framing(std::string& out, Delimiting body, Persistence persistence) {
  if (body.kind == BodyKind::length) {
    out += "Content-Length: ";
    append_number(out, body.length, 10);
    out += "\r\n";
  } else if (body.kind == BodyKind::chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  }
  if (persistence == Persistence::close) out += "Connection: close\r\n";
  out += "\r\n";
}

}  // namespace

Status append_response_head(std::string& out, const ResponseHead& head, Delimiting body, Persistence persistence) {
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::uint64_t>(head.status), 10);
  out.append(" ").append(reason_phrase(head.status)).append("\r\n");
  if (Status written = append_fields(out, head.headers); !written) return written;
  if (head.headers.count("date") == 0) out.append("Date: ").append(http_date()).append("\r\n");
  append_framing(out, body, persistence);
  return {};
}

Status append_request_head(std::string& out, const RequestHead& head, Delimiting body, Persistence persistence) {
  bool target_ok =
      !head.target.empty() && std::ranges::all_of(head.target, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!is_token(head.method) || !target_ok || head.headers.count("host") != 1) {
    return fail(ErrorKind::internal, "http.bad_header",
                "a request line cannot be written, or there is not exactly one host");
  }
  out.append(head.method).append(" ").append(head.target).append(" HTTP/1.1\r\n");
  if (Status written = append_fields(out, head.headers); !written) return written;
  append_framing(out, body, persistence);
  return {};
}

void append_chunk(std::string& out, ByteView bytes) {
  append_number(out, bytes.size(), 16);
  out.append("\r\n").append(as_text(bytes)).append("\r\n");
}

void strip_hop_by_hop(HeaderList& headers) {
  std::vector<std::string> named;
  for (const HeaderField& field : headers.fields()) {
    if (!equal_ignoring_case(field.name, "connection")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      std::size_t comma = rest.find(',');
      std::string_view option = rest.substr(0, comma);
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
      std::size_t begin = option.find_first_not_of(" \t");
      if (begin == std::string_view::npos) continue;
      named.emplace_back(option.substr(begin, option.find_last_not_of(" \t") - begin + 1));
    }
  }
  for (const HeaderField& field : headers.fields()) {
    if (is_hop_by_hop(field.name)) named.push_back(field.name);
  }
  for (const std::string& name : named) headers.remove(name);
}

std::string_view http_date() {
  // A per-thread cache: formatting the same second again for every response would cost more than the rest of the head.
  static thread_local std::time_t written = -1;
  static thread_local std::array<char, 32> text{};
  static thread_local std::size_t size = 0;
  std::time_t now = std::time(nullptr);
  if (now != written) {
    std::tm utc{};
    gmtime_r(&now, &utc);
    size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    written = now;
  }
  return {text.data(), size};
}

}  // namespace countersign::http1
