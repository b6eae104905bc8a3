#include <sys/mman.h>
#include <unistd.h>

#include "k8s-client/config.h"
#include "k8s-client/errors.h"
#include "tests/fuzz/targets.h"

namespace fuzz {
namespace {

// A file of nothing but memory, for a reader that takes a path.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("kubeconfig", MFD_CLOEXEC)) {
    promise(descriptor_ >= 0, "no file in memory");
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string write(std::string_view content) {
    const bool written =
        ftruncate(descriptor_, 0) == 0 && pwrite(descriptor_, content.data(), content.size(), 0) ==
                                              static_cast<ssize_t>(content.size());
    promise(written, "can not write to memory");
    return "/proc/self/fd/" + std::to_string(descriptor_);
  }

 private:
  int descriptor_;
};

}  // namespace

void kubeconfig(std::string_view input) {
  // Devices and pipes can be named as well, and never end; who writes a kubeconfig may do as much.
  if (input.find("/dev") != input.npos || input.find("/proc") != input.npos) return;
  static MemoryFile file;
  const std::string path = file.write(input);
  for (const char* context : {"", "a"}) {
    try {
      const k8s::ClusterConfig config = k8s::load_kubeconfig(path, context);
      promise(!config.server.empty(), "a configuration without a server");
    } catch (const k8s::ConfigError& error) {
      promise(std::string(error.what()).find(path) != std::string::npos,
              std::string("the message does not name the file: ") + error.what());
    }
  }
}

}  // namespace fuzz
