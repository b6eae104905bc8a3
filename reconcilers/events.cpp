#include "reconcilers/events.h"

#include <ctime>
#include <iomanip>
#include <sstream>

#include "k8s-client/encoding.h"
#include "k8s-client/errors.h"
#include "reconcilers/faults.h"
#include "reconcilers/kinds.h"

namespace reconcilers {
namespace {

using k8s::Json;
using namespace std::chrono_literals;

constexpr auto kForgotten = 1h;  // so long the API server keeps events
constexpr auto kSeriesPause = 10min;
constexpr std::size_t kLongestNote = 1000;
constexpr std::size_t kMostRemembered = 64;

const k8s::Resource& events() {
  static const k8s::Resource kResource = {"events.k8s.io", "v1", "events", "Event"};
  return kResource;
}

Json find_condition(const Json& status, const std::string& type) {
  for (const Json& it : status.value("conditions", Json::array()))
    if (it.value("type", "") == type) return it;
  return Json::object();
}

std::string micro_time(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(
                          time - std::chrono::system_clock::from_time_t(seconds))
                          .count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::ostringstream text;
  text << std::put_time(&parts, "%Y-%m-%dT%H:%M:%S") << '.' << std::setw(6) << std::setfill('0')
       << micros << 'Z';
  return text.str();
}

std::string shortened(std::string text) {
  if (text.size() <= kLongestNote) return text;
  std::size_t end = kLongestNote;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

}  // namespace

void Events::tell(const Json& before, const Json& after) const {
  const auto turned = [&](const char* type, const char* field) {
    return find_condition(before, type).value(field, "") !=
           find_condition(after, type).value(field, "");
  };
  const Json ready = find_condition(after, "Ready");
  const Json stalled = find_condition(after, "Stalled");
  const Json migrated = find_condition(after, "MigrationsApplied");
  const bool is_ready = ready.value("status", "") == "True";
  if (turned("Ready", "status") && (is_ready || before.contains("conditions")))
    post(is_ready ? "Normal" : "Warning", is_ready ? "Ready" : "NotReady",
         ready.value("message", ""));
  if (stalled.value("status", "") == "True" && turned("Stalled", "reason"))
    post("Warning", stalled.value("reason", ""), stalled.value("message", ""));
  const Json reconciling = find_condition(after, "Reconciling");
  const std::string fault = reconciling.value("reason", "");
  if ((fault == kServerError || fault == kServerBusy) && turned("Reconciling", "reason"))
    post("Warning", fault, reconciling.value("message", ""));
  const Json conflict = find_condition(after, "FieldConflict");
  if (conflict.value("reason", "") == kContested && turned("FieldConflict", "reason"))
    post("Warning", kContested, conflict.value("message", ""));
  const Json update = find_condition(after, "UpdateAvailable");
  if (update.value("status", "") == "True" && turned("UpdateAvailable", "status"))
    post("Normal", "UpdateAvailable", update.value("message", ""));
  if (migrated.value("reason", "") == "JobFailed" && turned("MigrationsApplied", "reason"))
    post("Warning", "MigrationFailed", migrated.value("message", ""));
}

void Events::post(const std::string& type, const std::string& reason,
                  const std::string& note) const {
  const std::string generation = std::to_string(observed.resource->generation);
  const std::string name =
      observed.key.name + "." +
      k8s::sha256_hex(observed.uid() + '|' + generation + '|' + reason).substr(0, 16);
  if (memory.events.size() >= kMostRemembered && !memory.events.contains(name))
    memory.events.clear();
  ToldEvent& told = memory.events[name];
  if (now - told.written_at >= kForgotten) told = {};
  ++told.count;
  const bool again = told.written > 0;
  const bool rare = told.count >= 2 * told.written || now - told.written_at >= kSeriesPause;
  if (again && (told.uid.empty() || !rare)) return;
  if (again && !count(name, told)) told = {1};
  if (told.written == 0) told.uid = create(name, type, reason, note);
  told.written = told.count;
  told.written_at = now;
}

// All else in it stays as it was when that first happened: the API server lets nobody change it.
bool Events::count(const std::string& name, const ToldEvent& told) const {
  const Json body = {
      {"metadata", {{"uid", told.uid}}},
      {"series", {{"count", told.count}, {"lastObservedTime", micro_time(wall_now)}}}};
  try {
    client.merge(events(), observed.key.ns, name, body, kManager);
  } catch (const k8s::ApiError& error) {
    return error.code() != 404 && error.code() != 409;
  } catch (const k8s::Error&) {
    // not counted: the status says it too
  }
  return true;
}

std::string Events::create(const std::string& name, const std::string& type,
                           const std::string& reason, const std::string& note) const {
  const Json body = {
      {"apiVersion", events().api_version()},
      {"kind", events().kind},
      {"metadata", {{"name", name}, {"namespace", observed.key.ns}}},
      {"eventTime", micro_time(wall_now)},
      {"reportingController", "entityservice.io/operator"},
      {"reportingInstance", identity},
      {"action", "Reconcile"},
      {"type", type},
      {"reason", reason},
      {"note", shortened(note)},
      {"regarding",
       {{"apiVersion", entity_services().api_version()},
        {"kind", entity_services().kind},
        {"namespace", observed.key.ns},
        {"name", observed.key.name},
        {"uid", observed.uid()}}},
  };
  try {
    const Json event = client.create(events(), observed.key.ns, body, kManager);
    return event.value("/metadata/uid"_json_pointer, "");
  } catch (const k8s::Error&) {
    return "";  // told before by an earlier process (409), or not told at all
  }
}

}  // namespace reconcilers
