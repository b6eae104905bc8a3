#include "crds/quantity.h"

#include <limits>

#include "tests/fuzz/targets.h"

namespace fuzz {

void quantity(std::string_view input) {
  const auto read = crds::Quantity::parse(std::string(input));
  if (!read) return;
  const std::string stored = read->canonical();
  const auto again = crds::Quantity::parse(stored);
  promise(again.has_value(), "what is stored can not be read: " + stored);
  promise(again->canonical() == stored, "stored as " + stored + ", then as " + again->canonical());
  promise(again->milli() == read->milli(), "thousandths changed by storing: " + stored);
  // Thousandths that no 64 bits hold are capped.
  using Limits = std::numeric_limits<std::int64_t>;
  if (read->milli() == Limits::max() || read->milli() == Limits::min()) return;
  const std::int64_t least = read->milli() / 1000 + (read->milli() % 1000 > 0 ? 1 : 0);
  promise(read->ceil() == least, "whole units and thousandths differ: " + stored);
}

}  // namespace fuzz
