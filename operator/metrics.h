// What /metrics says, under the names that dashboards for Kubernetes controllers expect. Counts
// what it is told as observer of queue, controller and transport; what can be asked for (depths,
// ages) is asked for when it is read. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "k8s-client/rest_transport.h"
#include "operator/controller.h"
#include "operator/figures.h"
#include "operator/work_queue.h"

namespace op {

// Of all watches of one kind: the oldest age, the sum of the failures. No ages: the kind is
// optional and absent.
struct WatchFigures {
  using Age = std::chrono::duration<double>;
  std::string kind;
  std::optional<Age> last_event_age = {};
  std::optional<Age> last_list_age = {};
  std::int64_t failures = 0;
};

struct ScrapeFigures {
  QueueState queue;
  std::vector<WatchFigures> watches;
  std::size_t cache_objects = 0;
  bool leader = false;
  std::vector<ResourceFigures> resources;
  ProcessFigures process;
};

struct MetricLabels {
  std::string controller = "entityservice";
  std::string lease = "entityservice-operator";
  std::string host = {};                // host and port of the API server
  std::vector<std::string> kinds = {};  // that are watched
  int workers = 1;
  bool each_resource = false;  // also series of every single resource
};

class Metrics final : public k8s::RestObserver, public QueueObserver, public PassObserver {
 public:
  explicit Metrics(const MetricLabels& labels);
  ~Metrics() override;

  // Asked for by each `text`; set before the first.
  void on_scrape(std::function<ScrapeFigures()> figures);
  std::string text();  // Prometheus' text format, version 0.0.4

  void finished(const std::string& method, int status, std::chrono::nanoseconds took) override;
  void waited(std::chrono::duration<double> time) override;
  void worked(std::chrono::duration<double> time) override;
  void started() override;
  void finished(PassResult result, std::chrono::duration<double> took) override;

 private:
  struct Series;
  const std::unique_ptr<Series> series_;
};

}  // namespace op
