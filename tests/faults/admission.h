// What the API server in memory fills in and what it refuses: defaults, fields that cannot change,
// terminating namespaces, quotas, volumes that cannot grow. Owned by the ApiServer.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "k8s-client/transport.h"
#include "tests/faults/storage.h"

namespace faults {

k8s::Response refusal(int code, const std::string& reason, const std::string& message,
                      Json details = nullptr);

struct Admission {
  const Storage& storage;

  // Fills in what is left out; `before`: what an update changes, null for a new object.
  // `addresses`: how many Services have got one.
  void set_defaults(const ObjectKey& key, const Json* before, Json& body, int& addresses) const;
  std::optional<k8s::Response> refuse_new(const ObjectKey& key, const Json& body) const;
  std::optional<k8s::Response> refuse_change(const ObjectKey& key, const Json& before,
                                             const Json& after) const;

 private:
  std::optional<k8s::Response> refuse_more(const ObjectKey& key) const;
  std::optional<k8s::Response> refuse_growth(const Json& before, const Json& after) const;
};

}  // namespace faults
