// What our clients over libcurl share (http_client.cc, mail_client.cc); nobody else includes it.
#pragma once

#include <curl/curl.h>

#include <memory>

namespace countersign::curl {

struct Free {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, Free>;

// A fresh handle; nullptr when libcurl cannot be used. Initialises it at the first call.
[[nodiscard]] Handle open();

// Remembers the first failure in `worst`.
template <class Value>
void set(CURL* handle, CURLcode& worst, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(handle, option, value);
  if (worst == CURLE_OK) worst = code;
}

}  // namespace countersign::curl
