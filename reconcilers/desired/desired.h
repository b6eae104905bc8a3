// Resolved → every object that the resource should have. Pure: no I/O, no clock, no randomness;
// what depends on the live cluster comes in as `Facts`. Never includes k8s-client/.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "crds/json.h"
#include "crds/resolved.h"

namespace reconcilers::desired {

using crds::Json;
using crds::Resolved;

// Secret values by key, as they are (not base64). See `credentials.h` for the keys.
using Credentials = std::map<std::string, std::string>;

// What the builders need to know of the live cluster.
struct Facts {
  // Content of N-credentials; empty while it is not known. Templates then carry no HMAC and the
  // gate `Credentials` is shut.
  std::optional<Credentials> credentials = {};
  // clusterIP of each of redis_hosts() by the name of its Service; hostAliases need all of them,
  // the gate RedisAddresses is shut until then.
  std::map<std::string, std::string> redis_addresses = {};
  // Of these Services those that are gone while the address is still known: they ask for it again.
  std::set<std::string> redis_services_lost = {};
  // Redis may elect its first master by itself: no volume of it existed when N-redis-state was
  // made.
  bool redis_bootstrap = true;
  // volumeClaimTemplates of the StatefulSets that exist, by name: they can never change. What a
  // volume should have by now is the claim's business.
  std::map<std::string, Json> claim_templates = {};
  // Identity of the data behind the Jobs: uid of the volume claim, or of the pod when there is no
  // volume. Empty while unknown.
  std::string database_identity = {}, object_store_identity = {};
};

// GCC 12 takes a scoped enumerator for one that hides `Credentials` above.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
// What must be true before an object may be created (or its pod template changed).
enum class Gate {
  Credentials,     // N-credentials exists and has been read
  RedisAddresses,  // the Services that hosts files name have their addresses
  DatabaseReady,
  RedisReady,
  ObjectStoreReady,
  Migrated,       // the migration Job for this image and database has succeeded
  BucketsReady,   // the buckets Job has succeeded
  WorkersRolled,  // on a version change: the workers' rollout has finished (API only)
};
#pragma GCC diagnostic pop
const char* name(Gate gate);

enum class Write {
  Apply,       // server-side apply whenever it differs
  CreateOnce,  // Secrets, Jobs, immutable ConfigMaps, N-redis-state: never written again
};

struct Object {
  Json body;              // complete, canonical: apiVersion, kind, metadata, …; no nulls
  std::string component;  // "redis": also the label entityservice.io/component
  Write write = Write::Apply;
  std::set<Gate> gates = {};
  bool owned = true;  // carries the ownerReference (false: N-credentials, N-redis-state)

  std::string kind() const { return body.at("kind"); }
  std::string name() const { return body.at("metadata").at("name"); }
};
using Objects = std::vector<Object>;

// In apply order: what something needs comes before it.
Objects build(const Resolved& resolved, const Facts& facts);

// New values for N-credentials, all keys; `random(n)` returns n characters of [A-Za-z0-9].
// Existing ones are kept, missing ones added.
Credentials complete_credentials(Credentials existing,
                                 const std::function<std::string(std::size_t)>& random);
// The Secret N-credentials with these values (no ownerReference).
Object credentials_secret(const Resolved& resolved, const Credentials& credentials);

}  // namespace reconcilers::desired
