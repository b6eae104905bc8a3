// Sets of field paths as managedFields have them, for the server-side apply of SmallCluster. Lists
// that Kubernetes merges by key are known by their names; all others are taken as a whole.
#pragma once

#include <set>
#include <string>

#include "k8s-client/json.h"

namespace reconcilers::test {

using k8s::Json;
using Fields = std::set<std::string>;  // "f:metadata\nf:labels\nf:tier"

Fields fields_of(const Json& body);  // every leaf, without what identifies the object
Json to_fields_v1(const Fields& fields);
const Json* value_at(const Json& body, const std::string& path);
void erase_at(Json& body, const std::string& path);  // and parents that become empty by it
// Lays `intent` over `live`: objects by member, keyed lists by key, the rest replaced.
void lay_over(Json& live, const Json& intent);

}  // namespace reconcilers::test
