#include "reconcilers/credential_keeper.h"

#include <algorithm>

#include "k8s-client/encoding.h"
#include "k8s-client/errors.h"
#include "reconcilers/desired/metadata.h"
#include "reconcilers/kinds.h"

namespace reconcilers {
namespace {

std::string secret_name(const crds::Resolved& resolved) { return resolved.name + "-credentials"; }

SecretContent content_of(const k8s::Json& secret) {
  SecretContent content;
  content.uid = secret.at("metadata").at("uid");
  content.resource_version = secret.at("metadata").at("resourceVersion");
  const k8s::Json projection = k8s::owned_projection(secret, kManager);
  const k8s::Json owned =
      projection.is_object() ? projection.value("data", k8s::Json::object()) : k8s::Json::object();
  const k8s::Json data = secret.value("data", k8s::Json::object());
  for (const auto& [key, encoded] : data.items()) {
    const auto value = k8s::base64_decode(encoded.get<std::string>());
    if (value) content.values[key] = *value;
    if (!owned.contains(key)) content.foreign_keys.push_back(key);
  }
  return content;
}

// resourceVersions are decimal numbers without leading zeros
bool older(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

std::vector<std::string> missing_keys(const desired::Credentials& values) {
  std::vector<std::string> missing;
  const auto nothing = [](std::size_t length) { return std::string(length, 'x'); };
  for (const auto& [key, unused] : desired::complete_credentials({}, nothing)) {
    const auto found = values.find(key);
    if (found == values.end() || found->second.empty()) missing.push_back(key);
  }
  return missing;
}

// Volumes and credentials of a deleted resource of this name, not collected yet: pods that mount
// them would keep them from going and lose them afterwards.
bool predecessor_leaves(const Observed& observed, const k8s::RecordPtr& secret) {
  if (secret && observed.is_predecessors(*secret)) return true;
  const auto claims = observed.of_kind("PersistentVolumeClaim");
  return std::any_of(claims.begin(), claims.end(), [&observed](const k8s::RecordPtr& claim) {
    return observed.is_predecessors(*claim);
  });
}

// Of a volume that somebody brought we know only from our own record whether we have used it.
std::optional<std::string> claim_with_data(const crds::Resolved& resolved,
                                           const Observed& observed) {
  const auto claims = observed.of_kind("PersistentVolumeClaim");
  if (!claims.empty()) return claims.front()->key.name;
  if (observed.status().contains(desired::kMigration))
    return resolved.database.storage.existing_claim;
  return std::nullopt;
}

// As long as the resource is there its StatefulSets make new claims at once, and its record of a
// brought volume stays. Three Redis with empty volumes wait for each other by N-redis-state.
std::string way_to_begin_anew(const crds::Resolved& resolved) {
  return "delete this resource, then its volume claims and ConfigMap " + resolved.name +
         "-redis-state, and make it again" +
         (resolved.database.storage.existing_claim ? " with another existingClaim" : "");
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

CredentialState CredentialKeeper::keep(const crds::Resolved& resolved, const Observed& observed,
                                       Memory& memory) const {
  const k8s::RecordPtr secret = observed.find("Secret", secret_name(resolved));
  if (predecessor_leaves(observed, secret)) return {std::nullopt, {}, std::nullopt, true};
  if (!secret) return make(resolved, observed, memory);
  if (secret->deleting) return {std::nullopt, {}, std::nullopt, true};
  if (!secret->controller_uid.empty() && secret->controller_uid != observed.uid()) {
    return {std::nullopt,
            {},
            Issue{"NameConflict", "Secret " + secret_name(resolved) +
                                      " belongs to another controller and is left alone; remove "
                                      "or rename it"}};
  }
  return read(resolved, *secret, memory);
}

CredentialState CredentialKeeper::read(const crds::Resolved& resolved, const k8s::Record& secret,
                                       Memory& memory) const {
  const auto& known = memory.credentials;
  if (!known || known->uid != secret.uid ||
      older(known->resource_version, secret.resource_version)) {
    const auto live = client.find(resource_of("Secret"), secret.key.ns, secret.key.name);
    if (!live) return {std::nullopt, {}, std::nullopt, true};
    memory.credentials = content_of(*live);
  }
  return judge(resolved, memory);
}

CredentialState CredentialKeeper::judge(const crds::Resolved& resolved,
                                        const Memory& memory) const {
  const SecretContent& content = *memory.credentials;
  const auto missing = missing_keys(content.values);
  if (missing.empty()) return {content.values, content.foreign_keys, std::nullopt};
  return {std::nullopt, content.foreign_keys,
          Issue{"CredentialsIncomplete",
                "Secret " + secret_name(resolved) + " lacks " + join(missing) +
                    ". The data was made with these values, so they are not made anew: put them "
                    "back from a backup of the Secret, each by kubectl -n " +
                    resolved.ns + " patch secret " + secret_name(resolved) +
                    R"( -p '{"stringData":{")" + missing.front() +
                    R"(":"VALUE"}}'. What runs goes on meanwhile and takes no changes)"}};
}

CredentialState CredentialKeeper::make(const crds::Resolved& resolved, const Observed& observed,
                                       Memory& memory) const {
  if (const auto claim = claim_with_data(resolved, observed)) {
    return {std::nullopt,
            {},
            Issue{"CredentialsLost", "Secret " + secret_name(resolved) +
                                         " is gone but the data of " + *claim +
                                         " was made with it: restore the Secret from a backup, or, "
                                         "to begin with empty volumes, " +
                                         way_to_begin_anew(resolved)}};
  }
  const desired::Credentials values = desired::complete_credentials({}, random);
  const desired::Object object = desired::credentials_secret(resolved, values);
  const k8s::ObjectKey key = key_of(observed, object);
  const std::string any = "";  // the values are others each time
  if (const Refusal* refusal = memory.refused(key, any, now))
    return {std::nullopt, {}, Issue{refusal->reason, refusal->message}};
  try {
    k8s::Json answer =
        client.apply(resource_of("Secret"), object.body, kManager, k8s::Guard::create());
    memory.credentials = content_of(answer);
    memory.refusals.erase(key);
    store.put(record_of("Secret", std::move(answer)));
    return judge(resolved, memory);
  } catch (const k8s::ApiError& error) {
    if (error.code() != 409) throw;
  }
  const auto live = client.find(resource_of("Secret"), observed.key.ns, object.name());
  const k8s::Record record = live ? record_of("Secret", *live) : k8s::Record{};
  if (!live || owner_key(record) == observed.key)
    return {std::nullopt, {}, std::nullopt, true};  // made by us a moment ago
  const Issue issue = {"NameConflict",
                       "Secret " + secret_name(resolved) +
                           " exists already, was not made for this resource and is left alone; "
                           "remove or rename it"};
  memory.refuse(key, any, issue.reason, issue.message, now);
  return {std::nullopt, {}, issue};
}

}  // namespace reconcilers
