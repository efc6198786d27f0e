// The certificate, and its replacement while the bridge runs.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <mutex>
#include <string>

#include "config.h"

namespace converge::bridge {

class Tls {
 public:
  // Whether the settings ask for TLS.
  explicit Tls(const Config& config) : config_(config) {}
  bool wanted() const { return !config_.tls_certificate.empty(); }

  // Reads certificate and key; connections made from now on use them. Gives
  // what is wrong, or nothing; what was loaded before stays in use then.
  std::string load();

  // For a new connection; null without TLS. From any thread.
  std::shared_ptr<SSL_CTX> context() const;

 private:
  const Config& config_;
  mutable std::mutex mutex_;
  std::shared_ptr<SSL_CTX> context_;
};

}  // namespace converge::bridge
