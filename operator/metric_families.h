// Figures as families of metrics, made anew each time that they are read: a resource that is gone
// leaves no series behind. Pure.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "operator/figures.h"

namespace op {

// `each`: also series of their own for every resource, of which there may be thousands.
std::vector<prometheus::MetricFamily> resource_families(
    const std::vector<ResourceFigures>& resources, bool each);

std::vector<prometheus::MetricFamily> process_families(const ProcessFigures& process);

}  // namespace op
