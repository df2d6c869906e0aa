#include "proxy/adapters/terraform_present.h"

#include "core/sha256.h"
#include "proxy/adapters/relay.h"
#include "proxy/adapters/terraform_request.h"

namespace countersign::adapters {
namespace {

constexpr std::string_view kAbsent = "absent";
constexpr std::string_view kTooLong = "too long";  // never the same as before

// A state as bytes; unreadable where Terraform's reading of it is not sure.
FoundState found_state(std::string_view bytes) {
  FoundState out{.kind = FoundState::Kind::unreadable, .state = {}, .sha256 = to_hex(sha256(bytes))};
  if (Result<TerraformState> state = read_terraform_state(bytes)) {
    out.kind = FoundState::Kind::readable;
    out.state = std::move(*state);
  }
  return out;
}

Result<std::string> text_of(BodySource* body) {
  std::string out;
  if (!body) return out;
  body->rewind();
  while (true) {
    Result<ByteView> piece = body->next();
    if (!piece) return fail(piece.error());
    if (piece->empty()) return out;
    out += as_text(*piece);
  }
}

}  // namespace

Result<FoundState> read_written_state(BodySource* body, const HeaderList& headers) {
  Result<std::string> text = text_of(body);
  if (!text) return fail(text.error());
  if (Status intact = check_content_md5(headers, *text); !intact) return fail(intact.error());
  return found_state(*text);
}

Task<Result<FoundState>> find_present_state(Doors& doors, std::string_view upstream, std::string path) {
  RequestHead head{"GET", std::move(path), {}};
  head.headers.add("Accept", "application/json");
  head.headers.add("Accept-Encoding", "identity");
  Result<std::unique_ptr<HttpReply>> reply = co_await ask_upstream(doors, upstream, std::move(head), nullptr);
  if (!reply) co_return fail(reply.error());
  const int status = (*reply)->head().status;
  const FoundState absent{.kind = FoundState::Kind::absent, .state = {}, .sha256 = {}};
  if (status == 204 || status == 404) co_return absent;
  if (status != 200) {
    co_return fail(ErrorKind::unavailable, "terraform.state_unknown",
                   "the server answered " + std::to_string(status) + " when it was asked for the present state");
  }
  HttpReply& answer = **reply;
  Error too_long{ErrorKind::too_large, "terraform.state_too_long", "the present state is too long"};
  Result<std::string> body = co_await read_all(answer, kMaxStateBytes, std::move(too_long));
  const bool encoded = answer.head().headers.get("Content-Encoding").has_value();
  if (encoded || (!body && body.error().code == "terraform.state_too_long")) co_return FoundState();
  if (!body) co_return fail(body.error());
  if (body->empty()) co_return absent;
  std::move_only_function<Result<FoundState>()> read = [&body]() -> Result<FoundState> { return found_state(*body); };
  co_return co_await blocking<FoundState>(&doors, std::move(read));
}

std::string recognised_by(const FoundState& present) {
  if (present.kind == FoundState::Kind::absent) return std::string(kAbsent);
  return present.sha256.empty() ? std::string(kTooLong) : present.sha256;
}

bool is_recognised(const FoundState& present, std::string_view as) {
  return as != kTooLong && recognised_by(present) == as;
}

}  // namespace countersign::adapters
