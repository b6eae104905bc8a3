#include "reconcilers/pod_trouble.h"

#include <set>

namespace reconcilers {
namespace {

using k8s::Json;
constexpr std::size_t kLongestMessage = 400;

// The end says more than the beginning: FallbackToLogsOnError gives the last lines of the log.
std::string tail(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  if (text.size() <= kLongestMessage) return text;
  std::size_t start = text.size() - kLongestMessage;
  while (start < text.size() && (static_cast<unsigned char>(text[start]) & 0xC0U) == 0x80U) ++start;
  return "…" + text.substr(start);
}

std::string said(const Json& terminated) {
  const std::string message = tail(terminated.value("message", ""));
  if (!message.empty()) return message;
  return "exit code " + std::to_string(terminated.value("exitCode", 0));
}

PodTrouble waiting_trouble(const Json& container, const Json& waiting) {
  static const std::set<std::string> starting = {"", "ContainerCreating", "PodInitializing"};
  // Kubernetes alternates between the two while it tries again
  static const std::set<std::string> pulling = {"ErrImagePull", "ImagePullBackOff"};
  const std::string reason = waiting.value("reason", "");
  if (starting.contains(reason)) return {};
  const std::string name = "container " + container.value("name", "");
  if (pulling.contains(reason))
    return {"ImagePullBackOff", name + ", image " + container.value("image", "")};
  if (reason == "CrashLoopBackOff") {  // its own message counts seconds
    const Json last = container.value("/lastState/terminated"_json_pointer, Json::object());
    return {reason, name + ": " + said(last)};
  }
  return {reason, name + ": " + tail(waiting.value("message", ""))};
}

PodTrouble container_trouble(const Json& container) {
  const Json state = container.value("state", Json::object());
  if (state.contains("waiting")) return waiting_trouble(container, state.at("waiting"));
  if (state.contains("terminated") && state.at("terminated").value("exitCode", 0) != 0) {
    const Json& terminated = state.at("terminated");
    return {terminated.value("reason", "Error"),
            "container " + container.value("name", "") + ": " + said(terminated)};
  }
  return {};
}

}  // namespace

PodTrouble pod_trouble(const Json& pod) {
  const Json status = pod.value("status", Json::object());
  for (const Json& condition : status.value("conditions", Json::array())) {
    if (condition.value("type", "") == "PodScheduled" && condition.value("status", "") == "False")
      return {condition.value("reason", "Unschedulable"), tail(condition.value("message", ""))};
  }
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    for (const Json& container : status.value(list, Json::array())) {
      PodTrouble trouble = container_trouble(container);
      if (!trouble.reason.empty()) return trouble;
    }
  }
  if (status.value("phase", "") == "Failed")
    return {status.value("reason", "Failed"), tail(status.value("message", ""))};
  return {};
}

}  // namespace reconcilers
