#include "operator/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <mutex>
#include <utility>

#include "operator/metric_families.h"

namespace op {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using Labels = std::map<std::string, std::string>;

const Histogram::BucketBoundaries kPassBuckets = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                                  1,     2.5,  5,     10,   30,  60};
const Histogram::BucketBoundaries kQueueBuckets = {1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000};

Family<Counter>& counters(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}
Family<Gauge>& gauges(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}
Family<Histogram>& histograms(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

void show_age(Family<Gauge>& ages, const std::string& kind, std::optional<WatchFigures::Age> age) {
  Gauge& gauge = ages.Add({{"kind", kind}});
  age ? gauge.Set(age->count()) : ages.Remove(&gauge);
}

// For a total that is counted elsewhere: only the difference is added.
void raise(Counter& counter, std::int64_t total) {
  const double difference = static_cast<double>(total) - counter.Value();
  if (difference > 0) counter.Increment(difference);
}

}  // namespace

struct Metrics::Series {
  explicit Series(const MetricLabels& labels)
      : each_resource(labels.each_resource),
        host(labels.host),
        controller({{"controller", labels.controller}}),
        queue({{"controller", labels.controller}, {"name", labels.controller}}),
        leader(gauges(registry, "leader_election_master_status",
                      "1 while this process holds the lease")
                   .Add({{"name", labels.lease}})) {
    gauges(registry, "controller_runtime_max_concurrent_reconciles", "Worker threads")
        .Add(controller)
        .Set(labels.workers);
    for (const char* method : {"GET", "PATCH", "POST", "PUT", "DELETE"}) {
      request_count("200", method);
      request_count("<error>", method);
      request_time(method);
    }
    for (const std::string& kind : labels.kinds) {
      event_ages.Add({{"kind", kind}});
      list_ages.Add({{"kind", kind}});
      watch_failures.Add({{"kind", kind}});
    }
  }

  Counter& result(const char* name) {
    return results.Add({{"controller", controller.at("controller")}, {"result", name}});
  }

  // What was asked for when it is read.
  void show(const ScrapeFigures& now) {
    depth.Set(static_cast<double>(now.queue.depth));
    raise(adds, now.queue.adds);
    raise(retries, now.queue.retries);
    unfinished.Set(now.queue.unfinished.count());
    longest.Set(now.queue.longest_running.count());
    failing.Set(static_cast<double>(now.queue.failing));
    leader.Set(now.leader ? 1 : 0);
    cache_objects.Set(static_cast<double>(now.cache_objects));
    for (const WatchFigures& watch : now.watches) {
      show_age(event_ages, watch.kind, watch.last_event_age);
      show_age(list_ages, watch.kind, watch.last_list_age);
      raise(watch_failures.Add({{"kind", watch.kind}}), watch.failures);
    }
  }

  Counter& request_count(const std::string& code, const std::string& method) {
    return requests.Add({{"code", code}, {"host", host}, {"method", method}});
  }
  Histogram& request_time(const std::string& verb) {
    return request_seconds.Add({{"host", host}, {"verb", verb}}, kPassBuckets);
  }

  prometheus::Registry registry;
  const bool each_resource;
  const std::string host;
  const Labels controller, queue;

  Family<Counter>& results =
      counters(registry, "controller_runtime_reconcile_total", "Passes by their outcome");
  Counter& success = result("success");
  Counter& requeue_after = result("requeue_after");
  Counter& requeue = result("requeue");
  Counter& error = result("error");
  Counter& errors =
      counters(registry, "controller_runtime_reconcile_errors_total", "Passes that failed")
          .Add(controller);
  Counter& invalid = counters(registry, "controller_runtime_terminal_reconcile_errors_total",
                              "Passes that found an invalid resource")
                         .Add(controller);
  Counter& timeouts = counters(registry, "controller_runtime_reconcile_timeouts_total",
                               "Passes that the API server did not answer in time")
                          .Add(controller);
  Counter& bugs = counters(registry, "controller_runtime_reconcile_panics_total",
                           "Passes that ended by a fault of the operator itself")
                      .Add(controller);
  Histogram& pass_seconds =
      histograms(registry, "controller_runtime_reconcile_time_seconds", "Duration of passes")
          .Add(controller, kPassBuckets);
  Gauge& active =
      gauges(registry, "controller_runtime_active_workers", "Passes that run now").Add(controller);

