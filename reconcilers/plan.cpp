#include "reconcilers/plan.h"

#include <algorithm>

#include "reconcilers/desired/metadata.h"
#include "reconcilers/facts.h"
#include "reconcilers/read_json.h"
#include "reconcilers/updates.h"
#include "reconcilers/workload.h"

namespace reconcilers {
namespace {

using desired::Object;
using k8s::Record;
using k8s::RecordPtr;

bool has_template(const Object& object) {
  return object.kind() == "Deployment" || object.kind() == "StatefulSet";
}

std::int64_t replicas_of(const Object& object) {
  return object.body.at("spec").value("replicas", 1);
}

std::string waits_for(const std::vector<desired::Gate>& gates) {
  std::string text = "waits for ";
  for (std::size_t i = 0; i < gates.size(); ++i)
    text += (i == 0 ? "" : ", ") + std::string(desired::name(gates[i]));
  return text;
}

// A scale write takes `replicas` out of our apply entry; the object is in step without it.
bool in_step_but_for_replicas(const Object& object, const Record& record) {
  Json body = object.body;
  if (body.at("spec").erase("replicas") == 0) return false;
  return record.owned == k8s::desired_hash(body);
}

const Json* pod_spec(const Object& object) {
  const Json::json_pointer path("/spec/template/spec");
  return object.body.contains(path) ? &object.body.at(path) : nullptr;
}

// A foreign Service in front of a component: its clients would speak to somebody else.
bool waits_for_component(const Object& object, const std::string& component) {
  using desired::Gate;
  static const std::map<std::string, Gate> kGateOf = {
      {desired::kDatabase, Gate::DatabaseReady},
      {desired::kRedis, Gate::RedisReady},
      {desired::kObjectStore, Gate::ObjectStoreReady}};
  const auto gate = kGateOf.find(component);
  return gate != kGateOf.end() && object.gates.contains(gate->second);
}

enum class Standing { Ours, Predecessor, Foreign };

Standing standing(const Object& object, const Record& record, const std::string& uid) {
  if (record.controller_uid == uid) return Standing::Ours;
  if (record.controller_uid.empty()) return Standing::Ours;  // ownerless, and with our label
  if (!object.owned || !text_fact(record, "foreign_controller").empty()) return Standing::Foreign;
  return Standing::Predecessor;
}

bool other_credentials(const Object& object, const Record& record) {
  const Json& annotations = at(object.body, "spec/template/metadata/annotations");
  const auto found = annotations.find(kSecretsAnnotation);
  return (found == annotations.end() ? "" : found->get<std::string>()) !=
         text_fact(record, "secrets");
}

bool lost_fields(const Object& object, const Record& record) {
  if (!object.owned || !record.facts.is_object() || !record.facts.contains("paths")) return false;
  const auto kept = list_fact(record, "paths");
  const auto meant = leaf_paths(object.body);
  return !std::includes(kept.begin(), kept.end(), meant.begin(), meant.end());
}

class Planner {
 public:
  Planner(const Observed& observed, const Gates& open,
          const std::map<k8s::ObjectKey, Settled>& settled, const Reserve& reserve)
      : observed_(observed), open_(open), settled_(settled), reserve_(reserve) {}

  void consider(const Object& object) {
    const RecordPtr record = observed_.find(object.kind(), object.name());
    if (!record)
      consider_absent(object);
    else if (record->deleting)
      plan_.waiting = true;
    else
      consider_present(object, *record);
  }

  Plan take() { return std::move(plan_); }

 private:
  void consider_absent(const Object& object) {
    if (recorded_as_done(observed_, object)) return;
    const auto shut = shut_gates(object, open_);
    if (!shut.empty()) {
      plan_.held.push_back({title(object), waits_for(shut), false});
      return;
    }
    plan_.writes.push_back({Step::Create, &object, "", k8s::desired_hash(object.body)});
  }

