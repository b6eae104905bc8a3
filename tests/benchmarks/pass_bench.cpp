// What passes cost that have nothing to do: reads a cluster's objects as the operator does, then
// reconciles every resource again and again, in this process and with nobody to write to.
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "k8s-client/client.h"
#include "k8s-client/config.h"
#include "k8s-client/rest_transport.h"
#include "k8s-client/store.h"
#include "k8s-client/watcher.h"
#include "reconcilers/kinds.h"
#include "reconcilers/observe.h"
#include "reconcilers/reconciler.h"

namespace {

using std::chrono::milliseconds;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Reads go through, once; a write would change what is measured.
class ReadOnly final : public k8s::Transport {
 public:
  explicit ReadOnly(k8s::Transport& inner) : inner_(inner) {}
  k8s::Response send(const k8s::Request& request) override {
    if (request.method == "GET") return inner_.send(request);
    throw std::runtime_error("not in step: " + request.method + " " + request.path);
  }
  std::unique_ptr<k8s::Stream> open(const k8s::Request& request, milliseconds idle) override {
    return inner_.open(request, idle);
  }

 private:
  k8s::Transport& inner_;
};

void fill(const k8s::Client& client, k8s::Store& store) {
  std::vector<std::thread> threads;
  for (k8s::WatchSpec& spec : reconcilers::watches("", "")) {
    threads.emplace_back([&, watched = std::move(spec)] {
      k8s::Watcher watcher(client, store, watched);
      while (!watcher.health().synced) watcher.step(k8s::Clock::now(), milliseconds(100));
    });
  }
  for (std::thread& thread : threads) thread.join();
}

void reconcile_all(reconcilers::Reconciler& reconciler, const std::vector<k8s::ObjectKey>& all,
                   int rounds, const char* what) {
  const double before = cpu_seconds();
  for (int round = 0; round < rounds; ++round)
    for (const k8s::ObjectKey& resource : all) reconciler.reconcile(resource);
  const double passes = static_cast<double>(rounds) * static_cast<double>(all.size());
  std::printf("{\"%s\": %.2f}\n", what, (cpu_seconds() - before) / passes * 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Microseconds of processor time for a pass");
  std::string kubeconfig;
  int rounds = 10;
  app.add_option("--kubeconfig", kubeconfig)->required();
  app.add_option("--rounds", rounds);
  CLI11_PARSE(app, argc, argv);
  try {
    const auto transport = k8s::make_rest_transport(k8s::load_config(kubeconfig, ""));
    ReadOnly read_only(*transport);
    const k8s::Client client(read_only);
    k8s::Store store(reconcilers::grouping());
    fill(client, store);
    malloc_trim(0);
    std::printf("{\"heap_mib\": %.1f}\n", static_cast<double>(mallinfo2().uordblks) / 1048576);
    const auto all = store.keys(reconcilers::entity_services().kind);
    std::printf("{\"resources\": %zu}\n{\"objects\": %zu}\n", all.size(), store.size());
    reconcilers::Reconciler reconciler(client, store, {});
    reconcile_all(reconciler, all, 1, "first_pass_us");
    reconcile_all(reconciler, all, rounds, "unchanged_pass_us");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
