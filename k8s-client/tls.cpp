#include "k8s-client/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

#include "k8s-client/errors.h"

namespace k8s {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Bio memory(const std::string& pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free};
}

// Without it OpenSSL asks for the password at the terminal, and waits.
int no_password(char*, int, int, void* asked) {
  if (asked != nullptr) *static_cast<bool*>(asked) = true;
  return -1;
}

Certificate next_certificate(BIO* bio) {
  return {PEM_read_bio_X509(bio, nullptr, &no_password, nullptr), &X509_free};
}

[[noreturn]] void refuse(const char* part, const char* demand = "it must be PEM text") {
  const std::string why = describe_openssl_error(ERR_get_error());
  ERR_clear_error();
  throw ConfigError(std::string(part) + " is not accepted by OpenSSL (" + why + "): " + demand);
}

void trust(SSL_CTX* context, const std::string& ca_pem) {
  X509_STORE* store = X509_STORE_new();
  SSL_CTX_set_cert_store(context, store);  // owns it now; replaces the system's roots
  const Bio bio = memory(ca_pem);
  bool any = false;
  while (const Certificate certificate = next_certificate(bio.get())) {
    if (X509_STORE_add_cert(store, certificate.get()) != 1) refuse("the CA certificate");
    any = true;
  }
  if (!any) refuse("the CA certificate");
  ERR_clear_error();  // the end of the PEM text is reported as an error
}

void identify(SSL_CTX* context, const TlsMaterial& material) {
  const Bio chain = memory(material.cert_pem);
  const Certificate leaf = next_certificate(chain.get());
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) refuse("the client certificate");
  while (Certificate issuer = next_certificate(chain.get())) {
    if (SSL_CTX_add0_chain_cert(context, issuer.get()) != 1) refuse("the client certificate");
    static_cast<void>(issuer.release());  // the chain owns it
  }
  ERR_clear_error();
  const Bio bio = memory(material.key_pem);
  bool encrypted = false;
  const Key key{PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_password, &encrypted),
                &EVP_PKEY_free};
  if (encrypted) {
    refuse("the client key",
           "it is encrypted and there is nobody to ask for the password; store it without one, "
           "as 'openssl pkey -in KEY -out KEY.plain' writes it");
  }
  if (!key) refuse("the client key");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    refuse("the client key", "it must be the key of the client certificate");
  }
}

}  // namespace

void install_tls(SSL_CTX* context, const TlsMaterial& material) {
  ERR_clear_error();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  if (material.insecure) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  } else {
    trust(context, material.ca_pem);
  }
  if (!material.cert_pem.empty()) identify(context, material);
}

void check_tls(const TlsMaterial& material) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_client_method()),
                                                                  &SSL_CTX_free};
  install_tls(context.get(), material);
}

std::string describe_openssl_error(unsigned long code) {
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "no PEM block found" : reason;
}

}  // namespace k8s
