// The http adapter: REST and WebDAV services behind the proxy, mounted at /NAME/….
//
// A request is named by the operator's rules, then by the upstream's OpenAPI document, then by safe defaults
// (http_operations.h). Its resource is HttpEndpoint::"NAME/path"; MOVE and COPY also write the Destination. The bytes
// of the target are forwarded as they came; every spelling that could be read as another path is refused.
//
// A held request is answered with 202 and a Location to ask at; `Prefer: wait=N` holds the connection up to N seconds,
// 600 at most. The identical retry collects the answer.
#pragma once

#include <memory>
#include <string>

#include "core/config.h"
#include "proxy/adapters/adapter.h"
#include "proxy/adapters/http_operations.h"

namespace countersign::adapters {

inline constexpr TimeMs kMaxPreferredWait = 600'000;

// Immutable after construction: describe, thaw and preview may be called from any thread.
class HttpAdapter final : public Adapter {
 public:
  // Reads the OpenAPI document. Errors: those of HttpOperations::load.
  static Result<std::unique_ptr<HttpAdapter>> create(const config::Upstream& upstream);

  Task<Status> prepare(Doors& doors) override;
  Result<std::unique_ptr<Conversation>> describe(const Inbound& inbound, Doors& doors) const override;
  Result<std::unique_ptr<Conversation>> thaw(const approvals::Frozen& frozen, std::string_view body,
                                             Doors& doors) const override;
  Result<Edited> edit(const approvals::Frozen& frozen, std::string_view body, std::string_view change,
                      Doors& doors) const override;
  [[nodiscard]] std::string sentence(const approvals::Frozen& frozen, std::string_view body,
                                     std::string_view environment) const override;
  [[nodiscard]] Preview preview(const approvals::Frozen& frozen, std::string_view body) const override;
  Task<Status> refuse(ReplySink& sink, Denial denial, const Inbound& inbound) const override;

 private:
  HttpAdapter(config::Upstream upstream, HttpOperations operations);

  config::Upstream upstream_;
  std::string origin_;     // "http://host:port"
  std::string base_path_;  // "" or "/api"
  HttpOperations operations_;
};

}  // namespace countersign::adapters
