// The command line as values. Everything that can be wrong without asking a cluster is refused
// here, with the flag, the value and the remedy.
#pragma once

#include <spdlog/common.h>

#include <iosfwd>
#include <string>
#include <variant>
#include <vector>

#include "operator/bind_address.h"
#include "operator/log_level.h"
#include "operator/logging.h"
#include "operator/render.h"

namespace op {

enum ExitCode { kExitOk = 0, kExitFailed = 1, kExitUsage = 2, kExitLostLeadership = 3 };

struct RunOptions {
  std::string kubeconfig = {};  // empty: as k8s::load_config
  std::string context = {};
  std::vector<std::string> namespaces = {};  // empty: all
  std::string watch_label_selector = {};
  int workers = 4;
  bool leader_elect = true;
  std::string lease_namespace = {};  // empty: the pod's, else entityservice-system
  std::string lease_name = "entityservice-operator";
  BindAddress metrics = {.port = 8080};
  bool metrics_per_resource = false;
  BindAddress health_probe = {.port = 8081};
  std::vector<std::string> prerelease_namespaces = {"staging"};
  LogFormat log_format = LogFormat::Json;
  spdlog::level::level_enum log_level = spdlog::level::info;
  bool operator==(const RunOptions&) const = default;
};

struct VersionOptions {};

struct Exit {
  int code;
};

using Command = std::variant<RunOptions, RenderOptions, LogLevelOptions, VersionOptions, Exit>;

// `arguments` without the program's name. Exit: help was printed on `out` or an error on `err`.
Command parse_command_line(const std::vector<std::string>& arguments, std::ostream& out,
                           std::ostream& err);

}  // namespace op
