#include "proxy/adapters/aws_answers.h"

#include <array>

#include "auth/cbor.h"
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
      auth::CborWriter body;
      body.map(2).text("__type").text(fault.type).text("message").text(message);
      return {"application/cbor", std::string(as_text(body.written()))};
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
