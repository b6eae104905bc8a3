#include "operator/metric_families.h"

#include <map>
#include <utility>

namespace op {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using Labels = std::map<std::string, std::string>;

MetricFamily gauges(const char* name, const char* help) {
  return {name, help, prometheus::MetricType::Gauge, {}};
}

void add(MetricFamily& family, const Labels& labels, double value) {
  ClientMetric metric;
  for (const auto& [name, text] : labels) metric.label.push_back({name, text});
  family.type == prometheus::MetricType::Counter ? metric.counter.value = value
                                                 : metric.gauge.value = value;
  family.metric.push_back(std::move(metric));
}

MetricFamily single(const char* name, const char* help, prometheus::MetricType type, double value) {
  MetricFamily family{name, help, type, {}};
  add(family, {}, value);
  return family;
}

using Counts = std::map<std::pair<std::string, std::string>, std::int64_t>;

std::vector<MetricFamily> sums(const std::vector<ResourceFigures>& resources) {
  Counts conditions, components;
  std::int64_t held = 0;
  for (const char* condition : {"Ready", "Stalled", "ConfigurationValid"})
    for (const char* status : {"True", "False", "Unknown"}) conditions[{condition, status}] = 0;
  for (const ResourceFigures& resource : resources) {
    for (const auto& condition : resource.conditions) ++conditions[condition];
    for (const ComponentFigures& it : resource.components)
      ++components[{it.name, it.ready >= it.desired ? "ready" : "not_ready"}];
    held += resource.held;
  }
  MetricFamily by_condition = gauges("entityservice_resources", "EntityServices by condition");
  for (const auto& [key, count] : conditions)
    add(by_condition, {{"condition", key.first}, {"status", key.second}},
        static_cast<double>(count));
  MetricFamily by_component =
      gauges("entityservice_components", "Components of all EntityServices by their state");
  for (const auto& [key, count] : components)
    add(by_component, {{"component", key.first}, {"state", key.second}},
        static_cast<double>(count));
  return {std::move(by_condition), std::move(by_component),
          single("entityservice_held_objects", "Objects whose change waits",
                 prometheus::MetricType::Gauge, static_cast<double>(held))};
}

std::vector<MetricFamily> singly(const std::vector<ResourceFigures>& resources) {
  MetricFamily conditions =
      gauges("entityservice_condition", "1 for the status that a condition of a resource has");
  MetricFamily ready =
      gauges("entityservice_component_ready", "Pods of a component that are ready");
  MetricFamily desired =
      gauges("entityservice_component_desired", "Pods that a component shall have");
  for (const ResourceFigures& resource : resources) {
    const Labels owner = {{"namespace", resource.ns}, {"name", resource.name}};
    const auto with = [&owner](Labels labels) {
      labels.insert(owner.begin(), owner.end());
      return labels;
    };
    for (const auto& [type, status] : resource.conditions)
      add(conditions, with({{"condition", type}, {"status", status}}), 1);
    for (const ComponentFigures& it : resource.components) {
      add(ready, with({{"component", it.name}}), static_cast<double>(it.ready));
      add(desired, with({{"component", it.name}}), static_cast<double>(it.desired));
    }
  }
  return {std::move(conditions), std::move(ready), std::move(desired)};
}

}  // namespace

std::vector<MetricFamily> resource_families(const std::vector<ResourceFigures>& resources,
                                            bool each) {
  std::vector<MetricFamily> families = sums(resources);
  if (!each) return families;
  for (MetricFamily& family : singly(resources)) families.push_back(std::move(family));
  return families;
}

std::vector<MetricFamily> process_families(const ProcessFigures& process) {
  using prometheus::MetricType;
  return {single("process_cpu_seconds_total", "User and system time, in seconds",
                 MetricType::Counter, process.cpu_seconds),
          single("process_start_time_seconds", "When the process started, since the epoch",
                 MetricType::Gauge, process.start_time),
          single("process_resident_memory_bytes", "Resident memory", MetricType::Gauge,
                 process.resident_bytes),
          single("process_virtual_memory_bytes", "Virtual memory", MetricType::Gauge,
                 process.virtual_bytes),
          single("process_open_fds", "Open files and connections", MetricType::Gauge,
                 process.open_files),
          single("process_max_fds", "How many files and connections may be open", MetricType::Gauge,
                 process.most_files)};
}

}  // namespace op
