// Builders must not emit an empty object for a field that the server merges key by key (labels,
// annotations, nodeSelector, limits …): nothing of it would be ours and it could never be in step.
// `emptyDir: {}`, `podSelector: {}` and other empty leaves are compared as whole values.
#include <algorithm>
#include <optional>
#include <utility>

#include "k8s-client/encoding.h"
#include "k8s-client/record.h"

namespace k8s {
namespace {

std::string canonical_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void sort_by_text(Json& list) {
  std::vector<std::pair<std::string, Json>> items;
  for (Json& item : list) items.emplace_back(canonical_text(item), std::move(item));
  std::sort(items.begin(), items.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  list = Json::array();
  for (auto& item : items) list.push_back(std::move(item.second));
}

bool holds_only_objects(const Json& list) {
  return std::all_of(list.begin(), list.end(), [](const Json& item) { return item.is_object(); });
}

// Lists of objects sorted, from the inside out; lists of scalars keep their order (arguments).
Json canonical(Json value) {
  if (value.is_object() || value.is_array()) {
    for (Json& child : value) child = canonical(std::move(child));
  }
  if (value.is_array() && holds_only_objects(value)) sort_by_text(value);
  return value;
}

bool has_keys(const Json& item, const Json& keys) {
  if (!item.is_object()) return false;
  for (const auto& [name, value] : keys.items()) {
    const auto found = item.find(name);
    if (found == item.end() || *found != value) return false;
  }
  return true;
}

// The element of `list` that a path element "k:…", "v:…" or "i:…" names; null: there is none.
const Json* element(const Json& list, const std::string& path) {
  const Json wanted = Json::parse(path.substr(2), nullptr, false);
  if (wanted.is_discarded()) return nullptr;
  if (path[0] == 'i') {
    if (!wanted.is_number_unsigned() || wanted.get<std::size_t>() >= list.size()) return nullptr;
    return &list[wanted.get<std::size_t>()];
  }
  for (const Json& item : list) {
    if (path[0] == 'v' ? item == wanted : has_keys(item, wanted)) return &item;
  }
  return nullptr;
}

// `live` reduced to the paths of `fields` (the encoding of fieldsV1).
Json project(const Json& live, const Json& fields) {
  if (!fields.is_object() || fields.empty()) return canonical(live);
  if (live.is_object()) {
    Json out = Json::object();
    for (const auto& [path, below] : fields.items()) {
      if (path.rfind("f:", 0) != 0) continue;
      const auto child = live.find(path.substr(2));
      if (child != live.end()) out[path.substr(2)] = project(*child, below);
    }
    return out;
  }
  if (live.is_array()) {
    Json out = Json::array();
    for (const auto& [path, below] : fields.items()) {
      if (path.size() < 2 || path[1] != ':') continue;
      if (const Json* item = element(live, path)) out.push_back(project(*item, below));
    }
    sort_by_text(out);
    return out;
  }
  return live;
}

const Json* own_fields(const Json& object, const std::string& manager) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return nullptr;
  const auto entries = metadata->find("managedFields");
  if (entries == metadata->end() || !entries->is_array()) return nullptr;
  for (const Json& entry : *entries) {
    if (!entry.is_object() || entry.value("manager", "") != manager ||
        entry.value("operation", "") != "Apply" || !entry.value("subresource", "").empty()) {
      continue;
    }
    const auto fields = entry.find("fieldsV1");
    return fields != entry.end() && fields->is_object() && !fields->empty() ? &*fields : nullptr;
  }
  return nullptr;
}

// What identifies an object is not what we want of it.
Json without_identity(Json body) {
  body.erase("apiVersion");
  body.erase("kind");
  const auto metadata = body.find("metadata");
  if (metadata == body.end() || !metadata->is_object()) return body;
  for (const char* field : {"name", "namespace", "uid", "resourceVersion"}) metadata->erase(field);
  if (metadata->empty()) body.erase("metadata");
  return body;
}

}  // namespace

Json owned_projection(const Json& object, const std::string& manager) {
  if (!object.is_object()) return nullptr;
  const Json* fields = own_fields(object, manager);
  if (fields == nullptr) return nullptr;
  return without_identity(project(object, *fields));
}

std::string owned_hash(const Json& object, const std::string& manager) {
  const Json owned = owned_projection(object, manager);
  return owned.is_null() ? std::string() : sha256_hex(canonical_text(owned));
}

std::string desired_hash(const Json& body) {
  return sha256_hex(canonical_text(canonical(without_identity(body))));
}

}  // namespace k8s
