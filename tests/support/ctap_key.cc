#include "tests/support/ctap_key.h"

#include <fido.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "auth/cbor.h"

namespace countersign::testing {
namespace {

// CTAP 2.1: HID commands (section 11.2.9), authenticator commands (section 6) and status codes (section 6.3).
constexpr std::uint8_t kHidInit = 0x06;
constexpr std::uint8_t kHidCbor = 0x10;
constexpr std::uint8_t kMakeCredential = 0x01;
constexpr std::uint8_t kGetAssertion = 0x02;
constexpr std::uint8_t kGetInfo = 0x04;
constexpr std::uint8_t kOk = 0x00;
constexpr std::uint8_t kInvalidCommand = 0x01;
constexpr std::uint8_t kInvalidCbor = 0x12;
constexpr std::uint8_t kCredentialExcluded = 0x19;
constexpr std::uint8_t kUnsupportedOption = 0x2b;
constexpr std::uint8_t kNoCredentials = 0x2e;

std::map<std::string, CtapKey*>& plugged_in() {
  static std::map<std::string, CtapKey*> keys;
  return keys;
}

CtapKey& key_of(fido_dev_t* device) {
  return *static_cast<CtapKey*>(fido_dev_io_handle(device));
}

void* io_open(const char* path) {
  auto found = plugged_in().find(path);
  return found == plugged_in().end() ? nullptr : found->second;
}
void io_close(void*) {}
int io_read(void*, unsigned char*, std::size_t, int) {
  return -1;  // never: the transport below takes whole messages
}
int io_write(void*, const unsigned char*, std::size_t) {
  return -1;
}
int transmit(fido_dev_t* device, std::uint8_t command, const unsigned char* data, std::size_t size) {
  key_of(device).take(command, ByteView(data, size));
  return 0;
}
int receive(fido_dev_t* device, std::uint8_t command, unsigned char* data, std::size_t size, int) {
  Bytes message = key_of(device).give(command);
  if (message.size() > size) return -1;
  std::ranges::copy(message, data);
  return static_cast<int>(message.size());
}

Bytes status(std::uint8_t code) {
  return {code};
}
Bytes reply(const auth::CborWriter& body) {
  Bytes out = {kOk};
  out.insert(out.end(), body.written().begin(), body.written().end());
  return out;
}

struct Parameters {
  std::string party;
  Bytes client_hash;
  std::vector<Bytes> listed;  // excluded, or allowed
  bool user_verification = false;
  bool readable = false;
};

void read_list(auth::CborReader& in, std::vector<Bytes>& out) {
  for (std::size_t n = in.array(); n > 0; --n) {
    for (std::size_t pairs = in.map(); pairs > 0; --pairs) {
      if (in.text() == "id") {
        ByteView id = in.bytes();
        out.emplace_back(id.begin(), id.end());
      } else {
        in.skip();
      }
    }
  }
}

void read_options(auth::CborReader& in, Parameters& out) {
  for (std::size_t pairs = in.map(); pairs > 0; --pairs) {
    bool verification = in.text() == "uv";
    bool value = in.boolean();
    if (verification) out.user_verification = value;
  }
}

void read_party(auth::CborReader& in, Parameters& out) {
  for (std::size_t pairs = in.map(); pairs > 0; --pairs) {
    bool id = in.text() == "id";
    std::string_view text = in.text();
    if (id) out.party = text;
  }
}

Parameters read_parameters(ByteView cbor, std::uint8_t command) {
  const bool making = command == kMakeCredential;
  auth::CborReader in(cbor);
  Parameters out;
  for (std::size_t pairs = in.map(); pairs > 0; --pairs) {
    std::int64_t key = in.integer();
    if (key == (making ? 1 : 2)) {
      ByteView hash = in.bytes();
      out.client_hash.assign(hash.begin(), hash.end());
    } else if (key == 2) {
      read_party(in, out);
    } else if (!making && key == 1) {
      out.party = in.text();
    } else if (key == (making ? 5 : 3)) {
      read_list(in, out.listed);
    } else if (key == (making ? 7 : 5)) {
      read_options(in, out);
    } else {
      in.skip();
    }
  }
  in.finish();
  constexpr std::size_t kHash = 32;
  out.readable = in.fault() == auth::CborFault::none && out.client_hash.size() == kHash && !out.party.empty();
  return out;
}

}  // namespace

CtapKey::CtapKey() : path_("soft:" + to_hex(random_bytes(8))) {
  plugged_in()[path_] = this;
}

CtapKey::~CtapKey() {
  plugged_in().erase(path_);
}

fido_dev* CtapKey::open() {
  static const fido_dev_io_t kIo = {io_open, io_close, io_read, io_write};
  static const fido_dev_transport_t kTransport = {receive, transmit};
  fido_dev_t* device = fido_dev_new();
  bool opened = device != nullptr && fido_dev_set_io_functions(device, &kIo) == FIDO_OK &&
                fido_dev_set_transport_functions(device, &kTransport) == FIDO_OK &&
                fido_dev_open(device, path_.c_str()) == FIDO_OK;
  if (!opened) std::abort();
  return device;
}

void CtapKey::take(std::uint8_t command, ByteView message) {
  if (command == kHidInit) {
    // The nonce, a channel, protocol 2, a version, and: speaks CBOR, and no U2F.
    pending_.assign(message.begin(), message.end());
    pending_.insert(pending_.end(), {0, 0, 0, 1, 2, 1, 0, 0, 0x04 | 0x08});
  } else if (command == kHidCbor && !message.empty()) {
    pending_ = answer(message);
  }
}

Bytes CtapKey::give(std::uint8_t) {
  return std::exchange(pending_, {});
}

Bytes CtapKey::answer(ByteView request) {
  if (request[0] == kGetInfo) {
    auth::CborWriter info;
    info.map(3).uint(1).array(1).text("FIDO_2_0").uint(3).bytes(Bytes(16, 0)).uint(4);
    info.map(verifies_user ? 3 : 2).text("rk").boolean(false).text("up").boolean(true);
    if (verifies_user) info.text("uv").boolean(true);
    return reply(info);
  }
  if (next_error != 0) return status(std::exchange(next_error, std::uint8_t{0}));
  if (request[0] == kMakeCredential) return make(request.subspan(1));
  if (request[0] == kGetAssertion) return get(request.subspan(1));
  return status(kInvalidCommand);
}

Bytes CtapKey::make(ByteView cbor) {
  Parameters asked_for = read_parameters(cbor, kMakeCredential);
  if (!asked_for.readable) return status(kInvalidCbor);
  asked.push_back("make " + asked_for.party);
  if (asked_for.user_verification && !verifies_user) return status(kUnsupportedOption);
  for (const auto& key : keys) {
    if (std::ranges::find(asked_for.listed, key->id()) != asked_for.listed.end()) return status(kCredentialExcluded);
  }
  auto made = std::make_unique<SoftKey>(auth::CoseAlgorithm::es256, asked_for.party);
  made->flags = asked_for.user_verification ? kUserPresent | kUserVerified : kUserPresent;
  made->sign_count = 1;
  auth::CborWriter out;
  out.map(3).uint(1).text("none").uint(2).bytes(made->registration_data()).uint(3).map(0);
  keys.push_back(std::move(made));
  return reply(out);
}

Bytes CtapKey::get(ByteView cbor) {
  Parameters asked_for = read_parameters(cbor, kGetAssertion);
  if (!asked_for.readable) return status(kInvalidCbor);
  asked.push_back("get " + asked_for.party);
  if (asked_for.user_verification && !verifies_user) return status(kUnsupportedOption);
  for (const auto& key : keys) {
    if (key->relying_party_id != asked_for.party) continue;
    if (std::ranges::find(asked_for.listed, key->id()) == asked_for.listed.end()) continue;
    key->flags = asked_for.user_verification ? kUserPresent | kUserVerified : kUserPresent;
    ++key->sign_count;
    Bytes data = key->assertion_data();
    Bytes message = data;
    message.insert(message.end(), asked_for.client_hash.begin(), asked_for.client_hash.end());
    auth::CborWriter out;
    out.map(3).uint(1).map(2).text("id").bytes(key->id()).text("type").text("public-key");
    out.uint(2).bytes(data).uint(3).bytes(key->sign(message));
    return reply(out);
  }
  return status(kNoCredentials);
}

}  // namespace countersign::testing
