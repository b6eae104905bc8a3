// A certificate authority that lives as long as one test, made with OpenSSL.
#pragma once

#include <chrono>
#include <memory>
#include <string>

namespace k8s {

struct CertifiedKey {
  std::string cert_pem;
  std::string key_pem;
};

class TestCa {
 public:
  explicit TestCa(const std::string& name);
  ~TestCa();
  // `names`: e.g. "IP:127.0.0.1,DNS:api.test".
  CertifiedKey issue(const std::string& common_name, const std::string& names,
                     std::chrono::seconds expires_in = std::chrono::hours(24)) const;
  const std::string& pem() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// The key as it is stored with a password.
std::string encrypted(const std::string& key_pem);

}  // namespace k8s
