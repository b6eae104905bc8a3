// Kubernetes quantities ("500m", "1.5Gi"), as apimachinery's resource.Quantity reads and stores
// them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace crds {

class Quantity {
 public:
  static std::optional<Quantity> parse(const std::string& text);  // also refuses what we can't hold
  std::string canonical() const;                                  // as the API server stores it
  std::int64_t ceil() const;   // whole units, rounded up: "1500m" → 2
  std::int64_t milli() const;  // thousandths, rounded up
  double value() const;

 private:
  // nano-units fit all that resources need; the format decides the suffix family
  enum class Format { DecimalSI, BinarySI, DecimalExponent };
  __extension__ typedef __int128 Wide;
  Quantity(Wide nano, Format format) : nano_(nano), format_(format) {}
  Wide nano_;
  Format format_;
};

}  // namespace crds
