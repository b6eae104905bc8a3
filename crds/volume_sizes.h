// Sizes of volumes where the spec names none: the one table of them. crds/schema/rules.py reads the
// lines below, so that the API server's rules and descriptions speak of the same sizes.
#pragma once

namespace crds {

struct VolumeSize {
  const char *production, *other;  // quantities: of the profile Production, of all others
};

inline constexpr VolumeSize kDatabaseVolume = {"8Gi", "8Gi"};
inline constexpr VolumeSize kRedisVolume = {"10Gi", "2Gi"};
inline constexpr VolumeSize kObjectStoreVolume = {"50Gi", "20Gi"};

}  // namespace crds
