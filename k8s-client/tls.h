// Whom we trust and who we are on a TLS connection, as PEM text, and its way into OpenSSL. Values
// and pure functions; thread-safe.
#pragma once

#include <openssl/ssl.h>

#include <string>

namespace k8s {

struct TlsMaterial {
  std::string ca_pem = {};
  std::string cert_pem = {};
  std::string key_pem = {};
  bool insecure = false;  // whoever answers is believed
  bool operator==(const TlsMaterial&) const = default;
};

// Trusts `material.ca_pem` alone (not the system's roots), shows the client certificate, asks for
// TLS 1.2 or newer. `insecure` trusts anybody. Throws ConfigError that names the part that OpenSSL
// refuses.
void install_tls(SSL_CTX* context, const TlsMaterial& material);

// Throws what install_tls would throw.
void check_tls(const TlsMaterial& material);

// What a packed OpenSSL error code says, e.g. "certificate verify failed".
std::string describe_openssl_error(unsigned long code);

}  // namespace k8s
