#include <utility>

#include "reconcilers/desired/app_pod.h"
#include "reconcilers/desired/metadata.h"
#include "reconcilers/desired/pod.h"

namespace reconcilers::desired {

// One Job for each image and database: a success is never repeated, another database is never
// taken for a migrated one. Without the identity there is no name yet, and no database either.
Objects migration(const Resolved& resolved, const Facts& facts, const AppConfig& config) {
  if (facts.database_identity.empty()) return {};
  const std::vector<std::string> command = {"alembic", "upgrade", "head"};
  const std::string hash =
      hash8(Json::array({resolved.images.app, command, facts.database_identity}).dump());

  PodParts parts{.component = kMigration};
  parts.containers.push_back(app_container(resolved, config, AppRole::Migration, "migrate", command,
                                           resolved.job_resources));
  parts.volumes = app_volumes(resolved, config, AppRole::Migration);
  parts.restart_policy = "Never";
  // Options of the application's pods: it runs its image.
  Json spec = {{"backoffLimit", 0},
               {"template", pod_template(resolved, resolved.api.pod, std::move(parts))}};

  Object job = object(resolved, kMigration, "batch/v1", "Job", resolved.name + "-migrate-" + hash,
                      {{"spec", std::move(spec)}});
  job.write = Write::CreateOnce;
  job.gates = {Gate::Credentials, Gate::DatabaseReady};
  return list_of(std::move(job));
}

}  // namespace reconcilers::desired
