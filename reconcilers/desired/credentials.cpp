#include <openssl/evp.h>

#include <array>
#include <string>

#include "reconcilers/desired/desired.h"
#include "reconcilers/desired/metadata.h"

namespace reconcilers::desired {
namespace {

// All go into URLs as they are, so letters and digits only; S3 access keys may have any length.
constexpr std::size_t kLength = 32;

constexpr std::array kGenerated = {
    "postgres-password",
    "database-password",
    "redis-password",
    "objectstore-root-access-key",
    "objectstore-root-secret-key",
    "objectstore-app-access-key",
    "objectstore-app-secret-key",
    "objectstore-upload-access-key",
    "objectstore-upload-secret-key",
    "objectstore-download-access-key",
    "objectstore-download-secret-key",
    "hash-key",
};

std::string base64(const std::string& text) {
  std::string encoded((text.size() + 2) / 3 * 4 + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  encoded.resize(static_cast<std::size_t>(length));
  return encoded;
}

}  // namespace

Credentials complete_credentials(Credentials existing,
                                 const std::function<std::string(std::size_t)>& random) {
  for (const char* key : kGenerated) {
    if (!existing.contains(key)) existing[key] = random(kLength);
  }
  // A name, not a secret, but rotation changes it together with the password: one of two login
  // roles is current.
  existing.emplace("database-user", "anonlink_a");
  return existing;
}

Object credentials_secret(const Resolved& resolved, const Credentials& credentials) {
  Json data = Json::object();
  for (const auto& [key, value] : credentials) data[key] = base64(value);
  Object secret = object(resolved, kCredentials, "v1", "Secret", resolved.name + "-credentials",
                         {{"type", "Opaque"}, {"data", data}}, /*owned=*/false);
  secret.write = Write::CreateOnce;
  return secret;
}

}  // namespace reconcilers::desired
