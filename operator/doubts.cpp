#include "operator/doubts.h"

#include <spdlog/spdlog.h>

#include <optional>
#include <utility>

#include "k8s-client/errors.h"

namespace op {

Doubts::Doubts(const k8s::Client& client, const k8s::Store& store, k8s::Resource resource,
               std::function<void()> reopen)
    : client_(client), store_(store), resource_(std::move(resource)), reopen_(std::move(reopen)) {}

void Doubts::raise(const std::vector<k8s::ObjectKey>& keys) {
  doubted_.with([&](auto& doubted) { doubted.insert(keys.begin(), keys.end()); });
}

bool Doubts::dispelled(const k8s::ObjectKey& key) {
  if (!doubted_.with([&](const auto& doubted) { return doubted.contains(key); })) return true;
  if (store_.find(key) != nullptr && !is_as_cached(key)) {
    spdlog::warn("{} is not as its watch says, which is opened anew", key.text());
    reopen_();
    return false;
  }
  doubted_.with([&](auto& doubted) { doubted.erase(key); });
  return true;
}

bool Doubts::is_as_cached(const k8s::ObjectKey& key) const {
  try {
    const std::optional<k8s::Json> live = client_.find(resource_, key.ns, key.name);
    const k8s::RecordPtr cached = store_.find(key);
    if (!live || cached == nullptr) return !live && cached == nullptr;
    return live->value("/metadata/uid"_json_pointer, "") == cached->uid &&
           live->value("/metadata/resourceVersion"_json_pointer, "") == cached->resource_version;
  } catch (const k8s::ApiError& error) {
    if (error.code() != 403) throw;
    spdlog::warn(
        "{} is taken to be as its watch says: {}; apply the manifest of this version of the "
        "operator, which grants that",
        key.text(), error.what());
    return true;
  }
}

}  // namespace op
