// StorageClasses, and what the API server's validation and admission say of a claim's size.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "k8s-client/json.h"
#include "k8s-client/transport.h"

namespace reconcilers::test {

struct SmallStorage {
  std::map<std::string, bool> classes = {{"standard", true}};  // → allowVolumeExpansion
  bool forbidden = false;                                      // to read classes

  k8s::Response read(const std::string& name) const;
  // nullopt: the change of the claim is accepted.
  std::optional<k8s::Response> refuse(const k8s::Json& before, const k8s::Json& after) const;
};

}  // namespace reconcilers::test
