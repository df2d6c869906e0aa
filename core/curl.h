// What our clients over libcurl share (http_client.cc, mail_client.cc); nobody else includes it.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

namespace countersign::curl {

struct Free {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, Free>;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, FreeList>;
// False when there is no memory for it; the list is as it was then.
[[nodiscard]] inline bool append(List& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) return false;
  static_cast<void>(list.release());
  list.reset(longer);
  return true;
}

// A fresh handle; nullptr when libcurl cannot be used. Initialises it at the first call.
[[nodiscard]] Handle open();

// Remembers the first failure in `worst`.
template <class Value>
void set(CURL* handle, CURLcode& worst, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(handle, option, value);
  if (worst == CURLE_OK) worst = code;
}

}  // namespace countersign::curl
