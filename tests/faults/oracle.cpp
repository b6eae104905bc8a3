#include "tests/faults/oracle.h"

#include "k8s-client/record.h"
#include "reconcilers/kinds.h"

namespace faults {
namespace {

const std::set<std::string> kNotCompared = {"Pod", "Event", "Lease", "Namespace", "StorageClass"};

std::string title(const ObjectKey& key) { return key.kind + " " + key.name; }

bool holds_data(const ObjectKey& key) {
  return key.kind == "PersistentVolumeClaim" ||
         (key.kind == "Secret" && key.name.ends_with("-credentials")) ||
         (key.kind == "ConfigMap" && key.name.ends_with("-redis-state"));
}

// Times differ between runs that are otherwise the same.
void drop_times(Json& value) {
  if (value.is_object())
    for (const char* time : {"lastTransitionTime", "since", "completed"}) value.erase(time);
  if (value.is_structured())
    for (Json& part : value) drop_times(part);
}

Json content_of(const Json& object) {
  Json content = object;
  Json& metadata = content["metadata"];
  content["ours"] = k8s::owned_projection(object, reconcilers::kManager);
  for (const char* field : {"resourceVersion", "managedFields"}) metadata.erase(field);
  drop_times(content);
  // given in the order in which Services were made
  if (object.at("kind") == "Service" && content["spec"].value("clusterIP", "None") != "None")
    content["spec"].erase("clusterIP");
  return content;
}

bool has_condition(const Json& object, const char* type) {
  for (const Json& it : object.value("/status/conditions"_json_pointer, Json::array()))
    if (it.at("type") == type && it.at("status") == "True") return true;
  return false;
}

std::string component_of(const Json& object) {
  const Json labels = object.at("metadata").value("labels", Json::object());
  return labels.value("entityservice.io/component", "");
}

bool is_application(const Json& object) {
  const std::string component = component_of(object);
  return component == "api" || component.starts_with("worker");
}

Json image_of(const Json& object) {
  for (const Json& it : object.at("/spec/template/spec/containers"_json_pointer))
    if (it.value("image", "").find("nginx") == std::string::npos) return it.at("image");
  return nullptr;
}

// The status of the resource that it is made for says so.
bool is_recorded_as_done(const Json& job, const Storage::Objects& now) {
  const std::string component = component_of(job);
  const auto name = job.at("metadata").at("name").get<std::string>();
  for (const auto& [key, it] : now) {
    if (key.kind != "EntityService" ||
        it->at("metadata").at("uid") != job.at("/metadata/ownerReferences/0/uid"_json_pointer))
      continue;
    const Json record = it->value("status", Json::object()).value(component, Json::object());
    return record.contains("hash") && name.ends_with("-" + record.at("hash").get<std::string>());
  }
  return false;
}

// Volumes or credentials of an earlier resource of the name are there.
bool predecessor_leaves(const Json& object, const Storage::Objects& now) {
  const Json& owner = object.at("/metadata/ownerReferences/0/uid"_json_pointer);
  for (const auto& [key, it] : now)
    if (holds_data(key))
      for (const Json& other : it->at("metadata").value("ownerReferences", Json::array()))
        if (other.at("kind") == "EntityService" && other.at("uid") != owner) return true;
  return false;
}

// Plays the log and looks at the moment of each change whether what it needs was there: images run
// only when their migration has succeeded, migrations only on a database that is ready. And whether
// a Job was needed.
void judge_order(const Storage& storage, Outcome& outcome) {
  std::set<Json> migrated;
  Storage::Objects now;
  std::vector<std::string>& found = outcome.too_early;
  for (const Change& change : storage.log()) {
    if (change.after)
      now[change.key] = change.after;
    else
      now.erase(change.key);
    if (!change.after) continue;
    const Json& object = *change.after;
    const std::string component = component_of(object);
    if (change.key.kind == "Job" && component == "migration" && has_condition(object, "Complete"))
      migrated.insert(image_of(object));
    if (change.key.kind == "Job" && !change.before && is_recorded_as_done(object, now))
      outcome.in_vain.push_back(title(change.key) + " is made though its success is recorded");
    if (change.key.kind == "StatefulSet" && !change.before && predecessor_leaves(object, now))
      found.push_back(title(change.key) + " came while the data of its predecessor was there");
    if (change.key.kind == "Job" && component == "migration" && !change.before) {
      bool ready = false;
      for (const auto& [key, it] : now)
        if (key.kind == "StatefulSet" && component_of(*it) == "database")
          ready |= it->value("/status/readyReplicas"_json_pointer, 0) > 0;
      if (!ready) found.push_back(title(change.key) + " came before its database was ready");
    }
    if (change.key.kind == "Deployment" && is_application(object) &&
        !migrated.contains(image_of(object)))
      found.push_back(title(change.key) + " runs an image before its migration has succeeded");
  }
}

template <typename Value>
void compare(const std::string& what, const std::map<std::string, Value>& expected,
             const std::map<std::string, Value>& actual, std::vector<std::string>& out) {
  for (const auto& [name, value] : expected) {
    const auto found = actual.find(name);
    if (found == actual.end())
      out.push_back(what + name + " is missing");
    else if (found->second != value)
      out.push_back(what + name + ": " + Json(found->second).dump() + " instead of " +
                    Json(value).dump());
  }
  for (const auto& [name, value] : actual)
    if (!expected.contains(name)) out.push_back(what + name + " is one too many");
}

// As JSON Patch says it: whole objects hide what differs.
void compare_objects(const Outcome& expected, const Outcome& actual,
                     std::vector<std::string>& out) {
  for (const auto& [name, value] : expected.objects) {
    const auto found = actual.objects.find(name);
    if (found == actual.objects.end())
      out.push_back(name + " is missing");
    else if (found->second != value)
      out.push_back(name + ": " + Json::diff(value, found->second).dump().substr(0, 600));
  }
  for (const auto& [name, value] : actual.objects)
    if (!expected.objects.contains(name)) out.push_back(name + " is one too many");
}

}  // namespace

Outcome outcome_of(const Storage& storage) {
  Outcome outcome;
  for (const auto& [key, object] : storage.objects())
    if (!kNotCompared.contains(key.kind)) outcome.objects[title(key)] = content_of(*object);
  judge_order(storage, outcome);
  const Json::json_pointer pod_template("/spec/template");
  for (const Change& change : storage.log()) {
    const std::string name = title(change.key);
    if (change.key.kind == "Deployment" || change.key.kind == "StatefulSet") {
      const Json was = change.before ? change.before->at(pod_template) : Json();
      if (change.after && change.after->at(pod_template) != was) ++outcome.templates[name];
    }
    if (change.key.kind == "Job" && !change.before) ++outcome.jobs[name];
    if (change.key.kind == "EntityService" && change.before && change.after &&
        change.before->value("status", Json()) != change.after->value("status", Json()))
      ++outcome.status_writes;
    if (!change.after && holds_data(change.key))
      outcome.lost.insert(name + " " + change.before->at("metadata").at("uid").get<std::string>());
  }
  return outcome;
}

std::vector<std::string> differences(const Outcome& expected, const Outcome& actual) {
  std::vector<std::string> out;
  compare_objects(expected, actual, out);
  compare("pod templates of ", expected.templates, actual.templates, out);
  compare("makings of ", expected.jobs, actual.jobs, out);
  for (const std::string& it : actual.lost)
    if (!expected.lost.contains(it)) out.push_back(it + " held data and was deleted");
  for (const auto* all : {&actual.too_early, &actual.in_vain})
    out.insert(out.end(), all->begin(), all->end());
  // News of each fault may be told, and taken back.
  if (actual.status_writes > 2 * expected.status_writes + 20)
    out.push_back(std::to_string(actual.status_writes) + " writes of the status instead of " +
                  std::to_string(expected.status_writes));
  return out;
}

}  // namespace faults
