#include "operator/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <ctime>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace op {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using Lines = std::vector<std::string>;
using testing::Not;

std::set<std::string> lines(const std::string& text) {
  std::set<std::string> result;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) result.insert(line);
  return result;
}

MetricLabels labels() {
  MetricLabels result;
  result.host = "api:6443";
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
          "controller_runtime_terminal_reconcile_errors_total{controller=\"entityservice\"} 0",
          "controller_runtime_reconcile_timeouts_total{controller=\"entityservice\"} 0",
          "controller_runtime_reconcile_panics_total{controller=\"entityservice\"} 0",
          "controller_runtime_reconcile_time_seconds_count{controller=\"entityservice\"} 0",
          "controller_runtime_active_workers{controller=\"entityservice\"} 0",
          "controller_runtime_max_concurrent_reconciles{controller=\"entityservice\"} 4",
          "workqueue_depth{controller=\"entityservice\",name=\"entityservice\"} 0",
          "workqueue_adds_total{controller=\"entityservice\",name=\"entityservice\"} 0",
          "workqueue_queue_duration_seconds_count{controller=\"entityservice\",name="
          "\"entityservice\"} 0",
          "workqueue_work_duration_seconds_count{controller=\"entityservice\",name="
          "\"entityservice\"} 0",
          "workqueue_unfinished_work_seconds{controller=\"entityservice\",name=\"entityservice\"} "
          "0",
          "workqueue_longest_running_processor_seconds{controller=\"entityservice\",name="
          "\"entityservice\"} 0",
          "workqueue_retries_total{controller=\"entityservice\",name=\"entityservice\"} 0",
          "rest_client_requests_total{code=\"200\",host=\"api:6443\",method=\"PATCH\"} 0",
          "rest_client_requests_total{code=\"<error>\",host=\"api:6443\",method=\"GET\"} 0",
          "rest_client_request_duration_seconds_count{host=\"api:6443\",verb=\"GET\"} 0",
          "leader_election_master_status{name=\"entityservice-operator\"} 0",
          "entityservice_watch_last_event_age_seconds{kind=\"Pod\"} 0",
          "entityservice_watch_last_list_age_seconds{kind=\"Pod\"} 0",
          "entityservice_watch_failures_total{kind=\"Pod\"} 0",
          "entityservice_cache_objects 0",
          "entityservice_failing_resources 0",
          "entityservice_resources{condition=\"Ready\",status=\"True\"} 0",
          "entityservice_resources{condition=\"Stalled\",status=\"Unknown\"} 0",
          "entityservice_held_objects 0",
          "process_resident_memory_bytes 0",
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
          "rest_client_requests_total{code=\"409\",host=\"api:6443\",method=\"PATCH\"} 1",
          "rest_client_requests_total{code=\"<error>\",host=\"api:6443\",method=\"GET\"} 1",
          "rest_client_request_duration_seconds_count{host=\"api:6443\",verb=\"PATCH\"} 1",
          "workqueue_queue_duration_seconds_sum{controller=\"entityservice\",name="
          "\"entityservice\"} 3",
          "workqueue_work_duration_seconds_sum{controller=\"entityservice\",name=\"entityservice\"}"
          " 4",
      }));
}

TEST(Metrics, AskForTheRestWhenTheyAreRead) {
  Metrics metrics(labels());
  ScrapeFigures figures;
  figures.queue.depth = 5, figures.queue.adds = 7, figures.queue.retries = 2;
  figures.queue.failing = 6, figures.queue.unfinished = 3s, figures.queue.longest_running = 2s;
  figures.watches = {{.kind = "Pod", .last_event_age = 9s, .last_list_age = 70s, .failures = 4}};
  figures.cache_objects = 11;
  figures.leader = true;
  metrics.on_scrape([&figures] { return figures; });
  metrics.text();
  figures.queue.adds = 8;
  EXPECT_THAT(lines(metrics.text()),
              IsSupersetOf({
                  "workqueue_depth{controller=\"entityservice\",name=\"entityservice\"} 5",
                  "workqueue_adds_total{controller=\"entityservice\",name=\"entityservice\"} 8",
                  "workqueue_retries_total{controller=\"entityservice\",name=\"entityservice\"} 2",
                  "workqueue_unfinished_work_seconds{controller=\"entityservice\",name="
                  "\"entityservice\"} 3",
                  "workqueue_longest_running_processor_seconds{controller=\"entityservice\",name="
                  "\"entityservice\"} 2",
                  "leader_election_master_status{name=\"entityservice-operator\"} 1",
                  "entityservice_watch_last_event_age_seconds{kind=\"Pod\"} 9",
                  "entityservice_watch_last_list_age_seconds{kind=\"Pod\"} 70",
                  "entityservice_watch_failures_total{kind=\"Pod\"} 4",
                  "entityservice_cache_objects 11",
                  "entityservice_failing_resources 6",
              }));
}

TEST(Metrics, SayNoAgeOfAKindThatIsAbsentUntilItIsThere) {
  Metrics metrics(labels());
  ScrapeFigures figures;
  metrics.on_scrape([&figures] { return figures; });
  const auto ages = [&](std::optional<WatchFigures::Age> age) {
    figures.watches = {{.kind = "Pod", .last_event_age = age, .last_list_age = age}};
    std::vector<std::string> found;
    for (const std::string& line : lines(metrics.text()))
      if (line.starts_with("entityservice_watch_last_")) found.push_back(line);
    return found;
  };
  const std::vector<std::string> both = {
      "entityservice_watch_last_event_age_seconds{kind=\"Pod\"} 9",
      "entityservice_watch_last_list_age_seconds{kind=\"Pod\"} 9"};
  EXPECT_EQ(ages(9s), both);
  EXPECT_THAT(ages({}), IsEmpty());
  EXPECT_EQ(ages(9s), both);
}

