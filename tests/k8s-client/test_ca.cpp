#include "tests/k8s-client/test_ca.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <stdexcept>

namespace k8s {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Key new_key() { return {EVP_EC_gen("P-256"), &EVP_PKEY_free}; }

template <typename Write>
std::string to_pem(Write write) {
  BIO* bio = BIO_new(BIO_s_mem());
  write(bio);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string out(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return out;
}

void extend(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  if (extension == nullptr) throw std::runtime_error("bad certificate extension " + value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Certificate certificate(const std::string& name, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key,
                        const std::string& alt_names, std::chrono::seconds expires_in) {
  static long serial = 1;
  Certificate out{X509_new(), &X509_free};
  X509_set_version(out.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(out.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(out.get()), std::min(-60L, expires_in.count() - 3600L));
  X509_gmtime_adj(X509_getm_notAfter(out.get()), expires_in.count());
  X509_set_pubkey(out.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(out.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509* signer = issuer == nullptr ? out.get() : issuer;
  X509_set_issuer_name(out.get(), X509_get_subject_name(signer));
  if (issuer == nullptr) extend(out.get(), signer, NID_basic_constraints, "critical,CA:TRUE");
  if (!alt_names.empty()) extend(out.get(), signer, NID_subject_alt_name, alt_names);
  X509_sign(out.get(), issuer_key, EVP_sha256());
  return out;
}

std::string pem_of(X509* one) {
  return to_pem([&](BIO* bio) { PEM_write_bio_X509(bio, one); });
}

}  // namespace

struct TestCa::Parts {
  Key key = new_key();
  Certificate root{nullptr, &X509_free};
  std::string pem = {};
};

TestCa::TestCa(const std::string& name) : parts_(std::make_unique<Parts>()) {
  parts_->root =
      certificate(name, parts_->key.get(), nullptr, parts_->key.get(), "", std::chrono::hours(24));
  parts_->pem = pem_of(parts_->root.get());
}

TestCa::~TestCa() = default;

const std::string& TestCa::pem() const { return parts_->pem; }

CertifiedKey TestCa::issue(const std::string& common_name, const std::string& names,
                           std::chrono::seconds expires_in) const {
  const Key key = new_key();
  const Certificate leaf =
      certificate(common_name, key.get(), parts_->root.get(), parts_->key.get(), names, expires_in);
  return {pem_of(leaf.get()), to_pem([&](BIO* bio) {
            PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

std::string encrypted(const std::string& key_pem) {
  BIO* bio = BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size()));
  const Key key{PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr), &EVP_PKEY_free};
  BIO_free(bio);
  unsigned char password[] = "password";
  return to_pem([&](BIO* out) {
    PEM_write_bio_PrivateKey(out, key.get(), EVP_aes_256_cbc(), password, 8, nullptr, nullptr);
  });
}

}  // namespace k8s
