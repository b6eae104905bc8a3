// What is kept of a live object besides its identity: the few values of spec and status that a
// decision or a message reads. Everything else is dropped, so that churn nobody reads changes
// nothing. Pure.
#pragma once

#include <string>
#include <vector>

#include "k8s-client/json.h"

namespace reconcilers {

using k8s::Json;

// In pod templates: HMAC of the consumed keys of N-credentials.
inline constexpr const char* kSecretsAnnotation = "entityservice.io/secrets";

// Labels of others that are read: of Pods, and of Namespaces.
inline constexpr const char* kRevisionLabel = "controller-revision-hash";
inline constexpr const char* kJobNameLabel = "batch.kubernetes.io/job-name";
inline constexpr const char* kEnvironmentLabel = "environment";

// Whether the label or annotation of this name is read of any object; others are dropped.
bool is_read(const std::string& name);

// The facts of an object of `kind`, null when there are none; `owned` is our part of it. By kind:
//   EntityService            the object, of whose metadata only what a pass reads
//   Deployment, StatefulSet  replicas, observed, total, updated, ready, revision, images (by
//                            container), configs, secrets (the hash of the credentials that its
//                            pods read);
//                            failure, why pods cannot be made (Deployments know);
//                            hosts, the address of each name in their hosts file;
//                            StatefulSet: claims (its volumeClaimTemplates), template (the hash
//                            of what we own of its pod template)
//   PersistentVolumeClaim    phase, class, requested, capacity, resize and message (the condition
//                            that speaks of a change of its size)
//   Job                      succeeded, failed, message, completed, configs, paths
//   Service                  clusterIP
//   ConfigMap                paths, bootstrap
//   Pod                      ready, done, reason, message, started, configs
// and for each kind but Pod `foreign_controller`, when a controller that is no EntityService has
// it, and `follows`, the uids of EntityServices that take it with them into deletion.
Json facts_of(const std::string& kind, const Json& object, const Json& owned);

// Names of the ConfigMaps that a pod spec mounts or takes its environment from; sorted, unique.
std::vector<std::string> config_maps_of(const Json& pod_spec);

// The leaves of labels, annotations, data and spec (without the pod template, which the API server
// keeps immutable where we use this): what an object created once must still own.
std::vector<std::string> leaf_paths(const Json& body);

}  // namespace reconcilers
