#include "reconcilers/desired/metadata.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace reconcilers::desired {
namespace {

std::string hex(const unsigned char* bytes, std::size_t count) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(count * 2);
  for (std::size_t i = 0; i < count; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 0x0f];
  }
  return text;
}

// `version` is said of what runs the application and is written on every change: on volumes,
// immutable objects or other components' objects a new version would be a needless difference.
bool carries_version(const std::string& component) {
  return component == kWorker || component == kHighMemory || component == kApi;
}

}  // namespace

Json selector(const Resolved& resolved, const std::string& component) {
  return {{kResourceLabel, resolved.name}, {kComponentLabel, component}};
}

Json labels(const Resolved& resolved, const std::string& component, bool owned) {
  Json all = selector(resolved, component);
  // Not the Helm chart's `entity-service`: a Service of a release would select our pods.
  all["app.kubernetes.io/name"] = "anonlink-entity-service";
  all["app.kubernetes.io/component"] = component;
  all["app.kubernetes.io/managed-by"] = "entityservice-operator";
  all["app.kubernetes.io/part-of"] = "anonlink";
  if (owned) all["app.kubernetes.io/instance"] = resolved.name;
  if (owned && carries_version(component)) {
    all["app.kubernetes.io/version"] = resolved.app_version;
  }
  return all;
}

Json owner_reference(const Resolved& resolved) {
  return {{"apiVersion", "entityservice.io/v1alpha1"},
          {"kind", "EntityService"},
          {"name", resolved.name},
          {"uid", resolved.uid},
          {"controller", true},
          {"blockOwnerDeletion", true}};
}

Object object(const Resolved& resolved, const std::string& component,
              const std::string& api_version, const std::string& kind, const std::string& name,
              Json rest, bool owned) {
  Json body = std::move(rest);
  if (body.is_null()) body = Json::object();
  body["apiVersion"] = api_version;
  body["kind"] = kind;
  Json& metadata = body["metadata"];
  metadata["name"] = name;
  metadata["namespace"] = resolved.ns;
  metadata["labels"] = labels(resolved, component, owned);
  if (owned) metadata["ownerReferences"] = Json::array({owner_reference(resolved)});
  return {.body = std::move(body), .component = component, .owned = owned};
}

Object hashed_config(const Resolved& resolved, const std::string& component,
                     const std::string& prefix, const std::map<std::string, std::string>& data) {
  return config_of(resolved, component, prefix, hashed_files(data));
}

HashedFiles hashed_files(const std::map<std::string, std::string>& data) {
  HashedFiles files{.data = data, .hash = {}};
  files.hash = hash8(files.data.dump());
  return files;
}

Object config_of(const Resolved& resolved, const std::string& component, const std::string& prefix,
                 const HashedFiles& files) {
  Object config = object(resolved, component, "v1", "ConfigMap", prefix + "-" + files.hash,
                         {{"data", files.data}, {"immutable", true}});
  config.body["metadata"]["labels"].erase("app.kubernetes.io/version");
  config.write = Write::CreateOnce;
  return config;
}

std::string hash8(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 is not available");
  }
  return hex(digest.data(), 4);
}

std::string secret_hash(const Credentials& credentials, const std::vector<std::string>& keys) {
  std::string text;
  for (const std::string& key : keys) {
    const auto found = credentials.find(key);
    // With the length before it, no value can pass for another key's.
    text += key + (found == credentials.end()
                       ? " absent\n"
                       : " " + std::to_string(found->second.size()) + " " + found->second + "\n");
  }
  const auto secret = credentials.find("hash-key");
  const std::string key = secret == credentials.end() ? std::string() : secret->second;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
           &length) == nullptr) {
    throw std::runtime_error("HMAC-SHA-256 is not available");
  }
  return hex(digest.data(), 8);
}

}  // namespace reconcilers::desired
