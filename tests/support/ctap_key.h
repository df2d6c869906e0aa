// A security key made of software behind libfido2: it speaks CTAP 2.0 (getInfo, makeCredential, getAssertion) where a
// USB device would, so that everything above the cable is the real code. It verifies its user by itself, or cannot; it
// has no PIN.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "tests/support/soft_key.h"

struct fido_dev;

namespace countersign::testing {

class CtapKey {
 public:
  CtapKey();
  ~CtapKey();
  CtapKey(const CtapKey&) = delete;
  CtapKey& operator=(const CtapKey&) = delete;

  // A device of libfido2 that talks to this key, open; the caller closes and frees it.
  [[nodiscard]] fido_dev* open();

  bool verifies_user = true;                   // built-in verification, as a fingerprint reader has
  std::uint8_t next_error = 0;                 // CTAP status of the next command after getInfo, once
  std::vector<std::unique_ptr<SoftKey>> keys;  // made so far
  std::vector<std::string> asked;              // "make localhost", "get localhost"

  // For the transport.
  void take(std::uint8_t command, ByteView message);
  [[nodiscard]] Bytes give(std::uint8_t command);

 private:
  [[nodiscard]] Bytes answer(ByteView request);
  [[nodiscard]] Bytes make(ByteView parameters);
  [[nodiscard]] Bytes get(ByteView parameters);

  std::string path_;
  Bytes pending_;
};

}  // namespace countersign::testing
