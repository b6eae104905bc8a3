#include "crds/profile.h"

#include "crds/volume_sizes.h"

namespace crds {
namespace {

using Spread = Topology::Spread;

const ProfileDefaults kMinimal = {
    .api = {"50m", "256Mi", "250m", "512Mi"},
    .nginx = {"25m", "32Mi", "100m", "64Mi"},
    .workers = {"50m", "256Mi", "250m", "512Mi"},
    .high_memory = {"100m", "512Mi", "200m", "1Gi"},
    .database = {"50m", "128Mi", "250m", "256Mi"},
    .redis = {"50m", "64Mi", "250m", "256Mi"},
    .sentinel = {"50m", "64Mi", "200m", "128Mi"},
    .object_store = {"50m", "256Mi", "250m", "1Gi"},
    .jobs = {"50m", "128Mi", "1", "256Mi"},
    .api_replicas = 1,
    .redis_replicas = 1,
    .persistent = false,
    // of volumes that a resource asks for all the same
    .database_storage = kDatabaseVolume.other,
    .redis_storage = kRedisVolume.other,
    .object_store_storage = kObjectStoreVolume.other,
    .topology = {Spread::None, Spread::None, 1},
    .max_connections = 100,
    .nginx_temp_storage = "1Gi",
    .app_temp_storage = "1Gi",
    .workers_grace = 30,
    .high_memory_grace = 30,
    .api_grace = 30,
    .database_grace = 30,
    .redis_grace = 30,
    .object_store_grace = 30,
    .deletion_policy = DeletionPolicy::Delete,
    .updates_on_request = false,
};

const ProfileDefaults kTest = {
    .api = {"250m", "512Mi", "1", "2Gi"},
    .nginx = {"50m", "64Mi", "200m", "128Mi"},
    .workers = {"250m", "512Mi", "1", "1Gi"},
    .high_memory = {"500m", "1Gi", "1", "2Gi"},
    .database = {"100m", "256Mi", "1", "1Gi"},
    .redis = {"50m", "128Mi", "500m", "512Mi"},
    .sentinel = {"50m", "64Mi", "200m", "128Mi"},
    .object_store = {"100m", "256Mi", "1", "1Gi"},
    .jobs = {"100m", "128Mi", "1", "256Mi"},
    .api_replicas = 1,
    .redis_replicas = 1,
    .persistent = true,
    .database_storage = kDatabaseVolume.other,
    .redis_storage = kRedisVolume.other,
    .object_store_storage = kObjectStoreVolume.other,
    .topology = {Spread::Soft, Spread::None, 1},
    .max_connections = 200,
    .nginx_temp_storage = "5Gi",
    .app_temp_storage = "5Gi",
    .workers_grace = 30,
    .high_memory_grace = 30,
    .api_grace = 30,
    .database_grace = 30,
    .redis_grace = 30,
    .object_store_grace = 30,
    .deletion_policy = DeletionPolicy::Delete,
    .updates_on_request = false,
};

const ProfileDefaults kProduction = {
    .api = {"500m", "512Mi", "1", "8Gi"},
    .nginx = {"100m", "128Mi", "500m", "256Mi"},
    .workers = {"500m", "500Mi", "2", "1Gi"},
    .high_memory = {"1", "2Gi", "2", "16Gi"},
    .database = {"200m", "256Mi", "2", "2Gi"},
    .redis = {"100m", "512Mi", "1", "2Gi"},
    .sentinel = {"50m", "64Mi", "200m", "128Mi"},
    .object_store = {"100m", "512Mi", "1", "4Gi"},
    .jobs = {"100m", "128Mi", "1", "256Mi"},
    .api_replicas = 2,
    .redis_replicas = 3,
    .persistent = true,
    .database_storage = kDatabaseVolume.production,
    .redis_storage = kRedisVolume.production,
    .object_store_storage = kObjectStoreVolume.production,
    .topology = {Spread::Soft, Spread::Soft, 1},
    .max_connections = 400,
    .nginx_temp_storage = "20Gi",
    .app_temp_storage = "20Gi",
    .workers_grace = 300,
    .high_memory_grace = 3600,
    .api_grace = 150,
    .database_grace = 120,
    .redis_grace = 60,
    .object_store_grace = 30,
    .deletion_policy = DeletionPolicy::Retain,
    .updates_on_request = true,
};

}  // namespace

Json Sizes::resources() const {
  const Json requests = {{"cpu", cpu_request}, {"memory", memory_request}};
  const Json limits = {{"cpu", cpu_limit}, {"memory", memory_limit}};
  return {{"requests", requests}, {"limits", limits}};
}

const ProfileDefaults& defaults_of(Profile profile) {
  switch (profile) {
    case Profile::Minimal:
      return kMinimal;
    case Profile::Test:
      return kTest;
    case Profile::Production:
      break;
  }
  return kProduction;
}

Profile profile_of(const Json& spec) {
  const Json name = spec.is_object() ? spec.value("profile", Json()) : Json();
  if (name == "Minimal") return Profile::Minimal;
  if (name == "Test") return Profile::Test;
  return Profile::Production;
}

}  // namespace crds
