#include "reconcilers/together.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <vector>

#include "k8s-client/guarded.h"
#include "k8s-client/work.h"

namespace reconcilers {

void together(std::size_t count, std::size_t width, const std::function<void(std::size_t)>& job) {
  std::atomic<std::size_t> next = 0;
  k8s::Guarded<std::exception_ptr> thrown;
  const k8s::Work caller = k8s::current_work();
  const auto work = [&] {
    k8s::current_work() = caller;
    try {
      for (std::size_t i = next++; i < count; i = next++) job(i);
    } catch (...) {
      next = count;
      thrown.with([](auto& it) { it = it ? it : std::current_exception(); });
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < std::min(width, count); ++i) others.emplace_back(work);
    work();
  }
  if (const auto it = thrown.with([](const auto& ptr) { return ptr; })) std::rethrow_exception(it);
}

}  // namespace reconcilers
