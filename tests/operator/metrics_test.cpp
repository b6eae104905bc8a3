#include "operator/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace op {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsSupersetOf;

std::set<std::string> lines(const std::string& text) {
  std::set<std::string> result;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) result.insert(line);
  return result;
}

MetricLabels labels() {
  MetricLabels result;
  result.kinds = {"Pod"};
  result.workers = 4;
  return result;
}

TEST(Metrics, ShowEverySeriesAtZeroFromTheStart) {
  Metrics metrics(labels());
  EXPECT_THAT(
      lines(metrics.text()),
      IsSupersetOf({
          "controller_runtime_reconcile_total{controller=\"entityservice\",result=\"success\"} 0",
          "controller_runtime_reconcile_total{controller=\"entityservice\",result=\"error\"} 0",
          "controller_runtime_reconcile_total{controller=\"entityservice\",result=\"requeue\"} 0",
          "controller_runtime_reconcile_total{controller=\"entityservice\",result=\"requeue_"
          "after\"} 0",
          "controller_runtime_reconcile_errors_total{controller=\"entityservice\"} 0",
          "controller_runtime_reconcile_time_seconds_count{controller=\"entityservice\"} 0",
          "controller_runtime_active_workers{controller=\"entityservice\"} 0",
          "controller_runtime_max_concurrent_reconciles{controller=\"entityservice\"} 4",
          "workqueue_depth{name=\"entityservice\"} 0",
          "workqueue_adds_total{name=\"entityservice\"} 0",
          "workqueue_queue_duration_seconds_count{name=\"entityservice\"} 0",
          "workqueue_work_duration_seconds_count{name=\"entityservice\"} 0",
          "workqueue_unfinished_work_seconds{name=\"entityservice\"} 0",
          "workqueue_longest_running_processor_seconds{name=\"entityservice\"} 0",
          "workqueue_retries_total{name=\"entityservice\"} 0",
          "rest_client_requests_total{code=\"200\",method=\"PATCH\"} 0",
          "rest_client_requests_total{code=\"<error>\",method=\"GET\"} 0",
          "rest_client_request_duration_seconds_count{method=\"GET\"} 0",
          "leader_election_master_status{name=\"entityservice-operator\"} 0",
          "entityservice_watch_last_event_age_seconds{kind=\"Pod\"} 0",
          "entityservice_watch_last_list_age_seconds{kind=\"Pod\"} 0",
          "entityservice_watch_failures_total{kind=\"Pod\"} 0",
          "entityservice_cache_objects 0",
      }));
}

TEST(Metrics, CountPassesRequestsAndDurations) {
  Metrics metrics(labels());
  metrics.started();
  metrics.started();
  metrics.finished(PassResult::Error, 20ms);
  metrics.finished("PATCH", 409, 1ms);
  metrics.finished("GET", 0, 1ms);
  metrics.waited(3s);
  metrics.worked(4s);
  EXPECT_THAT(
      lines(metrics.text()),
      IsSupersetOf({
          "controller_runtime_reconcile_total{controller=\"entityservice\",result=\"error\"} 1",
          "controller_runtime_reconcile_errors_total{controller=\"entityservice\"} 1",
          "controller_runtime_active_workers{controller=\"entityservice\"} 1",
          "controller_runtime_reconcile_time_seconds_bucket{controller=\"entityservice\",le=\"0."
          "01\"} 0",
          "controller_runtime_reconcile_time_seconds_bucket{controller=\"entityservice\",le=\"0."
          "025\"} 1",
          "rest_client_requests_total{code=\"409\",method=\"PATCH\"} 1",
          "rest_client_requests_total{code=\"<error>\",method=\"GET\"} 1",
          "rest_client_request_duration_seconds_count{method=\"PATCH\"} 1",
          "workqueue_queue_duration_seconds_sum{name=\"entityservice\"} 3",
          "workqueue_work_duration_seconds_sum{name=\"entityservice\"} 4",
      }));
}

TEST(Metrics, AskForTheRestWhenTheyAreRead) {
  Metrics metrics(labels());
  ScrapeFigures figures;
  figures.queue.depth = 5, figures.queue.adds = 7, figures.queue.retries = 2;
  figures.queue.unfinished = 3s, figures.queue.longest_running = 2s;
  figures.watches = {{.kind = "Pod", .last_event_age = 9s, .last_list_age = 70s, .failures = 4}};
  figures.cache_objects = 11;
  figures.leader = true;
  metrics.on_scrape([&figures] { return figures; });
  metrics.text();
  figures.queue.adds = 8;
  EXPECT_THAT(lines(metrics.text()),
              IsSupersetOf({
                  "workqueue_depth{name=\"entityservice\"} 5",
                  "workqueue_adds_total{name=\"entityservice\"} 8",
                  "workqueue_retries_total{name=\"entityservice\"} 2",
                  "workqueue_unfinished_work_seconds{name=\"entityservice\"} 3",
                  "workqueue_longest_running_processor_seconds{name=\"entityservice\"} 2",
                  "leader_election_master_status{name=\"entityservice-operator\"} 1",
                  "entityservice_watch_last_event_age_seconds{kind=\"Pod\"} 9",
                  "entityservice_watch_last_list_age_seconds{kind=\"Pod\"} 70",
                  "entityservice_watch_failures_total{kind=\"Pod\"} 4",
                  "entityservice_cache_objects 11",
              }));
}

TEST(Metrics, DescribeEachFamilyOnce) {
  Metrics metrics(labels());
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("# TYPE workqueue_depth gauge\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE controller_runtime_reconcile_time_seconds histogram\n"));
  const std::string type = "# TYPE controller_runtime_reconcile_total counter\n";
  EXPECT_EQ(text.find(type), text.rfind(type));
  EXPECT_NE(text.find(type), std::string::npos);
}

}  // namespace
}  // namespace op
