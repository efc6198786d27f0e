#include "tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace converge::bridge {

namespace {

std::string reason() {
  unsigned long code = ERR_get_error();
  const char* text = code != 0 ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  return text != nullptr ? text : "unknown reason";
}

}  // namespace

std::string Tls::load() {
  if (!wanted()) return {};
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  if (!context) return "cannot make a TLS context: " + reason();
  SSL_CTX_set_min_proto_version(context.get(), config_.tls_version == TlsVersion::v1_2 ? TLS1_2_VERSION : TLS1_3_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Idle connections keep no record buffers.
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  if (SSL_CTX_use_certificate_chain_file(context.get(), config_.tls_certificate.c_str()) != 1)
    return "cannot use the certificate \"" + config_.tls_certificate + "\": " + reason();
  const std::string& key = config_.tls_key.empty() ? config_.tls_certificate : config_.tls_key;
  if (SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
    return "cannot use the key \"" + key + "\": " + reason();
  if (SSL_CTX_check_private_key(context.get()) != 1)
    return "the key \"" + key + "\" is not that of the certificate \"" + config_.tls_certificate + "\": " + reason();
  std::lock_guard lock(mutex_);
  context_ = std::move(context);
  return {};
}

std::shared_ptr<SSL_CTX> Tls::context() const {
  std::lock_guard lock(mutex_);
  return context_;
}

}  // namespace converge::bridge
