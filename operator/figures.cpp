#include "operator/figures.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace op {
namespace {

using k8s::Json;

Json list_of(const Json& object, const char* field) {
  const Json found = object.is_object() ? object.value(field, Json(nullptr)) : Json(nullptr);
  return found.is_array() ? found : Json::array();
}

std::string text_of(const Json& object, const char* field) {
  const Json found = object.is_object() ? object.value(field, Json(nullptr)) : Json(nullptr);
  return found.is_string() ? found.get<std::string>() : "";
}

std::int64_t number_of(const Json& object, const char* field) {
  const Json found = object.is_object() ? object.value(field, Json(nullptr)) : Json(nullptr);
  return found.is_number_integer() ? found.get<std::int64_t>() : 0;
}

// Of a line "btime 1764270000" of /proc/stat.
double boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    double time = 0;
    if (word == "btime" && file >> time) return time;
  }
  return 0;
}

}  // namespace

ResourceFigures figures_of(const std::string& ns, const std::string& name, const Json& object) {
  ResourceFigures figures{.ns = ns, .name = name};
  const Json status = object.is_object() ? object.value("status", Json(nullptr)) : Json(nullptr);
  figures.conditions["Ready"] = "Unknown";  // nobody has looked yet
  for (const Json& condition : list_of(status, "conditions")) {
    const std::string type = text_of(condition, "type"), verdict = text_of(condition, "status");
    if (!type.empty() && !verdict.empty()) figures.conditions[type] = verdict;
  }
  for (const Json& component : list_of(status, "components")) {
    figures.components.push_back({text_of(component, "name"), number_of(component, "ready"),
                                  number_of(component, "desired")});
  }
  figures.held = static_cast<std::int64_t>(list_of(status, "held").size());
  return figures;
}

ProcessFigures process_figures() {
  ProcessFigures figures;
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  // The second field is the name, in parentheses, and may hold anything.
  std::istringstream fields(text.substr(std::min(text.rfind(')'), text.size() - 1) + 1));
  std::vector<std::string> after_name;
  for (std::string field; fields >> field;) after_name.push_back(field);
  const auto number = [&after_name](std::size_t field) {  // as counted in proc(5)
    return field - 3 < after_name.size() ? std::stod(after_name[field - 3]) : 0;
  };
  if (after_name.size() < 22) return figures;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  figures.cpu_seconds = (number(14) + number(15)) / ticks;
  figures.start_time = boot_time() + number(22) / ticks;
  figures.virtual_bytes = number(23);
  figures.resident_bytes = number(24) * static_cast<double>(sysconf(_SC_PAGESIZE));
  std::error_code ignored;
  for (const auto& unused : std::filesystem::directory_iterator("/proc/self/fd", ignored)) {
    static_cast<void>(unused);
    ++figures.open_files;
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
    figures.most_files = static_cast<double>(limit.rlim_cur);
  return figures;
}

}  // namespace op
