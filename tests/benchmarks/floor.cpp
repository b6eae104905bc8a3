#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "k8s-client/guarded.h"
#include "tests/benchmarks/crew.h"
#include "tests/benchmarks/lines.h"
#include "tests/benchmarks/marks.h"
#include "tests/benchmarks/tools.h"
#include "tests/benchmarks/watching.h"

namespace bench {
namespace {

using k8s::Json;
using k8s::RecordPtr;

struct Sending {
  std::string path, body;
};

// What was recorded of one resource. A wave begins when all of the earlier ones is there and their
// workloads are ready.
struct Plan {
  std::string name, uid;
  std::vector<std::vector<Sending>> waves;
  std::vector<std::size_t> sent_before, ready_before;  // that each wave waits for
};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

Plan read_plan(const std::string& path) {
  std::ifstream file(path);
  const Json json = Json::parse(file);
  Plan plan{json.at("name"), json.at("uid"), {}, {}, {}};
  std::size_t sent = 0, ready = 0;
  for (const Json& wave : json.at("waves")) {
    plan.sent_before.push_back(sent);
    plan.ready_before.push_back(ready);
    plan.waves.emplace_back();
    for (const Json& object : wave) {
      plan.waves.back().push_back({object.at("path"), object.at("body")});
      ++sent;
      if (object.at("workload")) ++ready;
    }
  }
  return plan;
}

class Floor {
 public:
  Floor(k8s::Transport& transport, const FloorOptions& options)
      : transport_(transport),
        options_(options),
        plan_(read_plan(options.plan_file)),
        client_(transport),
        crew_(options.parallel) {
    store_.on_change([this](const RecordPtr& before, const RecordPtr& after) {
      if (after) changed(before, *after);
    });
    for (const k8s::Resource& kind : {stateful_sets(), deployments(), jobs()})
      watch(kind, options.label, [name = kind.kind](const Json& object, const Json&) {
        return Json(is_ready(name, object));
      });
    watch(resources(), "", {});
    for (const auto& watching : watches_) watching->wait_synced();
  }

 private:
  struct Progress {
    std::string uid;
    std::size_t next = 0, sent = 0, ready = 0;
  };

  // "/apis/GROUP/VERSION/namespaces/NS/PLURAL"
  k8s::Resource resources() const {
    std::vector<std::string> parts;
    std::string part;
    for (const char c : options_.collection_path + "/") {
      if (c != '/') {
        part += c;
      } else if (!part.empty()) {
        parts.push_back(std::exchange(part, ""));
      }
    }
    return {parts.at(1), parts.at(2), parts.back(), "Resource"};
  }

  void watch(const k8s::Resource& kind, const std::string& labels, const k8s::FactsOf& facts) {
    watches_.push_back(
        std::make_unique<Watching>(client_, store_, watch_of(kind, options_.ns, labels, facts)));
  }

  void changed(const RecordPtr& before, const k8s::Record& after) {
    if (after.key.kind == "Resource") {
      if (!before) advance(after.key.name, [&](Progress& it) { it.uid = after.uid; });
      return;
    }
    const auto label = after.labels.find(options_.label);
    const bool was = before && before->facts == Json(true);
    if (label != after.labels.end() && after.facts == Json(true) && !was)
      advance(label->second, [](Progress& it) { ++it.ready; });
  }

  template <typename F>
  void advance(const std::string& name, F&& change) {
    std::vector<std::function<void()>> jobs;
    progress_.with([&](auto& all) {
      Progress& it = all[name];
      change(it);
      while (!it.uid.empty() && it.next < plan_.waves.size() &&
             it.sent >= plan_.sent_before[it.next] && it.ready >= plan_.ready_before[it.next]) {
        for (const Sending& sending : plan_.waves[it.next])
          jobs.push_back([this, &sending, name, uid = it.uid] { send(sending, name, uid); });
        ++it.next;
      }
    });
    for (auto& job : jobs) crew_.give(std::move(job));
  }

  void send(const Sending& sending, const std::string& name, const std::string& uid) {
    k8s::Request request{.method = "PATCH",
                         .path = replaced(sending.path, plan_.name, name),
                         .body = replaced(replaced(sending.body, plan_.name, name), plan_.uid, uid),
                         .content_type = "application/apply-patch+yaml"};
    request.query = {{"fieldManager", "floor"}, {"force", "true"}};
    sent(transport_, request);
    advance(name, [](Progress& it) { ++it.sent; });
  }

  k8s::Transport& transport_;
  const FloorOptions options_;
  const Plan plan_;
  const k8s::Client client_;
  k8s::Store store_;
  k8s::Guarded<std::map<std::string, Progress>> progress_;
  Crew crew_;  // outlives the watches, which give it jobs
  std::vector<std::unique_ptr<Watching>> watches_;
};

}  // namespace

void send_floor(k8s::Transport& transport, const FloorOptions& options) {
  const Floor floor(transport, options);
  tell({{"watching", options.ns}});
  wait_for_end();
}

}  // namespace bench
