#include "k8s-client/store.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <set>
#include <utility>

#include "k8s-client/resource_version.h"

namespace k8s {
namespace {

constexpr std::size_t kGraves = 4096;

bool at_most(const std::string& a, std::string_view b) {
  const auto order = compare_resource_versions(a, std::string(b));
  return order && *order <= 0;
}

bool newer(std::string_view a, const std::string& b) {
  const auto order = compare_resource_versions(std::string(a), b);
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

// The record leaves the cache.
RecordPtr Store::State::take(Objects::iterator at, const std::string& label) {
  auto record = std::make_shared<const Record>(at->record.unpack());
  const auto value = record->labels.find(label);
  if (value != record->labels.end()) {
    const auto group = groups.find({record->key.ns, value->second});
    std::erase(group->second, &*at);
    if (group->second.empty()) groups.erase(group);
  }
  objects.erase(at);
  return record;
}

void Store::State::add(Entry entry, const Record& record, const std::string& label) {
  const auto at = objects.insert(std::move(entry)).first;
  const auto value = record.labels.find(label);
  if (value == record.labels.end()) return;
  std::vector<const Entry*>& group = groups[{record.key.ns, value->second}];
  const auto place = std::lower_bound(
      group.begin(), group.end(), &*at,
      [](const Entry* a, const Entry* b) { return a->record.key() < b->record.key(); });
  group.insert(place, &*at);
}

void Store::put(Record record) {
  const auto after = std::make_shared<const Record>(std::move(record));
  Entry entry{PackedRecord(*after), grouping_.digest ? grouping_.digest(*after) : 0};
  RecordPtr before;
  const bool taken = state_.with([&](State& state) {
    if (state.graves.covers(*after)) return false;
    const auto found = state.objects.find(KeyView(after->key));
    if (found != state.objects.end()) {
      if (at_most(after->resource_version, found->record.resource_version())) return false;
      before = state.take(found, grouping_.label);
    }
    state.add(std::move(entry), *after, grouping_.label);
    return true;
  });
  if (taken) tell(before, after);
}

void Store::remove(const ObjectKey& key, const std::string& uid,
                   const std::string& resource_version) {
  RecordPtr before;
  state_.with([&](State& state) {
    const auto found = state.objects.find(KeyView(key));
    const bool known = found != state.objects.end() && found->record.uid() == uid;
    std::string until = resource_version;
    if (until.empty() && known) until = found->record.resource_version();
    state.graves.bury(uid, until);
    if (known) before = state.take(found, grouping_.label);
  });
  if (before) tell(before, nullptr);
}

void Store::retain(const std::string& kind, const std::string& ns,
                   const std::vector<ObjectKey>& listed, const std::string& resource_version) {
  const std::set<KeyView> keep(listed.begin(), listed.end());
  std::vector<RecordPtr> gone;
  state_.with([&](State& state) {
    auto at = state.objects.lower_bound(KeyView(kind, ns, ""));
    while (at != state.objects.end()) {
      const KeyView key = at->record.key();
      if (key.kind != kind || !(ns.empty() || key.ns == ns)) break;
      const auto next = std::next(at);
      if (!keep.contains(key) && !newer(at->record.resource_version(), resource_version)) {
        const RecordPtr record = state.take(at, grouping_.label);
        state.graves.bury(record->uid,
                          resource_version.empty() ? record->resource_version : resource_version);
        gone.push_back(record);
      }
      at = next;
    }
  });
  for (const RecordPtr& before : gone) tell(before, nullptr);
}

void Store::forget(const std::string& kind, const std::string& ns) {
  state_.with([&](State& state) {
    auto at = state.objects.lower_bound(KeyView(kind, ns, ""));
    while (at != state.objects.end()) {
      const KeyView key = at->record.key();
      if (key.kind != kind || !(ns.empty() || key.ns == ns)) break;
      state.take(std::exchange(at, std::next(at)), grouping_.label);
    }
    state.graves = {};
  });
}

RecordPtr Store::find(const ObjectKey& key) const {
  return state_.with([&](const State& state) -> RecordPtr {
    const auto found = state.objects.find(KeyView(key));
    if (found == state.objects.end()) return nullptr;
    return std::make_shared<const Record>(found->record.unpack());
  });
}

std::vector<RecordPtr> Store::group(const std::string& ns, const std::string& value) const {
  return state_.with([&](const State& state) {
    std::vector<RecordPtr> out;
    const auto found = state.groups.find({ns, value});
    if (found == state.groups.end()) return out;
    for (const Entry* entry : found->second)
      out.push_back(std::make_shared<const Record>(entry->record.unpack()));
    return out;
  });
}

std::size_t Store::digest(const ObjectKey& key) const {
  return state_.with([&](const State& state) {
    const auto found = state.objects.find(KeyView(key));
    return found == state.objects.end() ? 0 : found->digest;
  });
}

std::size_t Store::group_digest(const std::string& ns, const std::string& value) const {
  return state_.with([&](const State& state) {
    std::string digests;
    const auto found = state.groups.find({ns, value});
    if (found != state.groups.end())
      for (const Entry* entry : found->second)
        digests.append(reinterpret_cast<const char*>(&entry->digest), sizeof entry->digest);
    return std::hash<std::string>{}(digests);
  });
}

std::vector<ObjectKey> Store::keys(const std::string& kind) const {
  return state_.with([&](const State& state) {
    std::vector<ObjectKey> out;
    for (auto at = state.objects.lower_bound(KeyView(kind, "", ""));
         at != state.objects.end() && at->record.key().kind == kind; ++at) {
      const KeyView key = at->record.key();
      out.push_back({kind, std::string(key.ns), std::string(key.name)});
    }
    return out;
  });
}

std::size_t Store::size() const {
  return state_.with([](const State& state) { return state.objects.size(); });
}

}  // namespace k8s
