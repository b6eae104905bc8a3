#include <spdlog/spdlog.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <variant>
#include <vector>

#include "k8s-client/rest_transport.h"
#include "operator/exit_latch.h"
#include "operator/log_level.h"
#include "operator/logging.h"
#include "operator/manager.h"
#include "operator/options.h"
#include "operator/render.h"

namespace {

int execute(const op::RunOptions& options) {
  op::block_signals();  // before cpprestsdk starts its thread
  op::setup_logging(options.log_format, options.log_level);
  int code = op::kExitFailed;
  try {
    k8s::initialize_http();
    code = op::Manager(options, op::make_environment(options)).run();
  } catch (const std::exception& error) {
    spdlog::critical("can not start: {}", error.what());
  }
  // Without exit handlers: OpenSSL's would run while cpprestsdk's thread may still use it.
  std::_Exit(code);
}

int execute(const op::RenderOptions& options) { return op::render(options, std::cout, std::cerr); }

int execute(const op::LogLevelOptions& options) {
  return op::send_log_level(options, std::cout, std::cerr);
}

int execute(const op::VersionOptions&) {
  std::cout << "entityservice-operator " << OPERATOR_VERSION << "\n";
  return op::kExitOk;
}

int execute(const op::Exit& exit) { return exit.code; }

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const op::Command command = op::parse_command_line(arguments, std::cout, std::cerr);
  return std::visit([](const auto& options) { return execute(options); }, command);
}
