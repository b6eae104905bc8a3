#include "operator/lease.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace op {
namespace {

using k8s::Json;

std::string string_at(const Json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t integer_at(const Json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

}  // namespace

const k8s::Resource& leases() {
  static const k8s::Resource kResource{"coordination.k8s.io", "v1", "leases", "Lease"};
  return kResource;
}

LeaseDecision decide(const std::optional<ObservedLease>& observed, const std::string& identity,
                     k8s::Clock::time_point now) {
  if (!observed) return LeaseDecision::Create;
  const Lease& lease = observed->lease;
  if (lease.holder == identity) return LeaseDecision::Renew;
  if (lease.holder.empty()) return LeaseDecision::Take;
  // A holder is believed for what it wrote, within reason: nonsense must not lock us out for ever.
  const std::chrono::seconds duration(std::clamp<std::int64_t>(lease.duration_seconds, 1, 3600));
  return now - observed->since > duration ? LeaseDecision::Take : LeaseDecision::Wait;
}

Lease parse_lease(const Json& object) {
  Lease lease;
  if (const auto meta = object.find("metadata"); meta != object.end() && meta->is_object()) {
    lease.resource_version = string_at(*meta, "resourceVersion");
  }
  if (const auto spec = object.find("spec"); spec != object.end() && spec->is_object()) {
    lease.holder = string_at(*spec, "holderIdentity");
    lease.duration_seconds = integer_at(*spec, "leaseDurationSeconds");
    lease.transitions = integer_at(*spec, "leaseTransitions");
    lease.acquire_time = string_at(*spec, "acquireTime");
    lease.renew_time = string_at(*spec, "renewTime");
  }
  return lease;
}

Json lease_object(const Lease& lease, const std::string& ns, const std::string& name) {
  Json metadata = {{"name", name}, {"namespace", ns}};
  if (!lease.resource_version.empty()) metadata["resourceVersion"] = lease.resource_version;
  Json spec = {{"holderIdentity", lease.holder},
               {"leaseDurationSeconds", lease.duration_seconds},
               {"leaseTransitions", lease.transitions}};
  if (!lease.acquire_time.empty()) spec["acquireTime"] = lease.acquire_time;
  if (!lease.renew_time.empty()) spec["renewTime"] = lease.renew_time;
  return {{"apiVersion", leases().api_version()},
          {"kind", leases().kind},
          {"metadata", metadata},
          {"spec", spec}};
}

std::string micro_time(std::chrono::system_clock::time_point time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto micros = std::chrono::floor<std::chrono::microseconds>(time - seconds);
  const std::time_t epoch = std::chrono::system_clock::to_time_t(seconds);
  std::tm parts{};
  gmtime_r(&epoch, &parts);
  char date[32];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
  char text[48];
  std::snprintf(text, sizeof text, "%s.%06dZ", date, static_cast<int>(micros.count()));
  return text;
}

}  // namespace op
