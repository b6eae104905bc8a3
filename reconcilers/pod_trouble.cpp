#include "reconcilers/pod_trouble.h"

#include <set>

#include "reconcilers/read_json.h"

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
  std::string message = tail(text_at(terminated, "message"));
  if (!message.empty()) return message;
  return "exit code " + std::to_string(number_at(terminated, "exitCode"));
}

PodTrouble waiting_trouble(const Json& container, const Json& waiting) {
  static const std::set<std::string> kStarting = {"", "ContainerCreating", "PodInitializing"};
  // Kubernetes alternates between the two while it tries again
  static const std::set<std::string> kPulling = {"ErrImagePull", "ImagePullBackOff"};
  const std::string reason = text_at(waiting, "reason");
  if (kStarting.contains(reason)) return {};
  const std::string name = "container " + text_at(container, "name");
  if (kPulling.contains(reason))
    return {"ImagePullBackOff", name + ", image " + text_at(container, "image")};
  if (reason == "CrashLoopBackOff") {  // its own message counts seconds
    return {reason, name + ": " + said(at(container, "lastState/terminated"))};
  }
  return {reason, name + ": " + tail(text_at(waiting, "message"))};
}

PodTrouble container_trouble(const Json& container) {
  const Json& waiting = at(container, "state/waiting");
  if (!waiting.is_null()) return waiting_trouble(container, waiting);
  const Json& terminated = at(container, "state/terminated");
  if (number_at(terminated, "exitCode") != 0) {
    return {text_at(terminated, "reason", "Error"),
            "container " + text_at(container, "name") + ": " + said(terminated)};
  }
  return {};
}

}  // namespace

PodTrouble pod_trouble(const Json& pod) {
  const Json& status = at(pod, "status");
  for (const Json& condition : at(status, "conditions")) {
    if (text_at(condition, "type") == "PodScheduled" && text_at(condition, "status") == "False")
      return {text_at(condition, "reason", "Unschedulable"), tail(text_at(condition, "message"))};
  }
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    for (const Json& container : at(status, list)) {
      PodTrouble trouble = container_trouble(container);
      if (!trouble.reason.empty()) return trouble;
    }
  }
  if (text_at(status, "phase") == "Failed")
    return {text_at(status, "reason", "Failed"), tail(text_at(status, "message"))};
  return {};
}

}  // namespace reconcilers
