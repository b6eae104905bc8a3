// How far a Deployment, StatefulSet or Job has come, read from its record and its pods. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "k8s-client/record.h"

namespace reconcilers {

// Every replica asked for is ready; says nothing of which template they run.
bool serving(const k8s::Record& workload);
// … and all run the current template, older pods are gone. Pods of an OnDelete StatefulSet are
// replaced by somebody else, so `template_matters` is false for it.
bool rolled_out(const k8s::Record& workload, bool template_matters = true);

// Made by the Job of that name.
bool is_pod_of(const k8s::Record& pod, const std::string& job);

std::int64_t count(const k8s::Record& workload, const char* fact);  // 0 when it has none
bool fact_is_true(const k8s::Record& record, const char* fact);
std::string text_fact(const k8s::Record& record, const char* fact);  // "" when it has none
std::vector<std::string> list_fact(const k8s::Record& record, const char* fact);

}  // namespace reconcilers
