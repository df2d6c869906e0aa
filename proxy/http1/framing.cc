#include "proxy/http1/framing.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "core/http_head.h"

namespace countersign::http1 {
namespace {

constexpr std::size_t kMethodBytes = 32;

// Fields that mean nothing sensible twice: with two of them, the proxy and the upstream might each believe another one.
// The same names may not be listed in Connection, which would make a hop drop what this one judged.
constexpr std::array<std::string_view, 30> kSingletons = {"host",
                                                          "content-length",
                                                          "transfer-encoding",
                                                          "authorization",
                                                          "proxy-authorization",
                                                          "content-type",
                                                          "content-encoding",
                                                          "content-range",
                                                          "range",
                                                          "if-range",
                                                          "if-modified-since",
                                                          "if-unmodified-since",
                                                          "expect",
                                                          "origin",
                                                          "referer",
                                                          "cookie",
                                                          "date",
                                                          "from",
                                                          "max-forwards",
                                                          "user-agent",
                                                          "location",
                                                          "etag",
                                                          "last-event-id",
                                                          "mcp-protocol-version",
                                                          "mcp-session-id",
                                                          "x-http-method-override",
                                                          "x-amz-date",
                                                          "x-amz-security-token",
                                                          "x-amz-content-sha256",
                                                          "x-amz-target"};
static_assert(kSingletons.size() <= 32, "seen fields are kept as bits of a 32-bit word");

constexpr auto kTokenBytes = [] {
  std::array<bool, 256> table{};
  for (char c : std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

std::unexpected<Error> malformed(std::string_view code, std::string message) {
  return fail(ErrorKind::malformed, code, std::move(message));
}

bool is_space(char c) {
  return c == ' ' || c == '\t';
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool is_control(char c) {
  auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

// Takes the next line off `rest`, without its CR LF. The caller has made sure that `rest` ends with CR LF.
Result<std::string_view> next_line(std::string_view& rest) {
  std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return malformed("http.bare_cr", "the head does not end with an empty line");
  if (end == 0 || rest[end - 1] != '\r') return malformed("http.bare_lf", "a line ends without a carriage return");
  std::string_view line = rest.substr(0, end - 1);
  rest.remove_prefix(end + 1);
  if (auto bad = std::ranges::find_if(line, is_control); bad != line.end()) {
    if (*bad == '\r') return malformed("http.bare_cr", "a carriage return stands inside a line");
    return malformed("http.control_byte", "the head contains a control byte");
  }
  return line;
}

struct Field {
  std::string_view name;
  std::string_view value;
};

Result<Field> split_field(std::string_view line) {
  if (is_space(line.front())) return malformed("http.obs_fold", "a header line begins with white space");
  std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return malformed("http.bad_header", "a header line has no colon");
  Field field{line.substr(0, colon), trim(line.substr(colon + 1))};
  if (!field.name.empty() && is_space(field.name.back())) {
    return malformed("http.space_before_colon", "white space stands between a header's name and its colon");
  }
  if (!is_token(field.name))
    return malformed("http.bad_header_name", "a header name is empty or has a forbidden character");
  return field;
}

// What the fields of a message say together, gathered in one pass.
struct Fields {
  std::uint32_t seen = 0;  // bits of kSingletons
  std::size_t count = 0;
  std::optional<std::string_view> host, content_length, transfer_encoding, expect;
  bool close = false;
  bool keep_alive = false;
};

std::size_t singleton_index(std::string_view name) {
  for (std::size_t i = 0; i < kSingletons.size(); ++i) {
    if (kSingletons[i].size() == name.size() && equal_ignoring_case(kSingletons[i], name)) return i;
  }
  return kSingletons.size();
}

Status read_connection(std::string_view value, Fields& fields) {
  while (!value.empty()) {
    std::size_t comma = value.find(',');
    std::string_view option = trim(value.substr(0, comma));
    value = comma == std::string_view::npos ? std::string_view() : value.substr(comma + 1);
    if (option.empty()) continue;
    if (!is_token(option)) return malformed("http.bad_connection", "connection is not a list of tokens");
    if (equal_ignoring_case(option, "close")) fields.close = true;
    if (equal_ignoring_case(option, "keep-alive")) fields.keep_alive = true;
    if (singleton_index(option) < kSingletons.size()) {
      return malformed("http.connection_names_field", "connection names the end-to-end field " + std::string(option));
    }
  }
  return {};
}

Status repeated(std::string_view name) {
  if (equal_ignoring_case(name, "host")) return malformed("http.two_hosts", "there is more than one host header");
  if (equal_ignoring_case(name, "content-length")) {
    return malformed("http.repeated_content_length", "there is more than one content-length");
  }
  if (equal_ignoring_case(name, "transfer-encoding")) {
    return malformed("http.bad_transfer_encoding", "there is more than one transfer-encoding");
  }
  return malformed("http.repeated_header", "the header " + std::string(name) + " may stand only once");
}

Result<Fields> read_fields(std::string_view rest, const Limits& limits) {
  Fields fields;
  for (;;) {
    Result<std::string_view> line = next_line(rest);
    if (!line) return fail(line.error());
    if (line->empty()) break;
    Result<Field> field = split_field(*line);
    if (!field) return fail(field.error());
    if (++fields.count > limits.header_count) {
      return fail(ErrorKind::too_large, "http.too_many_headers", "there are too many header fields");
    }
    std::size_t index = singleton_index(field->name);
    if (index < kSingletons.size()) {
      std::uint32_t bit = std::uint32_t{1} << index;
      if ((fields.seen & bit) != 0) return fail(repeated(field->name).error());
      fields.seen |= bit;
      switch (index) {
        case 0:
          fields.host = field->value;
          break;
        case 1:
          fields.content_length = field->value;
          break;
        case 2:
          fields.transfer_encoding = field->value;
          break;
        default:
          break;
      }
      if (kSingletons[index] == "expect") fields.expect = field->value;
    } else if (equal_ignoring_case(field->name, "connection")) {
      if (Status read = read_connection(field->value, fields); !read) return fail(read.error());
    }
  }
  if (!rest.empty()) return malformed("http.bad_header", "bytes follow the end of the head");
  return fields;
}

struct BodyFraming {
  BodyKind kind = BodyKind::none;
  std::uint64_t length = 0;
};

// RFC 9112 section 6.3, without the cases it tells a lenient recipient to repair. nullopt: the message says nothing.
Result<std::optional<BodyFraming>> read_body_framing(const Fields& fields, int minor_version) {
  if (fields.transfer_encoding) {
    if (fields.content_length) {
      return malformed("http.length_and_coding", "there are both content-length and transfer-encoding");
    }
    if (!equal_ignoring_case(*fields.transfer_encoding, "chunked")) {
      return malformed("http.bad_transfer_encoding", "the only transfer coding understood is chunked");
    }
    if (minor_version == 0) return malformed("http.coding_in_http10", "http/1.0 has no transfer codings");
    return BodyFraming{BodyKind::chunked, 0};
  }
  if (!fields.content_length) return std::optional<BodyFraming>();
  std::string_view digits = *fields.content_length;
  bool decimal = !digits.empty() && digits.size() <= 18 &&
                 std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  if (!decimal)
    return malformed("http.bad_content_length", "content-length is not one decimal number of at most 18 digits");
  BodyFraming body{BodyKind::length, 0};
  std::from_chars(digits.data(), digits.data() + digits.size(), body.length);
  return body;
}

// The minor version; 505 for HTTP of another major version, 400 for what is not HTTP at all.
Result<int> read_version(std::string_view text) {
  if (text == "HTTP/1.1") return 1;
  if (text == "HTTP/1.0") return 0;
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() == 8 && text.starts_with("HTTP/") && digit(text[5]) && text[6] == '.' && digit(text[7])) {
    return fail(ErrorKind::unsupported, "http.version", "only http/1.1 and http/1.0 are spoken here");
  }
  return malformed("http.bad_request_line", "the first line does not end with an http version");
}

// "name", "name:port", "1.2.3.4", "[::1]:80". The name's characters are those of RFC 3986 reg-name without
// percent-encoding.
bool is_authority(std::string_view text) {
  std::string_view port;
  if (text.starts_with('[')) {
    std::size_t end = text.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    port = text.substr(end + 1);
    auto address = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
    };
    if (!std::ranges::all_of(text.substr(1, end - 1), address)) return false;
  } else {
    std::size_t colon = text.find(':');
    std::string_view name = text.substr(0, colon);
    port = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
    auto name_byte = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
             c == '_' || c == '~';
    };
    if (name.empty() || !std::ranges::all_of(name, name_byte)) return false;
  }
  if (port.empty()) return true;
  std::string_view digits = port.substr(1);
  return port.front() == ':' && !digits.empty() && digits.size() <= 5 &&
         std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
}

// RFC 9112 section 3.2: origin form, absolute form, "*" for OPTIONS. Returns what is judged and forwarded.
Result<std::string_view> read_target(std::string_view target, std::string_view method, std::string_view host) {
  if (target == "*") {
    if (method == "OPTIONS") return target;
    return malformed("http.bad_target", "only OPTIONS may ask for *");
  }
  if (target.starts_with('/')) return target;
  std::size_t scheme = equal_ignoring_case(target.substr(0, 7), "http://")    ? 7
                       : equal_ignoring_case(target.substr(0, 8), "https://") ? 8
                                                                              : 0;
  if (scheme == 0) return malformed("http.bad_target", "the target is neither a path nor an http address");
  std::string_view rest = target.substr(scheme);
  std::size_t slash = rest.find_first_of("/?");
  if (!equal_ignoring_case(rest.substr(0, slash), host)) {
    return malformed("http.authority_mismatch", "the target names another authority than host");
  }
  if (slash == std::string_view::npos) return std::string_view("/");
  if (rest[slash] == '?') return malformed("http.bad_target", "the target has a query but no path");
  return rest.substr(slash);
}

bool is_target_byte(char c) {
  auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte < 0x7f && c != '#';
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return kTokenBytes[static_cast<unsigned char>(c)]; });
}

bool is_field_value(std::string_view text) {
  return std::ranges::none_of(text, is_control);
}

Result<RequestFraming> check_request(std::string_view head, const Limits& limits) {
  if (head.size() > limits.head_bytes)
    return fail(ErrorKind::too_large, "http.head_too_large", "the head of the request is too large");
  std::string_view rest = head;
  Result<std::string_view> line = next_line(rest);
  if (!line) return fail(line.error());

  std::size_t first = line->find(' ');
  std::size_t last = line->rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return malformed("http.bad_request_line", "the first line is not: method, space, target, space, version");
  }
  RequestFraming framing;
  framing.method = line->substr(0, first);
  std::string_view target = line->substr(first + 1, last - first - 1);
  Result<int> version = read_version(line->substr(last + 1));
  if (!version) return fail(version.error());
  if (!is_token(framing.method) || framing.method.size() > kMethodBytes) {
    return malformed("http.bad_method", "the method is not a token of at most 32 characters");
  }
  if (framing.method == "CONNECT")
    return fail(ErrorKind::unsupported, "http.connect_refused", "CONNECT is not offered");
  if (target.size() > limits.target_bytes)
    return fail(ErrorKind::too_large, "http.target_too_long", "the target is too long");
  if (target.empty() || !std::ranges::all_of(target, is_target_byte)) {
    return malformed("http.bad_target", "the target is empty or has a character that must be percent-encoded");
  }

