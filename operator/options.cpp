#include "operator/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <ostream>
#include <stdexcept>

namespace op {
namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0 done; 1 failed, or the input is invalid; 2 the command line is wrong; "
    "3 leadership was lost.";

const std::map<std::string, LogFormat> kFormats = {{"json", LogFormat::Json},
                                                   {"text", LogFormat::Text}};

template <typename T>
CLI::Option* add_choice(CLI::App& app, const std::string& flag, T& value,
                        const std::map<std::string, T>& choices, const std::string& help) {
  std::string names;
  for (const auto& [name, unused] : choices) names += (names.empty() ? "" : ", ") + name;
  return app
      .add_option_function<std::string>(
          flag,
          [&value, &choices, flag, names](const std::string& text) {
            const auto found = choices.find(text);
            if (found == choices.end()) {
              throw CLI::ValidationError(flag, "'" + text + "' is not one of " + names);
            }
            value = found->second;
          },
          help)
      ->type_name("ONE OF " + names);
}

void add_address(CLI::App& app, const std::string& flag, BindAddress& value,
                 const std::string& help) {
  app.add_option_function<std::string>(
         flag,
         [&value, flag](const std::string& text) {
           try {
             value = parse_bind_address(text);
           } catch (const std::invalid_argument& error) {
             throw CLI::ValidationError(flag, error.what());
           }
         },
         help)
      ->type_name("ADDRESS");
}

bool is_dns_label(const std::string& text) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 63 && plain(text.front()) && plain(text.back()) &&
         std::ranges::all_of(text, [&plain](char c) { return plain(c) || c == '-'; });
}

CLI::Validator dns_label(const std::string& flag) {
  return CLI::Validator(
      [flag](std::string& text) {
        if (is_dns_label(text)) return std::string();
        return flag + " '" + text +
               "' is no namespace name: use at most 63 lower-case letters, digits and '-'";
      },
      "");
}

CLI::App* add_run(CLI::App& app, RunOptions& run) {
  CLI::App* const command = app.add_subcommand("run", "Watch EntityServices and reconcile them");
  command->add_option("--kubeconfig", run.kubeconfig,
                      "Kubeconfig file; without it KUBECONFIG, a pod's own files, ~/.kube/config");
  command->add_option("--context", run.context, "Context of the kubeconfig; default its current");
  command
      ->add_option("--namespace", run.namespaces,
                   "Namespace to watch, repeatable; default all. More than five are watched with "
                   "cluster scope")
      ->check(dns_label("--namespace"))
      ->allow_extra_args(false);
  command->add_option("--watch-label-selector", run.watch_label_selector,
                      "Only EntityServices with these labels");
  command->add_option("--workers", run.workers, "Passes at once")
      ->capture_default_str()
      ->check(CLI::Validator(
          [](std::string& text) {
            const bool fits =
                !text.empty() && text.size() <= 2 &&
                std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
            const int workers = fits ? std::stoi(text) : 0;
            if (workers >= 1 && workers <= 64) return std::string();
            return "--workers '" + text + "' is out of range: use a number from 1 to 64";
          },
          ""));
  command->add_flag("--leader-elect", run.leader_elect,
                    "Write only while holding the Lease; =false when no second process can exist");
  command
      ->add_option("--lease-namespace", run.lease_namespace,
                   "Namespace of the Lease; default the pod's, else entityservice-system")
      ->check(dns_label("--lease-namespace"));
  command->add_option("--lease-name", run.lease_name, "Name of the Lease")
      ->capture_default_str()
      ->check(dns_label("--lease-name"));
  add_address(*command, "--metrics-bind-address", run.metrics, "/metrics; default :8080, 0 is off");
  command->add_flag("--metrics-per-resource", run.metrics_per_resource,
                    "Also conditions and components of each single resource in /metrics");
  add_address(*command, "--health-probe-bind-address", run.health_probe,
              "/healthz and /readyz; default :8081, 0 is off");
  command
      ->add_option("--prerelease-namespaces", run.prerelease_namespaces,
                   "Namespaces, separated by commas, that may run pre-releases; default staging")
      ->delimiter(',')
      ->check(dns_label("--prerelease-namespaces"))
      ->allow_extra_args(false);
  add_choice(*command, "--log-format", run.log_format, kFormats, "Default json");
  add_choice(*command, "--log-level", run.log_level, log_levels(), "Default info");
  command->footer(kExitCodes);
  return command;
}

CLI::App* add_render(CLI::App& app, RenderOptions& render) {
  CLI::App* const command =
      app.add_subcommand("render", "Print the objects of an EntityService, without a cluster");
  command->add_option("-f,--filename", render.file, "File with the EntityService, - for stdin")
      ->required();
  command->add_option("-n,--namespace", render.ns, "Namespace, where the file names none")
      ->check(dns_label("--namespace"));
  command->add_flag("--effective", render.effective, "Print the resolved spec instead");
  command->add_option("--credentials", render.credentials,
                      "File with the keys of the credentials Secret, instead of <generated>");
  command
      ->add_option("--redis-addresses", render.redis_addresses,
                   "Cluster IPs of N-redis-0, -1, -2 and N-redis-sentinel, separated by commas")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_flag("--bootstrap", render.bootstrap, "As for the first start of Redis");
  command->footer(kExitCodes);
  return command;
}

CLI::App* add_log_level(CLI::App& app, LogLevelOptions& options) {
  CLI::App* const command =
      app.add_subcommand("log-level", "Change how much a running operator logs, until it ends");
  command
      ->add_option_function<std::string>(
          "level",
          [&options](const std::string& text) {
            const auto found = log_levels().find(text);
            if (found == log_levels().end()) {
              throw CLI::ValidationError(
                  "level", "'" + text + "' is not one of debug, error, info, warning");
            }
            options.level = found->second;
          },
          "debug, info, warning or error")
      ->required();
  command->add_option("--pid", options.pid, "The operator's process; 1 is that of its container")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->footer(kExitCodes);
  return command;
}

}  // namespace

Command parse_command_line(const std::vector<std::string>& arguments, std::ostream& out,
                           std::ostream& err) {
  CLI::App app("Runs the anonlink entity service on Kubernetes", "entityservice-operator");
  app.require_subcommand(1);
  app.footer(kExitCodes);
  RunOptions run;
  RenderOptions render;
  LogLevelOptions log_level;
  const CLI::App* const run_command = add_run(app, run);
  const CLI::App* const render_command = add_render(app, render);
  const CLI::App* const log_level_command = add_log_level(app, log_level);
  app.add_subcommand("version", "Print the version");

  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
      app.exit(error, out, err);
      return Exit{kExitOk};
    }
    err << "error: " << error.what() << "\nSee: entityservice-operator --help\n";
    return Exit{kExitUsage};
  }
  if (*run_command) {
    return run;
  }
  if (*render_command) return render;
  if (*log_level_command) return log_level;
  return VersionOptions{};
}

}  // namespace op
