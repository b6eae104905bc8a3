#include "k8s-client/tls_verdict.h"

#include <openssl/x509_vfy.h>

namespace k8s {

void TlsVerdict::watch(SSL_CTX* context) {
  SSL_CTX_set_cert_verify_callback(context, &TlsVerdict::verify, this);
}

int TlsVerdict::verify(X509_STORE_CTX* chain, void* verdict) {
  const int verified = X509_verify_cert(chain);
  if (verified <= 0) {
    const int error = X509_STORE_CTX_get_error(chain);
    static_cast<TlsVerdict*>(verdict)->error_.with([error](int& last) { last = error; });
  }
  return verified;
}

std::string TlsVerdict::words(const std::string& host) const {
  const int error = error_.with([](int last) { return last; });
  switch (error) {
    case X509_V_OK:
      return {};
    case X509_V_ERR_UNSPECIFIED:  // the chain is good and the HTTP library refused its name
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "the server's certificate does not name " + host +
             ": use an address that it names, or set tls-server-name";
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return std::string("the server's ") + X509_verify_cert_error_string(error) +
             ": renew it, or set this machine's clock";
    default:
      return std::string("the server's certificate is not trusted (") +
             X509_verify_cert_error_string(error) +
             "): check that the certificate authority is that of this server";
  }
}

}  // namespace k8s
