#include "proxy/adapters/aws_answers.h"

#include <array>

#include "core/json_writer.h"
#include "core/markup.h"
#include "core/visible.h"
#include "proxy/adapters/reply.h"

namespace countersign::adapters {
namespace {

constexpr std::size_t kMostMessage = 2'000;

std::string element(std::string_view name, std::string_view text) {
  return "<" + std::string(name) + ">" + escape_markup(text) + "</" + std::string(name) + ">";
}

// RFC 8949 section 3: the head of a text string or a map, and the string itself.
void put_cbor_head(std::string& out, unsigned major, std::size_t length) {
  const auto put = [&out](std::size_t byte) { out += static_cast<char>(byte & 0xff); };
  if (length < 24) {
    put(major << 5 | length);
  } else if (length < 256) {
    put(major << 5 | 24);
    put(length);
  } else {
    put(major << 5 | 25);
    put(length >> 8);
    put(length);
  }
}

void put_cbor_text(std::string& out, std::string_view text) {
  put_cbor_head(out, 3, text.size());
  out += text;
}

// How a client calls a refusal for which the caller lacks permission.
std::string_view denied_type(AwsTongue tongue) {
  switch (tongue.protocol) {
    case AwsProtocol::query:
      return "AccessDenied";
    case AwsProtocol::ec2:
      return "UnauthorizedOperation";
    case AwsProtocol::rest_xml:
      return tongue.s3 ? "AccessDenied" : "AccessDeniedException";
    case AwsProtocol::json:
    case AwsProtocol::rest_json:
    case AwsProtocol::rpc_cbor:
      return "AccessDeniedException";
  }
  return "AccessDenied";
}

std::string_view type_of(AwsTongue tongue, int status, const Error& error) {
  struct Known {
    std::string_view code, type, s3;
  };
  // S3 has words of its own for the same.
  static constexpr std::array kKnown = {
      Known{"token.missing", "MissingAuthenticationToken", "AccessDenied"},
      Known{"token.expired", "ExpiredTokenException", "ExpiredToken"},
      Known{"token.revoked", "UnrecognizedClientException", "InvalidAccessKeyId"},
      Known{"sigv4.bad_signature", "InvalidSignatureException", "SignatureDoesNotMatch"},
      Known{"sigv4.skew", "RequestExpired", "RequestTimeTooSkewed"},
      Known{"sigv4.payload_mismatch", "InvalidSignatureException", "XAmzContentSHA256Mismatch"},
  };
  for (const Known& known : kKnown) {
    if (error.code == known.code) return tongue.s3 ? known.s3 : known.type;
  }
  if (status == 503 || status == 504) return "ServiceUnavailable";
  if (status == 413) return tongue.s3 ? "EntityTooLarge" : "RequestEntityTooLargeException";
  if (status == 400) return "ValidationException";
  if (status >= 500) return "InternalFailure";
  return denied_type(tongue);
}

}  // namespace

AwsTongue tongue_of(const RequestHead& head, std::string_view service) {
  if (head.headers.get("smithy-protocol")) return {AwsProtocol::rpc_cbor};
  if (head.headers.get("X-Amz-Target")) return {AwsProtocol::json};
  const std::string_view type = head.headers.get("Content-Type").value_or("");
  if (type.starts_with("application/x-www-form-urlencoded"))
    return {service == "ec2" ? AwsProtocol::ec2 : AwsProtocol::query};
  if (service == "s3" || service == "s3-outposts" || service == "s3express") return {AwsProtocol::rest_xml, true};
  if (service == "route53" || service == "cloudfront") return {AwsProtocol::rest_xml};
  return {};
}

AwsFault fault_of(AwsTongue tongue, int status, const Error& error, std::string_view request) {
  AwsFault out{.status = status,
               .type = std::string(type_of(tongue, status, error)),
               .code = error.code,
               .message = error.message,
               .request = std::string(request)};
  // SDKs try again what failed with 5xx. What may have had an effect is not repeated by them.
  if (status >= 500 && status != 503) out.status = 400;
  if (status == 401) out.status = 403;
  return out;
}

AwsErrorBody error_body(AwsTongue tongue, const AwsFault& fault) {
  const std::string message = "[" + fault.code + "] " + printable(fault.message, kMostMessage);
  switch (tongue.protocol) {
    case AwsProtocol::json:
    case AwsProtocol::rest_json: {
      std::string text;
      JsonWriter(text)
          .begin_object()
          .member("__type", fault.type)
          .member("code", fault.code)
          .member("message", message)
          .member("request", fault.request)
          .end_object();
      return {tongue.protocol == AwsProtocol::json ? "application/x-amz-json-1.1" : "application/json", text};
    }
    case AwsProtocol::rpc_cbor: {
      std::string text;
      put_cbor_head(text, 5, 2);
      put_cbor_text(text, "__type");
      put_cbor_text(text, fault.type);
      put_cbor_text(text, "message");
      put_cbor_text(text, message);
      return {"application/cbor", text};
    }
    case AwsProtocol::ec2:
      return {"text/xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>" +
                              element("Code", fault.type) + element("Message", message) + "</Error></Errors>" +
                              element("RequestID", fault.request) + "</Response>"};
    case AwsProtocol::query:
      break;
    case AwsProtocol::rest_xml:
      if (tongue.s3)
        return {"application/xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>" + element("Code", fault.type) +
                                       element("Message", message) + element("RequestId", fault.request) + "</Error>"};
      break;
  }
  return {"text/xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ErrorResponse><Error><Type>Sender</Type>" +
                          element("Code", fault.type) + element("Message", message) + "</Error>" +
                          element("RequestId", fault.request) + "</ErrorResponse>"};
}

Task<Status> send_fault(ReplySink& sink, AwsTongue tongue, AwsFault fault) {
  AwsErrorBody body = error_body(tongue, fault);
  HeaderList headers;
  headers.add("Countersign-Code", fault.code);
  if (!fault.request.empty()) headers.add("Countersign-Request", fault.request);
  headers.add("Cache-Control", "no-store");
  if (tongue.protocol == AwsProtocol::json || tongue.protocol == AwsProtocol::rest_json)
    headers.add("X-Amzn-ErrorType", fault.type);
  if (tongue.protocol == AwsProtocol::rpc_cbor) headers.add("smithy-protocol", "rpc-v2-cbor");
  co_return co_await send(sink, fault.status, std::move(body.content_type), std::move(body.text), std::move(headers));
}

}  // namespace countersign::adapters