  Gauge& depth = gauges(registry, "workqueue_depth", "Keys that are due").Add(queue);
  Counter& adds = counters(registry, "workqueue_adds_total", "Keys added").Add(queue);
  Counter& retries =
      counters(registry, "workqueue_retries_total", "Keys added again after a failure").Add(queue);
  Histogram& queue_seconds = histograms(registry, "workqueue_queue_duration_seconds",
                                        "How long due keys waited for a worker")
                                 .Add(queue, kQueueBuckets);
  Histogram& work_seconds =
      histograms(registry, "workqueue_work_duration_seconds", "How long workers held a key")
          .Add(queue, kQueueBuckets);
  Gauge& unfinished =
      gauges(registry, "workqueue_unfinished_work_seconds", "Age of all running passes together")
          .Add(queue);
  Gauge& longest = gauges(registry, "workqueue_longest_running_processor_seconds",
                          "Age of the oldest running pass")
                       .Add(queue);

  Family<Counter>& requests = counters(registry, "rest_client_requests_total",
                                       "Requests to the API server by method and answer");
  Family<Histogram>& request_seconds =
      histograms(registry, "rest_client_request_duration_seconds",
                 "Time to the answer of the API server (of a watch: to its start)");

  Gauge& leader;
  Family<Gauge>& event_ages =
      gauges(registry, "entityservice_watch_last_event_age_seconds",
             "Time since a watch of this kind last heard of the API server, the oldest counts");
  Family<Gauge>& list_ages =
      gauges(registry, "entityservice_watch_last_list_age_seconds",
             "Time since this kind was last listed as a whole, the oldest counts");
  Family<Counter>& watch_failures =
      counters(registry, "entityservice_watch_failures_total", "Lists and watches that failed");
  Gauge& cache_objects =
      gauges(registry, "entityservice_cache_objects", "Objects in the cache").Add({});
  Gauge& failing =
      gauges(registry, "entityservice_failing_resources", "Resources whose last pass failed")
          .Add({});

  std::function<ScrapeFigures()> figures;
  std::mutex scrape;  // two scrapes at once would add the same differences twice
};

Metrics::Metrics(const MetricLabels& labels) : series_(std::make_unique<Series>(labels)) {}
Metrics::~Metrics() = default;

void Metrics::on_scrape(std::function<ScrapeFigures()> figures) {
  series_->figures = std::move(figures);
}

std::string Metrics::text() {
  Series& series = *series_;
  const std::lock_guard lock(series.scrape);
  const ScrapeFigures now = series.figures ? series.figures() : ScrapeFigures{};
  series.show(now);
  std::vector<prometheus::MetricFamily> families = series.registry.Collect();
  for (auto& family : resource_families(now.resources, series.each_resource))
    families.push_back(std::move(family));
  for (auto& family : process_families(now.process)) families.push_back(std::move(family));
  return prometheus::TextSerializer().Serialize(families);
}

void Metrics::finished(const std::string& method, int status, std::chrono::nanoseconds took) {
  const std::string code = status == 0 ? "<error>" : std::to_string(status);
  series_->request_count(code, method).Increment();
  series_->request_time(method).Observe(std::chrono::duration<double>(took).count());
}

void Metrics::waited(std::chrono::duration<double> time) {
  series_->queue_seconds.Observe(time.count());
}

void Metrics::worked(std::chrono::duration<double> time) {
  series_->work_seconds.Observe(time.count());
}

void Metrics::started() { series_->active.Increment(); }

void Metrics::finished(PassResult result, std::chrono::duration<double> took) {
  series_->active.Decrement();
  series_->pass_seconds.Observe(took.count());
  switch (result) {
    case PassResult::Success:
      return series_->success.Increment();
    case PassResult::RequeueAfter:
      return series_->requeue_after.Increment();
    case PassResult::Requeue:
      return series_->requeue.Increment();
    case PassResult::Error:
      break;
    case PassResult::Invalid:
      series_->invalid.Increment();
      break;
    case PassResult::Timeout:
      series_->timeouts.Increment();
      break;
    case PassResult::Bug:
      series_->bugs.Increment();
      break;
  }
  series_->errors.Increment();
  series_->error.Increment();
}

}  // namespace op
