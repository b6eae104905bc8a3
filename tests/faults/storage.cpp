#include "tests/faults/storage.h"

#include <utility>

namespace faults {

ObjectPtr Storage::find(const ObjectKey& key) const {
  const auto found = objects_.find(key);
  return found == objects_.end() ? nullptr : found->second;
}

ObjectPtr Storage::put(const ObjectKey& key, Json body) {
  body["metadata"]["resourceVersion"] = std::to_string(++revision_);
  ObjectPtr& place = objects_[key];
  ObjectPtr before = std::exchange(place, std::make_shared<const Json>(std::move(body)));
  log_.push_back({revision_, key, std::move(before), place});
  return place;
}

void Storage::erase(const ObjectKey& key) {
  const auto found = objects_.find(key);
  if (found == objects_.end()) return;
  log_.push_back({++revision_, key, found->second, nullptr});
  objects_.erase(found);
}

Storage::Objects Storage::objects_at(std::int64_t revision) const {
  Objects objects = objects_;
  for (auto it = log_.rbegin(); it != log_.rend() && it->revision > revision; ++it) {
    if (it->before)
      objects[it->key] = it->before;
    else
      objects.erase(it->key);
  }
  return objects;
}

}  // namespace faults
