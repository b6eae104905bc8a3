// A record in one piece of memory, a third of its size: the cache holds tens of thousands, and few
// are read between two changes. A value. What `unpack` returns equals what was packed.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "k8s-client/record.h"

namespace k8s {

// An ObjectKey that lies elsewhere.
struct KeyView {
  std::string_view kind, ns, name;
  KeyView(std::string_view the_kind, std::string_view the_ns, std::string_view the_name)
      : kind(the_kind), ns(the_ns), name(the_name) {}
  KeyView(const ObjectKey& key) : kind(key.kind), ns(key.ns), name(key.name) {}  // NOLINT: is one
  auto operator<=>(const KeyView&) const = default;
};

class PackedRecord {
 public:
  explicit PackedRecord(const Record& record);

  // Valid as long as this is.
  KeyView key() const;
  std::string_view uid() const;
  std::string_view resource_version() const;
  Record unpack() const;

 private:
  std::string bytes_;
};

}  // namespace k8s
