#include "reconcilers/assess.h"

#include <algorithm>

#include "reconcilers/desired/metadata.h"
#include "reconcilers/updates.h"

namespace reconcilers {
namespace {

using crds::Condition;

// The schema bounds messages; whole characters only.
std::string bounded(const std::string& message) {
  std::size_t end = 16'000;
  if (message.size() <= end) return message;
  while ((static_cast<unsigned char>(message[end]) & 0xC0U) == 0x80U) --end;
  return message.substr(0, end) + "…";
}

Condition condition(const std::string& type, bool status, const std::string& reason,
                    const std::string& message) {
  return {type, status ? "True" : "False", reason, bounded(message)};
}

std::string join(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

// One condition for one or several components: true when all serve.
Condition concern(const std::string& type, const std::vector<Component>& components,
                  const std::vector<std::string>& names, bool suspended,
                  const char* when_true = "Ready") {
  std::vector<std::string> good;
  for (const auto& name : names) {
    const Component* it = find_component(components, name);
    if (it == nullptr) return condition(type, false, "Missing", name + " is not there");
    const bool is_job = it->object.rfind("Job ", 0) == 0;
    if (suspended && !is_job)
      return condition(type, false, "Suspended", it->object + " is scaled to zero");
    if (!it->serving) {
      const char* reason = it->failed ? "JobFailed" : it->exists ? "NotReady" : "Waiting";
      return condition(type, false, reason, it->message);
    }
    good.push_back(it->object + (is_job ? " has succeeded" : " is ready"));
  }
  return condition(type, true, when_true, join(good, ", "));
}

std::vector<Condition> concerns(const std::vector<Component>& components, bool suspended) {
  using namespace desired;  // the components' names
  return {concern("DatabaseReady", components, {kDatabase}, suspended),
          concern("RedisReady", components, {kRedis}, suspended),
          concern("ObjectStoreReady", components, {kObjectStore, kBuckets}, suspended),
          concern("MigrationsApplied", components, {kMigration}, suspended, "Applied"),
          concern("WorkersReady", components, {kWorker, kHighMemory}, suspended),
          concern("APIReady", components, {kApi}, suspended)};
}

// The messages of what is behind, the first few: the rest mostly waits for those.
std::string what_is_missing(const std::vector<Component>& components) {
  constexpr std::size_t kMost = 3;
  std::vector<std::string> parts;
  for (const Component& it : components)
    if (!it.current && parts.size() < kMost) parts.push_back(it.name + ": " + it.message);
  return join(parts, "; ");
}

bool all(const std::vector<Component>& components, bool Component::*flag) {
  return std::all_of(components.begin(), components.end(),
                     [flag](const Component& it) { return it.*flag; });
}

bool any_failed(const std::vector<Component>& components) {
  return std::any_of(components.begin(), components.end(),
                     [](const Component& it) { return it.failed; });
}

Condition ready_condition(const Situation& it) {
  if (it.resolved.suspend)
    return condition("Ready", false, "Suspended",
                     "everything is scaled to zero and the data is kept; set spec.suspend to false "
                     "to go on");
  if (!it.components.empty() && all(it.components, &Component::current))
    return condition("Ready", true, "Ready",
                     "every component of version " + it.resolved.app_version + " is ready");
  const bool blocked = any_failed(it.components) &&
                       std::any_of(it.applied.held.begin(), it.applied.held.end(),
                                   [](const Held& held) { return held.exists && !held.update; });
  const char* reason = it.resolved.paused && !it.applied.pending.empty() ? "Paused"
                       : blocked                                         ? "UpgradeBlocked"
                                                                         : "ComponentsNotReady";
  return condition("Ready", false, reason, what_is_missing(it.components));
}

std::string messages(const std::vector<Issue>& issues) {
  std::vector<std::string> texts;
  texts.reserve(issues.size());
  for (const Issue& issue : issues) texts.push_back(issue.message);
  return join(texts, "; ");
}

Condition stalled_condition(const Situation& it, bool ready) {
  const auto& issues = it.applied.issues;
  const auto& faults = it.applied.faults;
  if (!issues.empty()) return condition("Stalled", true, issues.front().reason, messages(issues));
  // Nobody waits for what is suspended or paused.
  if (it.deadline_exceeded && !ready && !it.resolved.suspend && !it.resolved.paused) {
    return condition("Stalled", true, "ProgressDeadlineExceeded",
                     "no progress for " + std::to_string(it.resolved.progress_deadline_seconds) +
                         " s: " + (faults.empty() ? "" : messages(faults) + "; ") +
                         what_is_missing(it.components));
  }
  return condition("Stalled", false, "NotStalled", "nothing needs attention");
}

bool still_changing(const Situation& it, bool ready, bool stalled) {
  if (stalled || it.resolved.paused) return false;
  if (!it.applied.faults.empty()) return true;
  if (it.resolved.suspend) return !all(it.components, &Component::empty);
  return !ready;
}

Condition reconciling_condition(const Situation& it, bool changing, bool stalled) {
  if (changing && !it.applied.faults.empty())
    return condition("Reconciling", true, it.applied.faults.front().reason,
                     messages(it.applied.faults));
  if (changing)
    return condition("Reconciling", true, "Progressing",
                     it.components.empty() ? "beginning" : what_is_missing(it.components));
  if (stalled) return condition("Reconciling", false, "Stalled", "see the condition Stalled");
  return condition("Reconciling", false, it.resolved.paused ? "Paused" : "Settled",
                   "nothing is being changed");
}

void add_updates(const Situation& it, std::vector<Condition>& conditions) {
  std::vector<std::string> objects;
  for (const Held& held : it.applied.held)
    if (held.update) objects.push_back(held.object);
  if (objects.empty()) return;
  conditions.push_back(
      condition("UpdateAvailable", true, "WaitsForApproval", how_to_approve(it.resolved, objects)));
}

void add_conflicts(const Situation& it, std::vector<Condition>& conditions) {
  std::vector<std::string> parts;
  if (!it.applied.contested.empty())
    parts.push_back(
        "changed or removed whenever it was put right, so that this is done ever more "
        "rarely, down to once every " +
        std::to_string(kLongestPause.count()) + " minutes: " + join(it.applied.contested, ", ") +
        "; let whoever it is leave the operator's fields alone");
  for (const auto& object : it.applied.edited)
    parts.push_back(object +
                    " was edited and is not written again; delete it to have it made anew");
  if (!it.foreign_keys.empty())
    parts.push_back("Secret " + it.resolved.name + "-credentials: " + join(it.foreign_keys, ", ") +
                    " were written by somebody else; pods are not restarted for it, so put the "
                    "former values back");
  for (const auto& object : it.applied.altered)
    parts.push_back(object +
                    " is not stored as it was sent, mostly by the doing of an admission "
                    "plugin; what that makes of it counts");
  if (parts.empty()) return;
  const bool by_hand = !it.applied.edited.empty() || !it.foreign_keys.empty();
  const char* reason = !it.applied.contested.empty() ? kContested : by_hand ? "Edited" : "Altered";
  conditions.push_back(condition("FieldConflict", true, reason, join(parts, "; ")));
}

void add_advice(const Situation& it, std::vector<Condition>& conditions) {
  if (it.storage)
    conditions.push_back(
        {it.storage->type, it.storage->status, it.storage->reason, bounded(it.storage->message)});
  if (it.resolved.paused) {
    const std::string pending = it.applied.pending.empty()
                                    ? "nothing waits to be written"
                                    : "not written: " + join(it.applied.pending, ", ");
    conditions.push_back(
        condition("Paused", true, "Paused", pending + "; set spec.paused to false to go on"));
  }
}

void carry_over(const k8s::Json& old_status, const std::string& type,
                std::vector<Condition>& conditions) {
  for (const auto& old : old_status.value("conditions", k8s::Json::array()))
    if (old.value("type", "") == type)
      conditions.push_back(
          {type, old.value("status", ""), old.value("reason", ""), old.value("message", "")});
}

}  // namespace

Assessment assess(const Situation& situation) {
  Assessment result;
  const Condition ready = ready_condition(situation);
  result.ready = ready.status == "True";
  const Condition stalled = stalled_condition(situation, result.ready);
  result.reconciling = still_changing(situation, result.ready, stalled.status == "True");
  result.conditions = concerns(situation.components, situation.resolved.suspend);
  result.conditions.push_back(ready);
  result.conditions.push_back(stalled);
  result.conditions.push_back(
      reconciling_condition(situation, result.reconciling, stalled.status == "True"));
  result.conditions.push_back(
      condition("ConfigurationValid", true, "Valid", "the spec has no problems"));
  add_updates(situation, result.conditions);
  add_conflicts(situation, result.conditions);
  add_advice(situation, result.conditions);
  return result;
}

Assessment assess_invalid(const crds::Problems& problems, const std::vector<Component>& components,
                          const k8s::Json& old_status) {
  std::vector<std::string> texts;
  for (const auto& problem : problems) texts.push_back(problem.text());
  const std::string text = join(texts, "; ");
  Assessment result;
  result.ready = !components.empty() && all(components, &Component::current);
  result.conditions = {
      condition("ConfigurationValid", false, "InvalidSpec", text),
      condition("Stalled", true, "InvalidSpec",
                "nothing is changed until the spec is valid, nor does another deletionPolicy count "
                "before: " +
                    text),
      condition("Reconciling", false, "Stalled", "see the condition Stalled"),
  };
  if (components.empty()) {
    result.conditions.push_back(
        condition("Ready", false, "InvalidSpec", "nothing runs: the spec is invalid"));
    return result;
  }
  result.conditions.push_back(
      result.ready ? condition("Ready", true, "EarlierSpec",
                               "what an earlier valid spec asked for is ready; the current spec "
                               "is invalid")
                   : condition("Ready", false, "ComponentsNotReady", what_is_missing(components)));
  carry_over(old_status, "StorageReady", result.conditions);
  for (Condition& it : concerns(components, false)) {
    const bool of_jobs = it.type == "MigrationsApplied" || it.type == "ObjectStoreReady";
    if (of_jobs)
      carry_over(old_status, it.type, result.conditions);
    else
      result.conditions.push_back(std::move(it));
  }
  return result;
}

std::string progress_token(std::int64_t generation, const std::vector<Component>& components) {
  std::string token = std::to_string(generation);
  for (const Component& it : components) {
    token += '|' + it.object + ':' + std::to_string(it.ready) + '/' + std::to_string(it.desired);
    if (it.object.rfind("Job ", 0) != 0)
      token +=
          (it.exists ? "+" : "-") + std::to_string(it.updated) + ',' + std::to_string(it.total);
  }
  return token;
}

}  // namespace reconcilers
