// Any bytes as an envelope, and as a statement that has got past its signature: an error or a value that says the same
// when it is written again, never a crash.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "audit/attestation.h"
#include "audit/dsse.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace countersign::audit;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const SigningKey kKey = SigningKey::generate();
  static const VerifierKey kName = VerifierKey::make("fuzz.example/log", kKey.public_key()).value();

  const auto envelope = parse_envelope(text);
  if (envelope && (envelope->signatures.empty() || check_signatures(*envelope, {&kName, 1}))) std::abort();
  if (verify_attestation(text, {&kName, 1})) std::abort();  // nobody but us has this key

  const auto statement = parse_statement(envelope ? std::string_view(envelope->payload) : text);
  if (statement) {
    const auto written = statement_text(*statement);
    if (!written) std::abort();
    const auto again = parse_statement(*written);
    if (!again || statement_text(*again).value() != *written) std::abort();
  }
  const std::string signed_text = sign_envelope(kInTotoMediaType, text, kName, kKey);
  if (signed_text.size() > kMaxEnvelopeBytes) return 0;
  const auto opened = parse_envelope(signed_text);
  if (!opened || opened->payload != text || !check_signatures(*opened, {&kName, 1})) std::abort();
  return 0;
}
