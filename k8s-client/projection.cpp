// Builders must not emit an empty object for a field that the server merges key by key (labels,
// annotations, nodeSelector, limits …): nothing of it would be ours and it could never be in step.
// `emptyDir: {}`, `podSelector: {}` and other empty leaves are compared as whole values.
#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "k8s-client/encoding.h"
#include "k8s-client/record.h"

namespace k8s {
namespace {

bool holds_only_objects(const Json& list) {
  return std::all_of(list.begin(), list.end(), [](const Json& item) { return item.is_object(); });
}

void append_value(std::string& out, const Json& value);

void append_string(std::string& out, const std::string& text) {
  ((out += std::to_string(text.size())) += ':') += text;
}

// A null is a field that is not there: before 1.34 the API server writes `creationTimestamp: null`
// into the volumeClaimTemplates of a StatefulSet that was applied without it.
void append_member(std::string& out, const std::string& name, const Json& value) {
  if (value.is_null()) return;
  append_string(out, name);
  append_value(out, value);
}

// Two values have the same text when they are equal but for the order of their lists of objects;
// lists of scalars keep their order (arguments). No JSON: nothing is escaped and nothing copied,
// since every object is compared in every pass.
void append_value(std::string& out, const Json& value) {
  if (value.is_object()) {
    out += '{';
    for (const auto& [name, child] : value.get_ref<const Json::object_t&>())
      append_member(out, name, child);
    out += '}';
  } else if (value.is_array() && holds_only_objects(value)) {
    std::vector<std::string> texts;
    for (const Json& item : value) append_value(texts.emplace_back(), item);
    std::sort(texts.begin(), texts.end());
    out += '[';
    for (const std::string& text : texts) out += text;
    out += ']';
  } else if (value.is_array()) {
    out += '[';
    for (const Json& item : value) append_value(out, item);
    out += ']';
  } else if (value.is_string()) {
    append_string(out, value.get_ref<const std::string&>());
  } else {
    (out += value.dump()) += ';';
  }
}

void sort_by_text(Json& list) {
  std::vector<std::pair<std::string, Json>> items;
  for (Json& item : list) {
    std::string text = item.dump(-1, ' ', false, Json::error_handler_t::replace);
    items.emplace_back(std::move(text), std::move(item));
  }
  std::sort(items.begin(), items.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  list = Json::array();
  for (auto& item : items) list.push_back(std::move(item.second));
}

// Lists of objects sorted, from the inside out, as people like to read and compare them.
Json canonical(Json value) {
  if (value.is_object() || value.is_array()) {
    for (Json& child : value) child = canonical(std::move(child));
  }
  if (value.is_array() && holds_only_objects(value)) sort_by_text(value);
  return value;
}

bool has_keys(const Json& item, const Json& keys) {
  if (!item.is_object() || !keys.is_object()) return false;
  for (const auto& [name, value] : keys.get_ref<const Json::object_t&>()) {
    const auto found = item.find(name);
    if (found == item.end() || *found != value) return false;
  }
  return true;
}

// The element of `list` that a path element "k:…", "v:…" or "i:…" names; null: there is none.
const Json* element(const Json& list, std::string_view path) {
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
  if (!fields.is_object() || fields.empty()) return live;
  const auto& paths = fields.get_ref<const Json::object_t&>();
  if (live.is_object()) {
    Json::object_t out;
    for (const auto& [path, below] : paths) {
      if (!path.starts_with("f:")) continue;
      const auto child = live.find(std::string_view(path).substr(2));
      if (child != live.end()) out.emplace_hint(out.end(), child.key(), project(*child, below));
    }
    return out;
  }
  if (live.is_array()) {
    Json out = Json::array();
    for (const auto& [path, below] : paths) {
      if (path.size() < 2 || path[1] != ':') continue;
      if (const Json* item = element(live, path)) out.push_back(project(*item, below));
    }
    if (!holds_only_objects(out)) sort_by_text(out);  // a set has no order
    return out;
  }
  return live;
}

// Empty when it is absent, or of another type: such an entry is not ours.
std::string text_of(const Json& entry, const char* field) {
  const auto found = entry.find(field);
  return found != entry.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json* own_fields(const Json& object, const std::string& manager) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return nullptr;
  const auto entries = metadata->find("managedFields");
  if (entries == metadata->end() || !entries->is_array()) return nullptr;
  for (const Json& entry : *entries) {
    if (!entry.is_object() || text_of(entry, "manager") != manager ||
        text_of(entry, "operation") != "Apply" || !text_of(entry, "subresource").empty()) {
      continue;
    }
    const auto fields = entry.find("fieldsV1");
    return fields != entry.end() && fields->is_object() && !fields->empty() ? &*fields : nullptr;
  }
  return nullptr;
}

// What identifies an object is not what we want of it.
bool identifies(const std::string& field) { return field == "apiVersion" || field == "kind"; }

bool identifies_in_metadata(const std::string& field) {
  return field == "name" || field == "namespace" || field == "uid" || field == "resourceVersion";
}

std::string text_without_identity(const Json& body) {
  std::string text;
  for (const auto& [name, value] : body.get_ref<const Json::object_t&>()) {
    if (identifies(name)) continue;
    if (name != "metadata" || !value.is_object()) {
      append_member(text, name, value);
      continue;
    }
    std::string rest;
    for (const auto& [field, below] : value.get_ref<const Json::object_t&>())
      if (!identifies_in_metadata(field)) append_member(rest, field, below);
    if (!rest.empty()) ((text += "metadata{") += rest) += '}';
  }
  return text;
}

}  // namespace

Json owned_part(const Json& object, const std::string& manager) {
  if (!object.is_object()) return nullptr;
  const Json* fields = own_fields(object, manager);
  return fields == nullptr ? Json() : project(object, *fields);
}

Json owned_projection(const Json& object, const std::string& manager) {
  Json owned = canonical(owned_part(object, manager));
  if (owned.is_null()) return owned;
  std::erase_if(owned.get_ref<Json::object_t&>(), [](auto& it) { return identifies(it.first); });
  const auto metadata = owned.find("metadata");
  if (metadata == owned.end() || !metadata->is_object()) return owned;
  std::erase_if(metadata->get_ref<Json::object_t&>(),
                [](auto& it) { return identifies_in_metadata(it.first); });
  if (metadata->empty()) owned.erase("metadata");
  return owned;
}

std::string hash_of_part(const Json& owned) {
  return owned.is_null() ? std::string() : sha256_hex(text_without_identity(owned));
}

std::string owned_hash(const Json& object, const std::string& manager) {
  return hash_of_part(owned_part(object, manager));
}

std::string desired_hash(const Json& body) { return sha256_hex(text_without_identity(body)); }

}  // namespace k8s
