#include "proxy/adapters/reply.h"

#include "core/json_reader.h"
#include "core/json_writer.h"

namespace countersign::adapters {

Task<Status> send(ReplySink& sink, int status, std::string content_type, std::string body, HeaderList extra) {
  ResponseHead head{status, std::move(extra)};
  if (!content_type.empty()) head.headers.set("Content-Type", content_type);
  std::optional<std::uint64_t> length = body.size();
  Status started = co_await sink.start(std::move(head), length);
  if (!started) co_return started;
  if (!body.empty()) {
    ByteView bytes = as_bytes(body);
    Status written = co_await sink.write(bytes);
    if (!written) co_return written;
  }
  co_return co_await sink.finish();
}

Task<Status> send_problem(ReplySink& sink, int status, Error error, std::string extra_members) {
  std::string body = problem_json(status, error, extra_members);
  HeaderList none;
  co_return co_await send(sink, status, "application/problem+json", std::move(body), std::move(none));
}

std::string encode_headers(const HeaderList& headers) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_array();
  for (const HeaderField& field : headers.fields()) {
    writer.begin_array().value(field.name).value(field.value).end_array();
  }
  writer.end_array();
  return out;
}

Result<HeaderList> decode_headers(std::string_view json) {
  auto malformed = [] { return fail(ErrorKind::internal, "request.malformed", "the stored headers cannot be read"); };
  Result<JsonDocument> document = JsonDocument::parse(json);
  if (!document || !document->root().is_array()) return malformed();
  HeaderList headers;
  for (JsonValue pair = document->root().first(); pair; pair = pair.next()) {
    std::optional<std::string_view> name = pair.at("/0").string();
    std::optional<std::string_view> value = pair.at("/1").string();
    if (!name || !value || pair.size() != 2) return malformed();
    headers.add(*name, *value);
  }
  return headers;
}

}  // namespace countersign::adapters
