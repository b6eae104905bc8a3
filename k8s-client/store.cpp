#include "k8s-client/store.h"

#include <set>
#include <utility>

#include "k8s-client/resource_version.h"

namespace k8s {
namespace {

constexpr std::size_t kGraves = 4096;

bool at_most(const std::string& a, const std::string& b) {
  const auto order = compare_resource_versions(a, b);
  return order && *order <= 0;
}

bool newer(const std::string& a, const std::string& b) {
  const auto order = compare_resource_versions(a, b);
  return order && *order > 0;
}

}  // namespace

void Store::Graves::bury(const std::string& uid, const std::string& resource_version) {
  if (uid.empty()) return;
  if (versions_.insert_or_assign(uid, resource_version).second) order_.push_back(uid);
  if (order_.size() > kGraves) {
    versions_.erase(order_.front());
    order_.pop_front();
  }
}

// An object that left a selector and came back has the same uid and a newer resourceVersion.
bool Store::Graves::covers(const Record& record) const {
  const auto found = versions_.find(record.uid);
  return found != versions_.end() && !newer(record.resource_version, found->second);
}

void Store::tell(const RecordPtr& before, const RecordPtr& after) const {
  if (on_change_) on_change_(before, after);
}

void Store::put(Record record) {
  const auto after = std::make_shared<const Record>(std::move(record));
  RecordPtr before;
  const bool taken = state_.with([&](State& state) {
    if (state.graves.covers(*after)) return false;
    RecordPtr& slot = state.objects[after->key];
    if (slot && at_most(after->resource_version, slot->resource_version)) return false;
    before = std::exchange(slot, after);
    return true;
  });
  if (taken) tell(before, after);
}

void Store::remove(const ObjectKey& key, const std::string& uid,
                   const std::string& resource_version) {
  RecordPtr before;
  state_.with([&](State& state) {
    const auto found = state.objects.find(key);
    const bool known = found != state.objects.end() && found->second->uid == uid;
    std::string until = resource_version;
    if (until.empty() && known) until = found->second->resource_version;
    state.graves.bury(uid, until);
    if (!known) return;
    before = std::move(found->second);
    state.objects.erase(found);
  });
  if (before) tell(before, nullptr);
}

void Store::retain(const std::string& kind, const std::string& ns,
                   const std::vector<ObjectKey>& listed, const std::string& resource_version) {
  const std::set<ObjectKey> keep(listed.begin(), listed.end());
  std::vector<RecordPtr> gone;
  state_.with([&](State& state) {
    auto at = state.objects.lower_bound(ObjectKey{kind, ns, ""});
    while (at != state.objects.end() && at->first.kind == kind &&
           (ns.empty() || at->first.ns == ns)) {
      const Record& record = *at->second;
      if (keep.contains(at->first) || newer(record.resource_version, resource_version)) {
        ++at;
        continue;
      }
      state.graves.bury(record.uid,
                        resource_version.empty() ? record.resource_version : resource_version);
      gone.push_back(std::move(at->second));
      at = state.objects.erase(at);
    }
  });
  for (const RecordPtr& before : gone) tell(before, nullptr);
}

void Store::forget(const std::string& kind, const std::string& ns) {
  state_.with([&](State& state) {
    std::erase_if(state.objects, [&](const auto& entry) {
      return entry.first.kind == kind && (ns.empty() || entry.first.ns == ns);
    });
    state.graves = {};
  });
}

RecordPtr Store::find(const ObjectKey& key) const {
  return state_.with([&](const State& state) -> RecordPtr {
    const auto found = state.objects.find(key);
    return found == state.objects.end() ? nullptr : found->second;
  });
}

std::vector<RecordPtr> Store::labelled(const std::string& kind, const std::string& ns,
                                       const std::string& label, const std::string& value) const {
  return state_.with([&](const State& state) {
    std::vector<RecordPtr> out;
    for (auto at = state.objects.lower_bound(ObjectKey{kind, ns, ""});
         at != state.objects.end() && at->first.kind == kind && at->first.ns == ns; ++at) {
      const auto found = at->second->labels.find(label);
      if (found != at->second->labels.end() && found->second == value) out.push_back(at->second);
    }
    return out;
  });
}

std::vector<RecordPtr> Store::all(const std::string& kind) const {
  return state_.with([&](const State& state) {
    std::vector<RecordPtr> out;
    for (auto at = state.objects.lower_bound(ObjectKey{kind, "", ""});
         at != state.objects.end() && at->first.kind == kind; ++at) {
      out.push_back(at->second);
    }
    return out;
  });
}

std::size_t Store::size() const {
  return state_.with([](const State& state) { return state.objects.size(); });
}

}  // namespace k8s
