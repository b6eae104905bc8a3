#include "reconcilers/publish.h"

#include <algorithm>
#include <ctime>
#include <iomanip>
#include <sstream>

#include "k8s-client/errors.h"
#include "reconcilers/kinds.h"
#include "reconcilers/status.h"

namespace reconcilers {
namespace {

using k8s::Json;
using namespace std::chrono_literals;

constexpr auto kPatience = 5s;  // of a status with the objects of other resources

std::map<std::string, std::string> verdicts(const Json& status, bool only_of_the_whole) {
  std::map<std::string, std::string> found;
  if (only_of_the_whole) found = {{"Ready", "False"}, {"Stalled", "False"}};  // what is untold
  for (const Json& it : status.value("conditions", Json::array())) {
    const std::string type = it.value("type", "");
    if (only_of_the_whole && type != "Ready" && type != "Stalled") continue;
    found[type] = it.value("status", "") + (only_of_the_whole ? "" : it.value("reason", ""));
  }
  return found;
}

// While everything comes up, objects go first, for half a second; then steps are news every 5 s,
// and counts ever more rarely: 10 s, 20 s, 40 s…
TimePoint quiet_time(Change change, bool reconciling, const Memory& memory, TimePoint now) {
  if (!memory.status_written) return reconciling ? memory.since + 500ms : now;
  if (change == Change::Generation || !reconciling) return *memory.status_written + 1s;
  if (change == Change::Step) return *memory.status_written + 5s;
  return *memory.status_written + backoff(memory.small_status_writes + 1);
}

}  // namespace

Change compare_status(const Json& before, const Json& after) {
  if (meaning(before) == meaning(after)) return Change::None;
  if (verdicts(before, true) != verdicts(after, true)) return Change::Flip;
  const auto differs = [&](const char* field) {
    return before.value(field, Json(nullptr)) != after.value(field, Json(nullptr));
  };
  if (differs("observedGeneration")) return Change::Generation;
  const bool step = differs("replicas") || differs("migration") ||
                    verdicts(before, false) != verdicts(after, false);
  return step ? Change::Step : Change::Small;
}

// A write costs the API server as much as four of other objects (docs/performance.md): objects of
// other resources go first, too.
TimePoint write_time(Change change, bool reconciling, const Memory& memory, bool others_wait,
                     TimePoint now) {
  if (change == Change::Flip) return now;
  const TimePoint time = quiet_time(change, reconciling, memory, now);
  if (!others_wait || !reconciling || now < time) return time;
  return std::min(time + kPatience, now + 1s);
}

void Publisher::publish(Json fields, const Assessment& assessment) const {
  const Json& old = observed.status();
  fields["conditions"] =
      crds::merge_conditions(old.value("conditions", Json(nullptr)), assessment.conditions,
                             observed.resource->generation, rfc3339(wall_now));
  const Change change = compare_status(old, fields);
  if (change == Change::None || fields == memory.status_refused) return;
  const TimePoint time = write_time(change, assessment.reconciling, memory, others_wait, now);
  if (time > now) return memory.wake_at(time);
  write(fields, change);
  Events{client, observed, memory, now, wall_now, identity}.tell(old, fields);
}

void Publisher::write(const Json& status, Change change) const {
  const k8s::Resource& resource = entity_services();
  const Json body = {
      {"apiVersion", resource.api_version()},
      {"kind", resource.kind},
      {"metadata",
       {{"name", observed.key.name}, {"namespace", observed.key.ns}, {"uid", observed.uid()}}},
      {"status", status}};
  Json answer = client.patch_status(resource, body, kManager);
  memory.status_written = now;
  memory.small_status_writes = change == Change::Small ? memory.small_status_writes + 1 : 0;
  // A server whose schema does not know a field drops it: the same status is not sent for ever.
  const bool kept = meaning(answer.value("status", Json::object())) == meaning(status);
  memory.status_refused = kept ? Json(nullptr) : status;
  store.put(record_of(resource.kind, std::move(answer)));
}

std::string rfc3339(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::ostringstream text;
  text << std::put_time(&parts, "%Y-%m-%dT%H:%M:%SZ");
  return text.str();
}

std::optional<std::chrono::system_clock::time_point> parse_rfc3339(const std::string& text) {
  std::tm parts{};
  std::istringstream in(text);
  in >> std::get_time(&parts, "%Y-%m-%dT%H:%M:%SZ");
  if (in.fail()) return std::nullopt;
  return std::chrono::system_clock::from_time_t(timegm(&parts));
}

}  // namespace reconcilers
