// What every pod of the application's image has in common: its environment, configuration files
// and temporary space. Plain functions of their arguments.
#pragma once

#include <string>
#include <vector>

#include "reconcilers/desired/components.h"

namespace reconcilers::desired {

enum class AppRole { Api, Worker, Migration };

// A container of the application, without probes and lifecycle.
Json app_container(const Resolved& resolved, const AppConfig& config, AppRole role,
                   const std::string& name, const std::vector<std::string>& command,
                   const Json& resources);
Json app_volumes(const Resolved& resolved, const AppConfig& config, AppRole role);

// {"entityservice.io/secrets": HMAC} of what the role reads of N-credentials; empty while unknown.
std::map<std::string, std::string> app_secrets_annotation(const Facts& facts, AppRole role);

// The gates of everything that takes part in runs.
std::set<Gate> app_gates(const Resolved& resolved);

}  // namespace reconcilers::desired
