#include <algorithm>

#include "crds/parts.h"
#include "crds/quantity.h"

namespace crds {
namespace {

// Of spec.pod and of a component together, Kubernetes takes 262144.
constexpr std::size_t kAnnotationBytes = 120'000;

void read_amounts(Fields& resources, const char* name, Json& amounts) {
  resources.object(name, [&](Fields& fields) {
    for (const char* resource : {"cpu", "memory", "ephemeral-storage"}) {
      if (const auto amount = fields.quantity(resource)) amounts[resource] = *amount;
    }
  });
}

}  // namespace

Json read_resources(Fields& parent, const std::string& name, const Sizes& sizes) {
  Json resources = sizes.resources();
  parent.object(name, [&](Fields& fields) {
    read_amounts(fields, "requests", resources["requests"]);
    read_amounts(fields, "limits", resources["limits"]);
    for (const auto& [resource, request] : resources["requests"].items()) {
      if (!resources["limits"].contains(resource)) continue;
      const std::string asked = request, limit = resources["limits"][resource];
      if (Quantity::parse(asked)->value() <= Quantity::parse(limit)->value()) continue;
      fields.refuse("requests." + resource, "is " + asked + ", more than the limit of " + limit +
                                                "; raise limits." + resource + " too");
    }
    const char* const disk = "ephemeral-storage";
    if (resources["requests"].contains(disk) && !resources["limits"].contains(disk)) {
      fields.refuse("requests.ephemeral-storage",
                    "is " + resources["requests"][disk].get<std::string>() +
                        ", needs a limit; write limits.ephemeral-storage too");
    }
  });
  return resources;
}

Storage read_storage(Fields& parent, bool persistent, const std::string& size) {
  Storage storage;
  parent.object("storage", [&](Fields& fields) {
    storage.enabled = fields.flag("enabled").value_or(persistent);
    const bool sized = fields.has("size");
    storage.size = fields.quantity("size").value_or(size);
    storage.class_name = fields.text("className", dns_name());
    storage.existing_claim = fields.text("existingClaim", dns_name());
    const Text mode = {32, "ReadWriteOnce|ReadWriteOncePod|ReadWriteMany",
                       "must be ReadWriteOnce, ReadWriteOncePod or ReadWriteMany"};
    storage.access_modes = fields.texts("accessModes", 3, mode, 1);
    if (storage.access_modes.size() > 1 &&
        std::ranges::find(storage.access_modes, "ReadWriteOncePod") != storage.access_modes.end()) {
      fields.refuse("accessModes",
                    "has ReadWriteOncePod, which goes with no other mode; remove one");
    }
    const bool described = sized || storage.class_name || !storage.access_modes.empty();
    if (!storage.enabled && (described || storage.existing_claim)) {
      fields.refuse("enabled",
                    "is false (written, or by the profile), but a volume is described; "
                    "write true or remove the rest");
    }
    if (storage.existing_claim && described) {
      fields.refuse("existingClaim",
                    "names a volume that exists; remove size, className and "
                    "accessModes");
    }
    if (sized && storage.size == "0") fields.refuse("size", "is 0; write a size like 8Gi");
  });
  // The size still bounds the temporary space that takes the volume's place.
  if (!storage.enabled) {
    Storage none;
    none.size = size;
    return none;
  }
  if (storage.access_modes.empty()) storage.access_modes = {"ReadWriteOnce"};
  return storage;
}

std::int64_t read_grace(Fields& parent, std::int64_t fallback, std::int64_t least) {
  return parent.integer("terminationGracePeriodSeconds", least, kMaxSeconds).value_or(fallback);
}

std::map<std::string, std::string> read_annotations(Fields& parent) {
  auto annotations = parent.map("annotations", 64, own_label_key(), free_text());
  check_bytes(parent, "annotations", annotations, kAnnotationBytes);
  return annotations;
}

void check_bytes(Fields& parent, const std::string& name,
                 const std::map<std::string, std::string>& texts, std::size_t most) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : texts) bytes += key.size() + value.size();
  if (bytes <= most) return;
  parent.refuse(name, "has " + std::to_string(bytes) + " bytes, at most " + std::to_string(most) +
                          " are allowed in all");
}

}  // namespace crds
