// Why the certificate of a server was refused. Of a failed handshake OpenSSL's error says no more
// than "certificate verify failed"; the reason is known only while the chain is being verified, so
// it is noted then and read when the failure is told. Thread-safe.
#pragma once

#include <openssl/ssl.h>

#include <string>

#include "k8s-client/guarded.h"

namespace k8s {

class TlsVerdict {
 public:
  // Notes each verification of `context`'s connections; must outlive them.
  void watch(SSL_CTX* context);
  // Of the last certificate that was refused, with the remedy; `host` is the name that was asked
  // for. Empty: none was.
  std::string words(const std::string& host) const;

 private:
  static int verify(X509_STORE_CTX* chain, void* verdict);
  Guarded<int> error_{X509_V_OK};
};

}  // namespace k8s