  void consider_present(const Object& object, const Record& record) {
    switch (standing(object, record, observed_.uid())) {
      case Standing::Ours:
        break;
      case Standing::Predecessor:
        plan_.waiting = true;
        plan_.unusable[title(object)] = object.component;
        return;
      case Standing::Foreign:
        plan_.unusable[title(object)] = object.component;
        plan_.issues.push_back({"NameConflict", title(object) + " belongs to " +
                                                    text_fact(record, "foreign_controller") +
                                                    ": it is left alone; remove or rename it"});
        return;
    }
    if (object.write == desired::Write::CreateOnce) {
      // Orphaned by a deletion with --cascade=orphan: a Job in our place would wait for ever.
      if (object.owned && record.owner_uids.empty())
        plan_.writes.push_back(
            {Step::TakeBack, &object, record.uid, k8s::desired_hash(object.body)});
      if (lost_fields(object, record)) plan_.edited.push_back(title(object));
      return;
    }
    compare(object, record);
  }

  void compare(const Object& object, const Record& record) {
    const std::string hash = k8s::desired_hash(object.body);
    if (record.owned == hash) return;
    const auto known = settled_.find(record.key);
    if (known != settled_.end() && known->second.desired == hash &&
        known->second.owned == record.owned)
      return;
    const auto shut = shut_gates(object, open_);
    if (has_template(object) && reserve_.credentials_edited && other_credentials(object, record))
      hold(object, record, {"the Secret of credentials was edited by somebody else"});
    else if (has_template(object) && !shut.empty())
      hold(object, record, {waits_for(shut)});
    else if (reserve_.updates_on_request && is_unasked_update(object, record))
      hold(object, record, {"another version of the operator brings it; waits for approval", true});
    else
      plan_.writes.push_back({Step::Update, &object, record.uid, hash});
  }

  struct Reason {
    std::string text;
    bool update = false;
  };

  void hold(const Object& object, const Record& record, const Reason& reason) {
    const std::int64_t replicas = replicas_of(object);
    if (count(record, "replicas") != replicas)
      plan_.writes.push_back({Step::Scale, &object, record.uid, "", replicas});
    if (!in_step_but_for_replicas(object, record))
      plan_.held.push_back({title(object), reason.text, true, reason.update});
  }

  const Observed& observed_;
  const Gates& open_;
  const std::map<k8s::ObjectKey, Settled>& settled_;
  const Reserve& reserve_;
  Plan plan_;
};

}  // namespace

Plan make_plan(const desired::Objects& desired, const Observed& observed, const Gates& open,
               const std::map<k8s::ObjectKey, Settled>& settled, const Reserve& reserve) {
  Planner planner(observed, open, settled, reserve);
  for (const Object& object : desired)
    if (object.kind() != "Secret") planner.consider(object);  // the credential keeper's
  return planner.take();
}

bool runs_pods(const Object& object) { return pod_spec(object) != nullptr; }

bool depends_on(const Object& object, const Unusable& unusable) {
  for (const auto& [title, component] : unusable)
    if (title.rfind("Service ", 0) == 0 && waits_for_component(object, component)) return true;
  const Json* pod = pod_spec(object);
  if (unusable.empty() || pod == nullptr) return false;
  const auto bad = [&unusable](const std::string& kind, const std::string& name) {
    return unusable.contains(kind + " " + name);
  };
  if (bad("ServiceAccount", pod->value("serviceAccountName", "")) ||
      bad("Service", object.body.at("spec").value("serviceName", "")))
    return true;
  const auto configs = config_maps_of(*pod);
  return std::any_of(configs.begin(), configs.end(),
                     [&bad](const std::string& name) { return bad("ConfigMap", name); });
}

k8s::ObjectKey key_of(const Observed& observed, const Object& object) {
  return {object.kind(), observed.key.ns, object.name()};
}

std::string title(const Object& object) { return object.kind() + " " + object.name(); }

}  // namespace reconcilers
