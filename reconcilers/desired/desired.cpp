#include "reconcilers/desired/desired.h"

#include <iterator>
#include <stdexcept>
#include <utility>

#include "reconcilers/desired/components.h"
#include "reconcilers/desired/metadata.h"

namespace reconcilers::desired {
namespace {

struct Input {
  const Resolved& resolved;
  const Facts& facts;
  const AppConfig& config;
};

Objects credentials(const Input& in) {
  if (!in.facts.credentials) return {};
  return list_of(credentials_secret(in.resolved, *in.facts.credentials));
}

// Every component, in apply order: what something needs comes before it.
constexpr Objects (*kComponents[])(const Input&) = {
    [](const Input& in) { return identity(in.resolved); },
    credentials,
    [](const Input& in) { return policies(in.resolved); },
    [](const Input& in) {
      Objects objects = list_of(in.config.env, in.config.logging);
      if (in.config.resilience) objects.push_back(*in.config.resilience);
      return objects;
    },
    [](const Input& in) { return database(in.resolved, in.facts); },
    [](const Input& in) { return redis(in.resolved, in.facts); },
    [](const Input& in) { return object_store(in.resolved, in.facts); },
    [](const Input& in) { return migration(in.resolved, in.facts, in.config); },
    [](const Input& in) { return buckets(in.resolved, in.facts); },
    [](const Input& in) { return workers(in.resolved, in.facts, in.config); },
    [](const Input& in) { return api(in.resolved, in.facts, in.config); },
};

}  // namespace

Objects build(const Resolved& resolved, const Facts& facts) {
  const AppConfig config = app_config(resolved, facts);
  Objects all;
  for (const auto& component : kComponents) {
    Objects objects = component({resolved, facts, config});
    std::move(objects.begin(), objects.end(), std::back_inserter(all));
  }
  return all;
}

const char* name(Gate gate) {
  switch (gate) {
    case Gate::Credentials:
      return "Credentials";
    case Gate::RedisAddresses:
      return "RedisAddresses";
    case Gate::DatabaseReady:
      return "DatabaseReady";
    case Gate::RedisReady:
      return "RedisReady";
    case Gate::ObjectStoreReady:
      return "ObjectStoreReady";
    case Gate::Migrated:
      return "Migrated";
    case Gate::BucketsReady:
      return "BucketsReady";
    case Gate::WorkersRolled:
      return "WorkersRolled";
  }
  throw std::logic_error("unknown gate");
}

}  // namespace reconcilers::desired
