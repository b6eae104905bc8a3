// `render`: prints what the operator would create for a resource, without a cluster.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace op {

struct RenderOptions {
  std::string file;                               // "-": standard input
  std::string ns = {};                            // where the resource names none
  bool effective = false;                         // the resolved spec instead of the objects
  std::string credentials = {};                   // file with the keys of N-credentials
  std::vector<std::string> redis_addresses = {};  // of N-redis-0 and so on, N-redis-sentinel
  bool bootstrap = false;                         // as for the first start: no Redis volume exists
};

// Returns the exit code: 0, or 1 with the reason on `err`.
int render(const RenderOptions& options, std::ostream& out, std::ostream& err);

}  // namespace op
