#include "operator/free_memory.h"

#include <malloc.h>

#include <cstddef>

// jemalloc's, in a program that is linked with it: not with a sanitizer, which has its own.
extern "C" {
int mallctl(const char* name, void* old, std::size_t* old_size, void* fresh, std::size_t fresh_size)
    __attribute__((weak));

// One arena, since freed memory is of no use to the threads of another one; what is free for half a
// second goes back. Measured in docs/adr/0012-jemalloc.md.
const char* malloc_conf = "narenas:1,dirty_decay_ms:500,muzzy_decay_ms:0";
}

namespace op {

void release_free_memory() {
  if (mallctl != nullptr) {
    mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);  // 4096: of all arenas
  } else {
    malloc_trim(0);
  }
}

}  // namespace op
