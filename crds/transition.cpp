// Rules that compare a resource with what was stored before. They look at effective values: a field
// that is not written stands for the profile's default.
#include <algorithm>

#include "crds/profile.h"
#include "crds/quantity.h"
#include "crds/resolve.h"

namespace crds {
namespace {

Json spec_of(const Json& resource) {
  return resource.is_object() ? resource.value("spec", Json()) : Json();
}

// The value at "redis.managed.replicas" of the spec; null where there is none.
Json at(const Json& resource, const std::string& path) {
  Json value = spec_of(resource);
  for (std::size_t begin = 0; begin <= path.size() && value.is_object();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    value = Json(value.value(path.substr(begin, end - begin), Json()));
    if (end == path.size()) return value;
    begin = end + 1;
  }
  return nullptr;
}

class Comparison {
 public:
  Comparison(const Json& before, const Json& after) : before_(before), after_(after) {}

  void fixed(const std::string& path, const Json& fallback, const std::string& remedy) {
    Json old_value = at(before_, path), new_value = at(after_, path);
    if (old_value.is_null()) old_value = fallback;
    if (new_value.is_null()) new_value = fallback;
    if (old_value == new_value) return;
    refuse(path,
           "was " + old_value.dump() + " and cannot become " + new_value.dump() + "; " + remedy);
  }

  void grows(const std::string& path, const std::string& fallback) {
    const Json old_value = at(before_, path), new_value = at(after_, path);
    const std::string old_size = old_value.is_null() ? fallback : text(old_value);
    if (new_value.is_null()) {
      if (!old_value.is_null())
        refuse(path, "was " + old_size + " and cannot be removed; write it again");
      return;
    }
    const auto was = Quantity::parse(old_size), is = Quantity::parse(text(new_value));
    if (!was || !is || is->value() >= was->value()) return;
    refuse(path, "was " + old_size + " and cannot become " + text(new_value) +
                     ": a volume never shrinks; write " + old_size + " or more");
  }

  Problems take() { return std::move(problems_); }

 private:
  static std::string text(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
  }
  void refuse(const std::string& path, const std::string& message) {
    problems_.push_back({"spec." + path, message});
  }

  const Json& before_;
  const Json& after_;
  Problems problems_;
};

constexpr const char* kNoMove = "data does not move by itself, make a new resource";

void compare_storage(Comparison& comparison, const std::string& store, bool persistent,
                     const std::string& size) {
  const std::string storage = store + ".managed.storage.";
  comparison.fixed(storage + "enabled", persistent, kNoMove);
  comparison.grows(storage + "size", size);
  for (const char* field : {"className", "accessModes", "existingClaim"}) {
    comparison.fixed(storage + field, nullptr, kNoMove);
  }
}

}  // namespace

Problems check_transition(const Json& before, const Json& after) {
  const ProfileDefaults& defaults = defaults_of(profile_of(spec_of(before)));
  Comparison comparison(before, after);
  comparison.fixed("profile", "Production", kNoMove);
  compare_storage(comparison, "database", defaults.persistent, defaults.database_storage);
  compare_storage(comparison, "redis", defaults.persistent, defaults.redis_storage);
  compare_storage(comparison, "objectStore", defaults.persistent, defaults.object_store_storage);
  comparison.fixed("redis.managed.replicas", defaults.redis_replicas, kNoMove);
  comparison.fixed("objectStore.buckets.results", "anonlink", kNoMove);
  comparison.fixed("objectStore.buckets.uploads", "uploads", kNoMove);
  return comparison.take();
}

}  // namespace crds
