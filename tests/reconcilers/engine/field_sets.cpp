#include "tests/reconcilers/engine/field_sets.h"

#include <map>
#include <sstream>
#include <vector>

namespace reconcilers::test {
namespace {

const std::string* merge_key(const std::string& list) {
  static const std::map<std::string, std::string> keys = {
      {"containers", "name"},     {"initContainers", "name"},       {"env", "name"},
      {"volumes", "name"},        {"imagePullSecrets", "name"},     {"volumeMounts", "mountPath"},
      {"ownerReferences", "uid"}, {"volumeClaimTemplates", "name"}, {"conditions", "type"},
      {"hostAliases", "ip"},
  };
  const auto found = keys.find(list);
  return found == keys.end() ? nullptr : &found->second;
}

bool is_keyed(const std::string& name, const Json& value) {
  const std::string* key = merge_key(name);
  if (key == nullptr || !value.is_array() || value.empty()) return false;
  for (const Json& item : value)
    if (!item.is_object() || !item.contains(*key)) return false;
  return true;
}

std::string key_element(const std::string& list, const Json& item) {
  const std::string& key = *merge_key(list);
  return "k:" + Json{{key, item.at(key)}}.dump();
}

bool identifies(const std::string& path) {
  static const std::set<std::string> paths = {"f:apiVersion",
                                              "f:kind",
                                              "f:metadata\nf:name",
                                              "f:metadata\nf:namespace",
                                              "f:metadata\nf:uid",
                                              "f:metadata\nf:resourceVersion",
                                              "f:metadata\nf:generation",
                                              "f:metadata\nf:creationTimestamp",
                                              "f:metadata\nf:deletionTimestamp",
                                              "f:metadata\nf:managedFields"};
  return paths.contains(path);
}

void collect(const std::string& name, const Json& value, const std::string& path, Fields& out) {
  if (identifies(path)) return;
  if (value.is_object() && !value.empty()) {
    for (const auto& [member, below] : value.items())
      collect(member, below, (path.empty() ? "" : path + "\n") + "f:" + member, out);
  } else if (is_keyed(name, value)) {
    for (const Json& item : value) collect("", item, path + "\n" + key_element(name, item), out);
  } else if (!path.empty()) {
    out.insert(path);
  }
}

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> elements;
  std::istringstream in(path);
  for (std::string element; std::getline(in, element);) elements.push_back(element);
  return elements;
}

Json* child(Json& value, const std::string& element) {
  if (element.rfind("f:", 0) == 0) {
    if (!value.is_object()) return nullptr;
    const auto found = value.find(element.substr(2));
    return found == value.end() ? nullptr : &*found;
  }
  const Json key = Json::parse(element.substr(2));
  if (!value.is_array()) return nullptr;
  for (Json& item : value)
    if (item.is_object() && item.value(key.begin().key(), Json()) == key.begin().value())
      return &item;
  return nullptr;
}

void erase_child(Json& value, const Json* gone) {
  for (auto it = value.begin(); it != value.end(); ++it) {
    if (&*it != gone) continue;
    value.erase(it);
    return;
  }
}

void erase_below(Json& value, const std::vector<std::string>& path, std::size_t depth) {
  Json* next = child(value, path[depth]);
  if (next == nullptr) return;
  if (depth + 1 < path.size()) {
    erase_below(*next, path, depth + 1);
    const bool is_container = next->is_object() || next->is_array();
    if (!is_container || !next->empty()) return;
  }
  erase_child(value, next);
}

void lay(const std::string& name, Json& live, const Json& intent) {
  if (live.is_object() && intent.is_object()) {
    for (const auto& [member, value] : intent.items()) lay(member, live[member], value);
    return;
  }
  if (!is_keyed(name, intent) || !is_keyed(name, live)) {
    live = intent;
    return;
  }
  for (const Json& item : intent) {
    Json* place = child(live, key_element(name, item));
    if (place == nullptr)
      live.push_back(item);
    else
      lay("", *place, item);
  }
}

}  // namespace

Fields fields_of(const Json& body) {
  Fields fields;
  collect("", body, "", fields);
  return fields;
}

Json to_fields_v1(const Fields& fields) {
  Json tree = Json::object();
  for (const std::string& path : fields) {
    Json* node = &tree;
    for (const std::string& element : split(path)) {
      if (node->is_null()) *node = Json::object();
      node = &(*node)[element];
    }
    if (node->is_null()) *node = Json::object();
  }
  return tree;
}

const Json* value_at(const Json& body, const std::string& path) {
  Json* node = const_cast<Json*>(&body);  // `child` serves both; nothing is written
  for (const std::string& element : split(path)) {
    node = child(*node, element);
    if (node == nullptr) return nullptr;
  }
  return node;
}

void erase_at(Json& body, const std::string& path) { erase_below(body, split(path), 0); }

void lay_over(Json& live, const Json& intent) { lay("", live, intent); }

}  // namespace reconcilers::test
