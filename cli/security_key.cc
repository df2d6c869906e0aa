#include "cli/security_key.h"

#include <fido.h>

#include <algorithm>

#include "auth/cbor.h"

namespace countersign::cli {
namespace {

constexpr std::size_t kMostKeys = 16;  // looked for

struct FreeList {
  void operator()(fido_dev_info_t* list) const { fido_dev_info_free(&list, kMostKeys); }
};
struct FreeCredential {
  void operator()(fido_cred_t* credential) const { fido_cred_free(&credential); }
};
struct FreeAssertion {
  void operator()(fido_assert_t* assertion) const { fido_assert_free(&assertion); }
};

// Once a process. A key that speaks only the old U2F cannot verify its user, so there is no falling back to that.
void prepare() {
  static const bool done = [] {
    fido_init(FIDO_DISABLE_U2F_FALLBACK);
    return true;
  }();
  static_cast<void>(done);
}

Error error_of(int code) {
  switch (code) {
    case FIDO_ERR_PIN_INVALID:
      return {ErrorKind::forbidden, "key.pin_wrong", "that is not the key's PIN"};
    case FIDO_ERR_PIN_BLOCKED:
    case FIDO_ERR_PIN_AUTH_BLOCKED:
    case FIDO_ERR_UV_BLOCKED:
      return {ErrorKind::forbidden, "key.pin_blocked",
              "the key takes no more attempts: plug it in again, or reset it if it says so again"};
    case FIDO_ERR_ACTION_TIMEOUT:
    case FIDO_ERR_USER_ACTION_TIMEOUT:
    case FIDO_ERR_OPERATION_DENIED:
    case FIDO_ERR_KEEPALIVE_CANCEL:
    case FIDO_ERR_UV_INVALID:
      return {ErrorKind::forbidden, "key.refused", "nobody confirmed on the key in time"};
    case FIDO_ERR_NO_CREDENTIALS:
      return {ErrorKind::not_found, "key.unknown", "this security key is none of those that are enrolled for you"};
    case FIDO_ERR_CREDENTIAL_EXCLUDED:
      return {ErrorKind::conflict, "key.known", "this security key is enrolled already"};
    case FIDO_ERR_UNSUPPORTED_OPTION:
    case FIDO_ERR_PIN_NOT_SET:
    case FIDO_ERR_PIN_REQUIRED:
      return {ErrorKind::invalid, "key.no_verification",
              "the key has no PIN and no fingerprint: set a PIN first, with its maker's tool or fido2-token -S"};
    default:
      return {ErrorKind::unavailable, "key.failed",
              std::string("the security key could not do it: ") + fido_strerr(code)};
  }
}

// The first failure of several calls.
class Steps {
 public:
  void operator()(int code) {
    if (code_ == FIDO_OK) code_ = code;
  }
  [[nodiscard]] bool failed() const { return code_ != FIDO_OK; }
  [[nodiscard]] Error error() const { return error_of(code_); }

