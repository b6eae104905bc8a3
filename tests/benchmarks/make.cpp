#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "tests/benchmarks/crew.h"
#include "tests/benchmarks/lines.h"
#include "tests/benchmarks/tools.h"

namespace bench {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error("cannot read " + path);
  return text.str();
}

std::string with_name(std::string text, const std::string& name) {
  const std::string hole = "{name}";
  for (auto at = text.find(hole); at != std::string::npos; at = text.find(hole, at + name.size()))
    text.replace(at, hole.size(), name);
  return text;
}

}  // namespace

k8s::Response sent(k8s::Transport& transport, const k8s::Request& request) {
  k8s::Response answer = transport.send(request);
  if (answer.status >= 300)
    throw std::runtime_error(request.method + " " + request.path + ": " +
                             std::to_string(answer.status) + " " + answer.body);
  return answer;
}

void wait_for_end() {
  while (std::getchar() != EOF) {
  }
}

void make(k8s::Transport& transport, const MakeOptions& options) {
  const std::string text = content_of(options.template_file);
  tell({{"making", options.count}});
  {
    Crew crew(options.parallel);
    for (int i = 0; i < options.count; ++i) {
      char number[16];
      std::snprintf(number, sizeof number, "%04d", options.first + i);
      crew.give([&, name = options.prefix + number] {
        sent(transport, {.method = "POST",
                         .path = options.path,
                         .body = with_name(text, name),
                         .content_type = "application/json"});
      });
    }
  }
  tell({{"made", options.count}});
}

}  // namespace bench
