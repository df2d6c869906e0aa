#include "proxy/http1/head.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

namespace countersign::http1 {
namespace {

namespace beast = boost::beast;

// Collects what Beast reads of a head. Beast is stopped there: bodies are read by body.h.
template <bool kIsRequest, class Head>
class HeadParser final : public beast::http::basic_parser<kIsRequest> {
 public:
  explicit HeadParser(Head& head) : head_(head) {}
  std::size_t fields() const { return fields_; }

 private:
  using Text = beast::string_view;
  using Code = beast::error_code;
  static std::string_view text(Text value) { return {value.data(), value.size()}; }

  void on_request_impl(beast::http::verb, Text method, Text target, int, Code&) override {
    if constexpr (kIsRequest) {
      head_.method = text(method);
      head_.target = text(target);
    }
  }
  void on_response_impl(int status, Text, int, Code&) override {
    if constexpr (!kIsRequest) head_.status = status;
  }
  void on_field_impl(beast::http::field, Text name, Text value, Code&) override {
    head_.headers.add(text(name), text(value));
    ++fields_;
  }
  void on_header_impl(Code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override {}
  std::size_t on_body_impl(Text, Code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, Text, Code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text, Code&) override { return 0; }
  void on_finish_impl(Code&) override {}

  Head& head_;
  std::size_t fields_ = 0;
};

// Whether Beast reads all of `bytes` as one head with `expected` fields.
template <bool kIsRequest, class Head>
bool parse_with_beast(std::string_view bytes, const Limits& limits, std::size_t expected, Head& head) {
  HeadParser<kIsRequest, Head> parser(head);
  parser.header_limit(static_cast<std::uint32_t>(limits.head_bytes + 1));
  parser.body_limit(boost::none);
  parser.skip(true);
  beast::error_code failed;
  std::size_t used = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), failed);
  return !failed && parser.is_header_done() && used == bytes.size() && parser.fields() == expected;
}

std::unexpected<Error> ambiguous() {
  return fail(ErrorKind::malformed, "http.ambiguous", "two readers understand this message differently");
}

}  // namespace

Result<ParsedRequest> parse_request(std::string_view bytes, const Limits& limits) {
  Result<RequestFraming> framing = check_request(bytes, limits);
  if (!framing) return fail(framing.error());
  ParsedRequest parsed{{}, *framing};
  if (!parse_with_beast<true>(bytes, limits, framing->header_count, parsed.head)) return ambiguous();
  if (parsed.head.method != framing->method) return ambiguous();
  parsed.head.target = framing->target;
  return parsed;
}

Result<ParsedResponse> parse_response(std::string_view bytes, std::string_view method, const Limits& limits) {
  Result<ResponseFraming> framing = check_response(bytes, method, limits);
  if (!framing) return fail(framing.error());
  ParsedResponse parsed{{}, *framing};
  if (!parse_with_beast<false>(bytes, limits, framing->header_count, parsed.head)) return ambiguous();
  if (parsed.head.status != framing->status) return ambiguous();
  return parsed;
}

}  // namespace countersign::http1