 private:
  int code_ = FIDO_OK;
};

Bytes copy_of(const unsigned char* data, std::size_t size) {
  return data == nullptr ? Bytes() : Bytes(data, data + size);
}

// libfido2 hands the authenticator data of an assertion out as the CBOR byte string it came in.
Bytes unwrapped(const Bytes& cbor) {
  auth::CborReader in(cbor);
  ByteView inner = in.bytes();
  in.finish();
  return in.fault() == auth::CborFault::none ? Bytes(inner.begin(), inner.end()) : Bytes();
}

const char* text_or_null(const Secret& secret, std::string& copy) {
  if (secret.empty()) return nullptr;
  copy = secret.expose();
  return copy.c_str();
}

}  // namespace

void FreeFidoDevice::operator()(fido_dev* device) const {
  fido_dev_close(device);
  fido_dev_free(&device);
}

Result<SecurityKey> SecurityKey::open(std::string_view path) {
  prepare();
  std::string chosen(path);
  if (chosen.empty()) {
    std::unique_ptr<fido_dev_info_t, FreeList> list(fido_dev_info_new(kMostKeys));
    std::size_t found = 0;
    if (!list || fido_dev_info_manifest(list.get(), kMostKeys, &found) != FIDO_OK || found == 0)
      return fail(ErrorKind::not_found, "key.none", "no security key is plugged in");
    chosen = fido_dev_info_path(fido_dev_info_ptr(list.get(), 0));
    if (found > 1) {
      std::string all;
      for (std::size_t i = 0; i < found; ++i)
        all += std::string(i == 0 ? "" : ", ") + fido_dev_info_path(fido_dev_info_ptr(list.get(), i));
      return fail(ErrorKind::invalid, "key.several", "several security keys are plugged in: " + all);
    }
  }
  FidoDevice device(fido_dev_new());
  if (!device) return fail(error_of(FIDO_ERR_INTERNAL));
  if (int code = fido_dev_open(device.get(), chosen.c_str()); code != FIDO_OK) return fail(error_of(code));
  return SecurityKey(std::move(device));
}

Result<Secret> SecurityKey::verification(const AskPin& ask_pin) const {
  if (fido_dev_has_uv(device_.get())) return Secret();
  if (fido_dev_has_pin(device_.get())) return ask_pin();
  return fail(error_of(FIDO_ERR_PIN_NOT_SET));
}

Result<std::string> SecurityKey::create(const Creation& creation, const AskPin& ask_pin) {
  auto pin = verification(ask_pin);
  if (!pin) return fail(pin.error());
  std::unique_ptr<fido_cred_t, FreeCredential> credential(fido_cred_new());
  if (!credential) return fail(error_of(FIDO_ERR_INTERNAL));
  Steps steps;
  ByteView client = as_bytes(creation.client_data);
  steps(fido_cred_set_type(credential.get(), COSE_ES256));
  steps(fido_cred_set_clientdata(credential.get(), client.data(), client.size()));
  steps(fido_cred_set_rp(credential.get(), creation.relying_party_id.c_str(), creation.relying_party_name.c_str()));
  steps(fido_cred_set_user(credential.get(), creation.user_id.data(), creation.user_id.size(),
                           creation.user_name.c_str(), creation.user_name.c_str(), nullptr));
  steps(fido_cred_set_uv(credential.get(), FIDO_OPT_TRUE));
  for (const std::string& id : creation.exclude) {
    auto bytes = from_base64url(id);
    if (bytes) steps(fido_cred_exclude(credential.get(), bytes->data(), bytes->size()));
  }
  std::string copy;
  if (!steps.failed()) steps(fido_dev_make_cred(device_.get(), credential.get(), text_or_null(*pin, copy)));
  std::ranges::fill(copy, '\0');
  if (steps.failed()) return fail(steps.error());
  Bytes data = copy_of(fido_cred_authdata_raw_ptr(credential.get()), fido_cred_authdata_raw_len(credential.get()));
  // Attestation is not asked for, so none is passed on: it could say which key of which maker this person has.
  auth::CborWriter object;
  object.map(3).text("fmt").text("none").text("attStmt").map(0).text("authData").bytes(data);
  return to_base64url(object.written());
}

Result<auth::Assertion> SecurityKey::answer(std::string_view relying_party_id, std::string_view client_data,
                                            const std::vector<std::string>& allowed, const AskPin& ask_pin) {
  if (allowed.empty()) return fail(error_of(FIDO_ERR_NO_CREDENTIALS));
  auto pin = verification(ask_pin);
  if (!pin) return fail(pin.error());
  std::unique_ptr<fido_assert_t, FreeAssertion> assertion(fido_assert_new());
  if (!assertion) return fail(error_of(FIDO_ERR_INTERNAL));
  Steps steps;
  ByteView client = as_bytes(client_data);
  steps(fido_assert_set_clientdata(assertion.get(), client.data(), client.size()));
  steps(fido_assert_set_rp(assertion.get(), std::string(relying_party_id).c_str()));
  steps(fido_assert_set_up(assertion.get(), FIDO_OPT_TRUE));
  steps(fido_assert_set_uv(assertion.get(), FIDO_OPT_TRUE));
  for (const std::string& id : allowed) {
    auto bytes = from_base64url(id);
    if (bytes) steps(fido_assert_allow_cred(assertion.get(), bytes->data(), bytes->size()));
  }
  std::string copy;
  if (!steps.failed()) steps(fido_dev_get_assert(device_.get(), assertion.get(), text_or_null(*pin, copy)));
  std::ranges::fill(copy, '\0');
  if (steps.failed()) return fail(steps.error());
  if (fido_assert_count(assertion.get()) != 1) return fail(error_of(FIDO_ERR_INVALID_CBOR));
  Bytes data =
      unwrapped(copy_of(fido_assert_authdata_ptr(assertion.get(), 0), fido_assert_authdata_len(assertion.get(), 0)));
  Bytes id = copy_of(fido_assert_id_ptr(assertion.get(), 0), fido_assert_id_len(assertion.get(), 0));
  Bytes signature = copy_of(fido_assert_sig_ptr(assertion.get(), 0), fido_assert_sig_len(assertion.get(), 0));
  return auth::Assertion{// A key that was offered a single id may leave it out (CTAP 2.1 section 6.2.2).
                         .credential = id.empty() ? allowed.front() : to_base64url(id),
                         .authenticator_data = to_base64url(data),
                         .client_data = to_base64url(client),
                         .signature = to_base64url(signature)};
}

}  // namespace countersign::cli
