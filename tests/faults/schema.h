// What the API server in memory knows of the kinds that the operator uses: how they are served, and
// which of their lists and maps are merged, and by what. Values; held against the real API server
// by conformance_test.cpp.
#pragma once

#include <string>
#include <vector>

#include "k8s-client/json.h"
#include "k8s-client/resource.h"

namespace faults {

using k8s::Json;

struct Kind {
  k8s::Resource resource;
  bool has_generation = false;
  bool has_status = false;  // a subresource of its own
};

const std::vector<Kind>& kinds();
const Kind* find_kind(const std::string& plural);  // as in a URL; null: not served
const Kind& kind_named(const std::string& kind);   // throws std::out_of_range

// A path element of fieldsV1 and the value that it leads to.
struct Child {
  std::string element;  // "f:name", "k:{…}", "v:…"
  const Json* value;
};

// The parts of `value` that have owners of their own: members of an object, items of a list with
// keys or of a set. None where it has but one owner. `field` is the name under which it stands, and
// empty for items.
std::vector<Child> children(const std::string& field, const Json& value);
// Whether `value`, which stands at `element` under `parent`, has one owner as a whole.
bool is_leaf(const std::string& parent, const std::string& element, const Json& value);

Json* find_child(const std::string& field, Json& parent, const std::string& element);
const Json* find_child(const std::string& field, const Json& parent, const std::string& element);
void erase_child(const std::string& field, Json& parent, const std::string& element);
// The child, made as an empty value if it is not there.
Json& make_child(const std::string& field, Json& parent, const std::string& element);

std::string field_of(const std::string& element);  // "name" of "f:name", else ""
inline bool is_item(const std::string& element) { return !element.starts_with("f:"); }

}  // namespace faults