TEST(Metrics, CountEachKindOfFailureAlsoAsAnError) {
  Metrics metrics(labels());
  using enum PassResult;
  for (const PassResult result : {Error, Invalid, Timeout, Bug, Success}) {
    metrics.started();
    metrics.finished(result, 1ms);
  }
  const std::string of = "{controller=\"entityservice\"}";
  EXPECT_THAT(
      lines(metrics.text()),
      IsSupersetOf(Lines{
          "controller_runtime_reconcile_total{controller=\"entityservice\",result=\"error\"} 4",
          "controller_runtime_reconcile_total{controller=\"entityservice\",result=\"success\"} 1",
          "controller_runtime_reconcile_errors_total" + of + " 4",
          "controller_runtime_terminal_reconcile_errors_total" + of + " 1",
          "controller_runtime_reconcile_timeouts_total" + of + " 1",
          "controller_runtime_reconcile_panics_total" + of + " 1",
          "controller_runtime_active_workers" + of + " 0",
      }));
}

std::string text_with(const std::vector<ResourceFigures>& resources, bool each) {
  MetricLabels with = labels();
  with.each_resource = each;
  Metrics metrics(with);
  ScrapeFigures figures;
  figures.resources = resources;
  metrics.on_scrape([&figures] { return figures; });
  return metrics.text();
}

ResourceFigures demo() {
  return {.ns = "lab",
          .name = "demo",
          .conditions = {{"Ready", "False"}, {"WorkersReady", "True"}},
          .components = {{"api", 1, 2}, {"worker", 0, 0}},
          .held = 3};
}

TEST(Metrics, SumUpTheResourcesByConditionAndComponent) {
  ResourceFigures other = demo();
  other.name = "other";
  other.conditions["Ready"] = "True";
  other.components = {{"api", 2, 2}};
  EXPECT_THAT(lines(text_with({demo(), other}, false)),
              IsSupersetOf({
                  "entityservice_resources{condition=\"Ready\",status=\"False\"} 1",
                  "entityservice_resources{condition=\"Ready\",status=\"True\"} 1",
                  "entityservice_resources{condition=\"Ready\",status=\"Unknown\"} 0",
                  "entityservice_resources{condition=\"WorkersReady\",status=\"True\"} 2",
                  "entityservice_components{component=\"api\",state=\"not_ready\"} 1",
                  "entityservice_components{component=\"api\",state=\"ready\"} 1",
                  "entityservice_components{component=\"worker\",state=\"ready\"} 1",
                  "entityservice_held_objects 6",
              }));
}

TEST(Metrics, HaveSeriesOfASingleResourceOnlyWhenThatIsAskedFor) {
  EXPECT_THAT(text_with({demo()}, false), Not(HasSubstr("demo")));
  const std::string of = "name=\"demo\",namespace=\"lab\"";
  EXPECT_THAT(lines(text_with({demo()}, true)),
              IsSupersetOf(Lines{
                  "entityservice_condition{condition=\"Ready\"," + of + ",status=\"False\"} 1",
                  "entityservice_component_ready{component=\"api\"," + of + "} 1",
                  "entityservice_component_desired{component=\"api\"," + of + "} 2",
              }));
}

TEST(Figures, OfAResourceAreItsStatus) {
  const auto object = k8s::Json::parse(R"({"status": {
      "conditions": [{"type": "Ready", "status": "True"}, {"type": "Stalled", "status": "False"}],
      "components": [{"name": "api", "ready": 1, "desired": 2}], "held": [{}, {}]}})");
  const ResourceFigures expected = {.ns = "lab",
                                    .name = "demo",
                                    .conditions = {{"Ready", "True"}, {"Stalled", "False"}},
                                    .components = {{"api", 1, 2}},
                                    .held = 2};
  EXPECT_EQ(figures_of("lab", "demo", object), expected);
}

TEST(Figures, OfAResourceStandWhateverSomebodyWroteIntoItsStatus) {
  const ResourceFigures nothing = {
      .ns = "lab", .name = "demo", .conditions = {{"Ready", "Unknown"}}};
  for (const char* text :
       {"{}", "[]", R"({"status": 7})", R"({"status": {"conditions": {"a": 1}, "held": "x"}})",
        R"({"status": {"conditions": [3, {"type": 1}, {"status": "True"}]}})"}) {
    EXPECT_EQ(figures_of("lab", "demo", k8s::Json::parse(text)), nothing) << text;
  }
}

TEST(Figures, OfTheProcessAreThoseOfProc) {
  const ProcessFigures before = process_figures();
  EXPECT_GT(before.resident_bytes, 1e6);
  EXPECT_GT(before.virtual_bytes, before.resident_bytes);
  EXPECT_GT(before.most_files, before.open_files);
  EXPECT_NEAR(before.start_time, static_cast<double>(std::time(nullptr)), 24 * 3600.0);
  std::FILE* const file = std::fopen("/dev/null", "r");
  EXPECT_EQ(process_figures().open_files, before.open_files + 1);
  std::fclose(file);
  for (volatile int i = 0; process_figures().cpu_seconds < before.cpu_seconds + 0.02;) i = i + 1;
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
