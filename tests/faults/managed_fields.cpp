#include "tests/faults/managed_fields.h"

#include <algorithm>
#include <set>
#include <vector>

namespace faults {
namespace {

using Trees = std::vector<Json*>;  // of other managers, at one place of the object

const Json kNone = Json::object();

// What identifies an object, or is the server's own, has no owner.
void strip(Json& body) {
  for (const char* field : {"apiVersion", "kind"}) body.erase(field);
  const auto metadata = body.find("metadata");
  if (metadata == body.end()) return;
  for (const char* field :
       {"name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp",
        "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink"})
    metadata->erase(field);
  if (metadata->empty()) body.erase(metadata);
}

// null stands for a tree of which nothing is left, {} for one that owns the value itself.
bool prune(Json& tree) {
  if (tree.is_null()) return true;
  bool lost = false;
  for (auto it = tree.begin(); it != tree.end();) {
    if (prune(*it)) {
      it = tree.erase(it);
      lost = true;
    } else {
      ++it;
    }
  }
  return lost && tree.empty();
}

Trees below(const Trees& trees, const std::string& element) {
  Trees found;
  for (Json* tree : trees) {
    if (!tree->is_object()) continue;
    const auto child = tree->find(element);
    if (child != tree->end() && !child->is_null()) found.push_back(&*child);
  }
  return found;
}

void take_from(const Trees& trees, const std::string& element) {
  for (Json* tree : trees)
    if (tree->is_object() && tree->contains(element)) (*tree)[element] = nullptr;
}

// Takes away what `mine` owned at `element` of `live`, but for what others own.
void withdraw(const std::string& field, Json& live, const std::string& element, const Json& mine,
              const Trees& theirs) {
  Json* there = find_child(field, live, element);
  if (there == nullptr) return;
  const bool whole = mine.empty() || mine.contains(".");
  if (whole) {
    if (theirs.empty()) return erase_child(field, live, element);
    if (mine.empty()) return;
  }
  for (const auto& [part, rest] : mine.items())
    if (part != ".") withdraw(field_of(element), *there, part, rest, below(theirs, part));
  if (!is_item(element) && there->is_structured() && there->empty())
    erase_child(field, live, element);
}

// The one function of server-side apply: lays `intent` over `live`, both standing under `field`,
// and returns what its manager owns from now on. `before`: what it owned; `others`: the trees of
// the other managers, who lose what is changed under their hands.
Json lay(const std::string& field, Json& live, const Json& intent, const Json& before,
         const Trees& others) {
  Json mine = Json::object();
  std::set<std::string> meant;
  for (const auto& [element, wanted] : children(field, intent)) {
    meant.insert(element);
    const Json* there = find_child(field, live, element);
    if (is_leaf(field, element, *wanted)) {
      if (there == nullptr || *there != *wanted) {
        make_child(field, live, element) = *wanted;
        take_from(others, element);
      }
      mine[element] = Json::object();
      continue;
    }
    if (there != nullptr && there->type() != wanted->type()) take_from(others, element);
    Json& place = make_child(field, live, element);
    if (place.type() != wanted->type()) place = Json(wanted->type());
    mine[element] = lay(field_of(element), place, *wanted, before.value(element, kNone),
                        below(others, element));
    if (is_item(element)) mine[element]["."] = Json::object();
  }
  for (const auto& [element, owned] : before.items())
    if (element != "." && !meant.contains(element))
      withdraw(field, live, element, owned, below(others, element));
  return mine;
}

// The tree of what `after` has and `before` has not, or otherwise.
Json changes(const std::string& field, const Json* before, const Json& after) {
  Json changed = Json::object();
  for (const auto& [element, value] : children(field, after)) {
    const Json* old = before == nullptr ? nullptr : find_child(field, *before, element);
    if (old != nullptr && *old == *value) continue;
    if (is_leaf(field, element, *value)) {
      changed[element] = Json::object();
      continue;
    }
    Json parts = changes(field_of(element), old, *value);
    if (old == nullptr && is_item(element)) parts["."] = Json::object();
    if (!parts.empty()) changed[element] = std::move(parts);
  }
  return changed;
}

// Takes out of `tree` what was `changed`, and what `after` no longer has.
void subtract(const std::string& field, Json& tree, const Json& changed, const Json& after) {
  for (auto& [element, below] : tree.items()) {
    if (element == ".") continue;
    const Json* value = find_child(field, after, element);
    const auto change = changed.find(element);
    const bool changed_itself = change != changed.end() && (below.empty() || change->empty());
    if (value == nullptr || changed_itself)
      below = nullptr;
    else if (!below.empty())
      subtract(field_of(element), below, change == changed.end() ? kNone : *change, *value);
  }
}

void unite(Json& tree, const Json& more) {
  for (const auto& [element, below] : more.items()) unite(tree[element], below);
  if (tree.is_null()) tree = Json::object();
}

Json entries_of(const Json& object) {
  return object.value("/metadata/managedFields"_json_pointer, Json::array());
}

void set_entries(Json& object, Json entries) {
  if (entries.empty())
    object["metadata"].erase("managedFields");
  else
    object["metadata"]["managedFields"] = std::move(entries);
}

bool is_entry(const Json& entry, const Manager& manager, const char* operation) {
  return entry.at("manager") == manager.name && entry.at("operation") == operation &&
         entry.value("subresource", "") == manager.subresource;
}

// The manager's fields, taken out of the entries.
Json take_own(Json& entries, const Manager& manager, const char* operation) {
  for (auto it = entries.begin(); it != entries.end(); ++it) {
    if (!is_entry(*it, manager, operation)) continue;
    Json fields = std::move(it->at("fieldsV1"));
    entries.erase(it);
    return fields;
  }
  return kNone;
}

Trees trees_of(Json& entries) {
  Trees trees;
  for (Json& entry : entries) trees.push_back(&entry.at("fieldsV1"));
  return trees;
}

void put_own(Json& entries, const Json& object, Json fields, const Manager& manager,
             const char* operation) {
  for (auto it = entries.begin(); it != entries.end();)
    it = prune(it->at("fieldsV1")) ? entries.erase(it) : it + 1;
  if (fields.empty()) return;
  Json entry = {{"manager", manager.name},
                {"operation", operation},
                {"apiVersion", object.at("apiVersion")},
                {"fieldsType", "FieldsV1"},
                {"fieldsV1", std::move(fields)}};
  if (!manager.subresource.empty()) entry["subresource"] = manager.subresource;
  entries.push_back(std::move(entry));
  // Kept in order, so that an apply that changes nothing changes nothing here either.
  std::sort(entries.begin(), entries.end(), [](const Json& a, const Json& b) {
    const auto rank = [](const Json& it) {
      return it.at("operation").get<std::string>() + it.at("manager").get<std::string>() +
             it.value("subresource", "");
    };
    return rank(a) < rank(b);
  });
}

}  // namespace

std::optional<std::string> apply(Json& object, const Json& intent, const Manager& manager,
                                 bool force) {
  Json wanted = intent;
  strip(wanted);
  Json entries = entries_of(object);
  const Json before = take_own(entries, manager, "Apply");
  const Json untouched = entries;
  Json result = object;
  Json fields = lay("", result, wanted, before, trees_of(entries));
  if (!force && entries != untouched) {
    std::string owners;
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (entries[i] != untouched[i]) owners += entries[i].at("manager").get<std::string>() + " ";
    return owners;
  }
  put_own(entries, object, std::move(fields), manager, "Apply");
  object = std::move(result);
  set_entries(object, std::move(entries));
  return std::nullopt;
}

void note_update(const Json& before, Json& object, const Manager& manager) {
  Json old = before, fresh = object;
  strip(old);
  strip(fresh);
  const Json changed = changes("", &old, fresh);
  Json entries = entries_of(object);
  for (Json* tree : trees_of(entries)) subtract("", *tree, changed, fresh);
  Json mine = take_own(entries, manager, "Update");
  prune(mine);
  if (mine.is_null()) mine = kNone;
  unite(mine, changed);
  put_own(entries, object, std::move(mine), manager, "Update");
  set_entries(object, std::move(entries));
}

}  // namespace faults
