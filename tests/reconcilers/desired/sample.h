// One resource in each profile, and a cluster that knows everything, with fixed values.
#pragma once

#include <string>

#include "crds/resolve.h"
#include "reconcilers/desired/desired.h"

namespace reconcilers::desired {

inline const std::vector<std::string> kProfiles = {"Minimal", "Test", "Production"};

// The resource `demo` with this spec; fails loudly when it is refused.
inline Resolved resolved(Json spec, const std::string& name = "demo") {
  const Json resource = {{"apiVersion", "entityservice.io/v1alpha1"},
                         {"kind", "EntityService"},
                         {"metadata",
                          {{"name", name},
                           {"namespace", "linkage"},
                           {"uid", "5c0f7a52-9d0c-4c39-8a27-6f4a7f4b7f10"},
                           {"generation", 1}}},
                         {"spec", std::move(spec)}};
  const crds::Outcome outcome = crds::resolve(resource, {.prerelease_allowed = true});
  std::string problems;
  for (const crds::Problem& problem : outcome.problems) problems += problem.text() + "\n";
  if (!outcome.resolved) throw std::invalid_argument(problems);
  return *outcome.resolved;
}

inline Resolved of_profile(const std::string& profile) { return resolved({{"profile", profile}}); }

inline Facts known() {
  Facts facts{.redis_addresses = {{"demo-redis-0", "10.96.0.10"},
                                  {"demo-redis-1", "10.96.0.11"},
                                  {"demo-redis-2", "10.96.0.12"},
                                  {"demo-redis-sentinel", "10.96.0.13"}},
              .database_identity = "pvc-database",
              .object_store_identity = "pvc-object-store"};
  int next = 0;
  facts.credentials = complete_credentials({}, [&](std::size_t length) {
    std::string value = "value" + std::to_string(next++);
    value.resize(length, 'x');
    return value;
  });
  return facts;
}

inline const Object& find(const Objects& objects, const std::string& kind,
                          const std::string& prefix) {
  for (const Object& object : objects) {
    if (object.kind() == kind && object.name().starts_with(prefix)) return object;
  }
  throw std::out_of_range("no " + kind + " " + prefix);
}

// The pod template of a Deployment, StatefulSet or Job; null of anything else.
inline Json template_of(const Object& object) {
  return object.body.value(Json::json_pointer("/spec/template"), Json());
}

}  // namespace reconcilers::desired
