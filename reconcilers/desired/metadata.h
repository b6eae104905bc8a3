// Names, labels, owner references and the frame of every object: the one place for each.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reconcilers/desired/desired.h"

namespace reconcilers::desired {

inline constexpr const char* kResourceLabel = "entityservice.io/resource";
inline constexpr const char* kComponentLabel = "entityservice.io/component";
// The components, also the names in status.components[]
inline constexpr const char* kDatabase = "database";
inline constexpr const char* kRedis = "redis";
inline constexpr const char* kObjectStore = "object-store";
inline constexpr const char* kMigration = "migration";
inline constexpr const char* kBuckets = "buckets";
inline constexpr const char* kWorker = "worker";
inline constexpr const char* kHighMemory = "worker-highmemory";
inline constexpr const char* kApi = "api";
inline constexpr const char* kIdentity = "identity";
inline constexpr const char* kCredentials = "credentials";
inline constexpr const char* kPolicy = "policy";
inline constexpr const char* kConfig = "config";

// {entityservice.io/resource, entityservice.io/component}: all that a selector ever contains.
Json selector(const Resolved& resolved, const std::string& component);
// The selector's labels and the plain app.kubernetes.io/{name,instance,component,version,
// managed-by,part-of} ones; `instance` only when `owned`.
Json labels(const Resolved& resolved, const std::string& component, bool owned = true);
Json owner_reference(const Resolved& resolved);  // controller: true, blockOwnerDeletion: true

// An object of ours in its frame; `rest` holds spec, data, … and may hold metadata.annotations.
Object object(const Resolved& resolved, const std::string& component,
              const std::string& api_version, const std::string& kind, const std::string& name,
              Json rest, bool owned = true);

// A list that takes what it is given, where an initializer list would copy it.
template <typename... Each>
Objects list_of(Each&&... objects) {
  Objects list;
  list.reserve(sizeof...(objects));
  (list.push_back(std::forward<Each>(objects)), ...);
  return list;
}

// Immutable ConfigMap `PREFIX-HASH8`, whose name follows its content; CreateOnce.
Object hashed_config(const Resolved& resolved, const std::string& component,
                     const std::string& prefix, const std::map<std::string, std::string>& data);
// The same in two steps, for content that is large and the same for all.
struct HashedFiles {
  Json data;
  std::string hash;
};
HashedFiles hashed_files(const std::map<std::string, std::string>& data);
Object config_of(const Resolved& resolved, const std::string& component, const std::string& prefix,
                 const HashedFiles& files);

// First eight hex digits of SHA-256.
std::string hash8(const std::string& text);
// HMAC-SHA-256 (hex, 16 digits) of the values of `keys` under credentials["hash-key"]: goes into
// pod templates so that a changed Secret rolls its consumers and tells nothing about the values.
std::string secret_hash(const Credentials& credentials, const std::vector<std::string>& keys);

}  // namespace reconcilers::desired
