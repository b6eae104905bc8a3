#include "tests/reconcilers/engine/harness.h"

#include <algorithm>

#include "k8s-client/errors.h"
#include "k8s-client/record.h"
#include "reconcilers/desired/metadata.h"
#include "reconcilers/kinds.h"
#include "reconcilers/observe.h"

namespace reconcilers::test {

using namespace std::chrono_literals;
using Key = SmallCluster::Key;
constexpr auto kBackOff = 1s;  // the controller's begins shorter and grows

Key key(const std::string& kind, const std::string& name) { return {kind, kNs, name}; }

Harness::Harness(std::size_t requests_at_once) : requests_at_once_(requests_at_once) {
  begin_process();
}

void Harness::begin_process() {
  reconciler_.reset();
  store_ = std::make_unique<k8s::Store>(grouping());
  Options options;
  options.now = [this] { return now_; };
  options.wall_clock = [this] {
    return std::chrono::system_clock::time_point(std::chrono::hours(490'000)) + wall_clock_ahead +
           std::chrono::duration_cast<std::chrono::system_clock::duration>(now_ - start_);
  };
  options.random = [this](std::size_t length) {
    std::string text = std::to_string(++random_);
    text.resize(length, 'r');
    return text;
  };
  options.requests_at_once = requests_at_once_;
  options.others_wait = [this] { return others_wait; };
  reconciler_ = std::make_unique<Reconciler>(client_, *store_, options);
  actions_.clear();
}

void Harness::restart() {
  begin_process();
  cluster.take_changes();
  for (const Key& it : cluster.keys()) put(it);
}

void Harness::create(const std::string& name, const Json& spec) {
  cluster.create_as("kubectl", {{"apiVersion", "entityservice.io/v1alpha1"},
                                {"kind", "EntityService"},
                                {"metadata", {{"name", name}, {"namespace", kNs}}},
                                {"spec", spec}});
}

void Harness::start_ready(Json (*spec)()) {
  static std::map<Json (*)(), std::shared_ptr<const SmallCluster::Snapshot>> known;
  auto& snapshot = known[spec];
  if (!snapshot) {
    Harness first;
    first.create("demo", spec());
    first.settle();
    snapshot = first.cluster.snapshot();
  }
  cluster.restore(*snapshot);
  restart();
  settle();
  forget_requests();
  ASSERT_EQ(condition("Ready"), "True Ready");
}

void Harness::edit_spec(const std::string& name, const std::function<void(Json&)>& edit) {
  cluster.edit_as("kubectl", key("EntityService", name),
                  [&edit](Json& body) { edit(body["spec"]); });
}

// As the watches do: by label, Secrets without their content.
void Harness::put(const Key& it) {
  const Json* body = cluster.find(it);
  if (it.kind == "Event") return;
  const bool mine =
      it.kind == "EntityService" ||
      (body &&
       body->at("metadata").value("labels", Json::object()).contains(desired::kResourceLabel));
  if (body != nullptr && mine) {
    k8s::Record& record = records_[it];  // most of them outlive many processes
    if (record.uid != body->at("metadata").at("uid") ||
        record.resource_version != body->at("metadata").at("resourceVersion"))
      record = record_of(it.kind, *body);
    store_->put(record);
  } else if (const auto record = store_->find(it)) {
    store_->remove(it, record->uid);
  }
}

bool Harness::sync() {
  const auto changes = cluster.take_changes();
  for (const Key& it : changes) {
    // deleted and made anew between two looks
    const Json* body = cluster.find(it);
    const auto record = store_->find(it);
    if (record && body && record->uid != body->at("metadata").at("uid"))
      store_->remove(it, record->uid);
    put(it);
  }
  return !changes.empty();
}

void Harness::reconcile() {
  for (const Key& it : cluster.keys("EntityService")) {
    try {
      actions_[it.name] = reconciler_->reconcile(it);
    } catch (const k8s::Error&) {
      actions_[it.name] = Action::requeue(kBackOff);
      ++failed_passes;
    }
  }
}

void Harness::settle(std::chrono::seconds patience) {
  std::chrono::milliseconds waited = 0ms;
  for (int round = 0; round < 400; ++round) {
    // nothing new for them, and each of their looks costs
    bool changed = (round == 0 || cluster.has_changes()) && controllers.step();
    changed |= cluster.collect_garbage();
    changed |= sync();
    reconcile();
    now_ += 10ms;
    if (changed || cluster.has_changes()) continue;
    std::optional<std::chrono::milliseconds> soonest;
    for (const auto& [unused, action] : actions_)
      if (action.after && (!soonest || *action.after < *soonest)) soonest = action.after;
    if (!soonest || waited + *soonest > patience) return;
    waited += *soonest;
    now_ += *soonest;
  }
  FAIL() << "does not settle";
}

void Harness::pass_time(std::chrono::seconds time) {
  const auto until = now_ + time;
  while (now_ < until) {
    settle(0s);
    auto next = until;
    for (const auto& [unused, action] : actions_)
      if (action.after) next = std::min(next, now_ + *action.after);
    now_ = next;
  }
  settle();
}

const Json* Harness::find(const std::string& kind, const std::string& name) const {
  return cluster.find(key(kind, name));
}

std::string Harness::named(const std::string& kind, const std::string& prefix) const {
  std::string found;
  for (const Key& it : cluster.keys(kind)) {
    if (it.name.rfind(prefix, 0) != 0) continue;
    EXPECT_EQ(found, "") << "several " << kind << " begin with " << prefix;
    found = it.name;
  }
  return found;
}

Json Harness::status(const std::string& name) const {
  return find("EntityService", name)->value("status", Json::object());
}

std::string Harness::condition(const std::string& type, const std::string& name) const {
  for (const Json& it : status(name).value("conditions", Json::array()))
    if (it.at("type") == type)
      return it.at("status").get<std::string>() + " " + it.at("reason").get<std::string>();
  return "";
}

std::string Harness::message(const std::string& type, const std::string& name) const {
  for (const Json& it : status(name).value("conditions", Json::array()))
    if (it.at("type") == type) return it.at("message");
  return "";
}

std::vector<std::string> Harness::writes() const {
  std::vector<std::string> texts;
  for (const Seen& it : cluster.seen)
    if (it.is_write() && it.subresource != "status" && it.kind != "Event")
      texts.push_back(it.text());
  return texts;
}

std::vector<std::string> Harness::requests() const {
  std::vector<std::string> texts;
  for (const Seen& it : cluster.seen) texts.push_back(it.text());
  return texts;
}

std::size_t Harness::count(const std::function<bool(const Seen&)>& matches) const {
  return static_cast<std::size_t>(std::count_if(cluster.seen.begin(), cluster.seen.end(), matches));
}

std::map<std::string, Json> Harness::owned_state() const {
  std::map<std::string, Json> state;
  for (const Key& it : cluster.keys()) {
    if (it.kind == "Event" || it.kind == "Pod") continue;
    const Json& body = *cluster.find(it);
    Json& entry = state[it.kind + "/" + it.name];
    entry = k8s::owned_projection(body, kManager);
    if (it.kind == "EntityService") entry = body.at("spec");
    if (it.kind == "Secret" && entry.is_object()) entry.erase("data");  // random
  }
  return state;
}

Json minimal_spec() { return {{"profile", "Minimal"}, {"version", "1.15.1"}, {"replicas", 2}}; }
Json test_spec() { return {{"profile", "Test"}, {"version", "1.15.1"}, {"replicas", 2}}; }
Json production_spec() {
  return {{"profile", "Production"}, {"version", "1.15.1"}, {"replicas", 2}};
}

}  // namespace reconcilers::test
