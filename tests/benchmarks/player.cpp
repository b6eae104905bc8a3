#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/benchmarks/crew.h"
#include "tests/benchmarks/lines.h"
#include "tests/benchmarks/marks.h"
#include "tests/benchmarks/tools.h"
#include "tests/benchmarks/watching.h"

namespace bench {
namespace {

using k8s::Json;
using k8s::RecordPtr;

class Player {
 public:
  Player(k8s::Transport& transport, const PlayOptions& options)
      : transport_(transport), options_(options), client_(transport), crew_(options.parallel) {
    store_.on_change([this](const RecordPtr& before, const RecordPtr& after) {
      if (after) changed(before, after);
    });
    for (const k8s::Resource& kind : plain_kinds()) watch(kind, {});
    for (const k8s::Resource& kind : {stateful_sets(), deployments(), jobs()})
      watch(kind, [](const Json& object, const Json&) { return object; });
    for (const auto& watching : watches_) watching->wait_synced();
  }

 private:
  void watch(const k8s::Resource& kind, const k8s::FactsOf& facts) {
    watches_.push_back(std::make_unique<Watching>(
        client_, store_, watch_of(kind, options_.ns, options_.label, facts)));
  }

  std::string resource_of(const k8s::Record& record) const {
    const auto label = record.labels.find(options_.label);
    return label == record.labels.end() ? "" : label->second;
  }

  Json line(const char* what, const k8s::Record& record) const {
    return {{what, record.key.kind + "/" + record.key.name}, {"resource", resource_of(record)}};
  }

  void changed(const RecordPtr& before, const RecordPtr& after) {
    const double now = monotonic_seconds();
    if (!before) tell_at(now, line("seen", *after));
    if (!after->facts.is_object()) return;
    const bool ready = is_ready(after->key.kind, after->facts);
    const bool was =
        before && before->facts.is_object() && is_ready(before->key.kind, before->facts);
    if (ready && !was) tell_at(now, line("ready", *after));
    if (!ready && !after->deleting) crew_.give([this, after] { play(*after); });
  }

  void play(const k8s::Record& record) {
    std::this_thread::sleep_for(std::chrono::milliseconds(options_.delay_ms));
    const std::string& kind = record.key.kind;
    if (kind == "StatefulSet")
      for (const Json& claim : claims_of(record.facts)) make(claims(), claim);
    if (options_.with_pods)
      for (const Json& pod : pods_of(kind, record.facts)) make(pods(), pod);
    const k8s::Resource resource = kind == "Job"          ? jobs()
                                   : kind == "Deployment" ? deployments()
                                                          : stateful_sets();
    put_status(resource, record.key.name, ready_status(kind, record.facts));
  }

  void put_status(const k8s::Resource& resource, const std::string& name, const Json& status) {
    sent(transport_, {.method = "PATCH",
                      .path = k8s::object_path(resource, options_.ns, name, "status"),
                      .body = Json{{"status", status}}.dump(),
                      .content_type = "application/merge-patch+json"});
  }

  void make(const k8s::Resource& resource, const Json& object) {
    const auto answer = transport_.send({.method = "POST",
                                         .path = k8s::collection_path(resource, options_.ns),
                                         .body = object.dump(),
                                         .content_type = "application/json"});
    if (answer.status == 409) return;  // the workload changed, and it is there already
    if (answer.status >= 300) throw std::runtime_error(resource.plural + ": " + answer.body);
    put_status(resource, object.at("metadata").at("name"), object.at("status"));
  }

  k8s::Transport& transport_;
  const PlayOptions options_;
  const k8s::Client client_;
  k8s::Store store_;
  Crew crew_;  // outlives the watches, which give it jobs
  std::vector<std::unique_ptr<Watching>> watches_;
};

}  // namespace

void play(k8s::Transport& transport, const PlayOptions& options) {
  const Player player(transport, options);
  tell({{"watching", options.ns}});
  wait_for_end();
}

}  // namespace bench