  Result<Fields> fields = read_fields(rest, limits);
  if (!fields) return fail(fields.error());
  framing.header_count = fields->count;
  if (!fields->host) return malformed("http.no_host", "there is no host header");
  if (!is_authority(*fields->host))
    return malformed("http.bad_host", "host is not a name or address with an optional port");
  framing.host = *fields->host;
  Result<std::string_view> judged = read_target(target, framing.method, framing.host);
  if (!judged) return fail(judged.error());
  framing.target = *judged;

  Result<std::optional<BodyFraming>> body = read_body_framing(*fields, *version);
  if (!body) return fail(body.error());
  if (*body) {
    framing.body = (*body)->kind == BodyKind::length && (*body)->length == 0 ? BodyKind::none : (*body)->kind;
    framing.length = (*body)->length;
  }
  if (fields->expect) {
    if (!equal_ignoring_case(*fields->expect, "100-continue")) {
      return malformed("http.expectation", "the only expectation understood is 100-continue");
    }
    if (*version == 1 && framing.body != BodyKind::none) framing.expectation = Expectation::continue_100;
  }
  bool keep = !fields->close && (*version == 1 || fields->keep_alive);
  framing.persistence = keep ? Persistence::keep_alive : Persistence::close;
  return framing;
}

Result<ResponseFraming> check_response(std::string_view head, std::string_view method, const Limits& limits) {
  if (head.size() > limits.head_bytes)
    return fail(ErrorKind::too_large, "http.head_too_large", "the head of the response is too large");
  std::string_view rest = head;
  Result<std::string_view> line = next_line(rest);
  if (!line) return fail(line.error());
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (line->size() < 13 || !line->starts_with("HTTP/") || (*line)[8] != ' ' ||
      !std::ranges::all_of(line->substr(9, 3), digit) || (*line)[12] != ' ') {
    return malformed("http.bad_status_line", "the first line is not: version, space, three digits, space, reason");
  }
  Result<int> version = read_version(line->substr(0, 8));
  if (!version) return fail(version.error());
  ResponseFraming framing;
  std::from_chars(line->data() + 9, line->data() + 12, framing.status);
  if (framing.status < 100 || framing.status > 599)
    return malformed("http.bad_status_line", "the status is not in 100 to 599");

  Result<Fields> fields = read_fields(rest, limits);
  if (!fields) return fail(fields.error());
  framing.header_count = fields->count;
  Result<std::optional<BodyFraming>> body = read_body_framing(*fields, *version);
  if (!body) return fail(body.error());
  bool keep = !fields->close && (*version == 1 || fields->keep_alive);

  bool never_a_body = framing.status < 200 || framing.status == 204;
  if (never_a_body && fields->transfer_encoding) {
    return malformed("http.bad_transfer_encoding", "a response that has no body announces a transfer coding");
  }
  if (never_a_body || framing.status == 304 || method == "HEAD") {
    framing.body = BodyKind::none;
  } else if (*body) {
    framing.body = (*body)->kind == BodyKind::length && (*body)->length == 0 ? BodyKind::none : (*body)->kind;
    framing.length = (*body)->length;
  } else {
    framing.body = BodyKind::until_close;
    keep = false;
  }
  framing.persistence = keep ? Persistence::keep_alive : Persistence::close;
  return framing;
}

Result<std::size_t> find_head_end(std::string_view bytes, std::size_t scanned) {
  // The first byte tells plain text from a TLS handshake or anything else that will never have lines.
  if (!bytes.empty() && !kTokenBytes[static_cast<unsigned char>(bytes.front())] && bytes.front() != '\r') {
    return malformed("http.bad_request_line", "these bytes do not begin an http message");
  }
  std::size_t from = scanned;
  for (;;) {
    std::size_t end = bytes.find('\n', from);
    if (end == std::string_view::npos) return std::size_t{0};
    if (end == 0 || bytes[end - 1] != '\r') return malformed("http.bare_lf", "a line ends without a carriage return");
    if (end >= 3 && bytes[end - 2] == '\n') return end + 1;
    from = end + 1;
  }
}

int status_of(const Error& error) {
  std::string_view code = error.code;
  if (code == "http.head_too_large" || code == "http.too_many_headers") return 431;
  if (code == "http.target_too_long") return 414;
  if (code == "http.timeout") return 408;
  if (code == "http.expectation") return 417;
  if (code == "http.sni_mismatch") return 421;
  if (code == "http.version") return 505;
  if (code == "upstream.bad_response") return 502;
  return http_status(error.kind);
}

}  // namespace countersign::http1
