#include "operator/engine.h"

#include <algorithm>

#include "reconcilers/kinds.h"
#include "reconcilers/observe.h"

namespace op {
namespace {

using std::chrono::milliseconds;

// Three attempts of an election request stay well below the renew deadline.
constexpr milliseconds kElectionRequest{2'000};
// A watch that is opened anew is faster.
constexpr milliseconds kReopening{1'000};

k8s::Sleep at_most(milliseconds longest, const k8s::Sleep& sleep) {
  return [longest, sleep](milliseconds time) { sleep(std::min(time, longest)); };
}

reconcilers::Options reconciler_options(const EngineOptions& options, const Surroundings& around,
                                        const WorkQueue& queue) {
  reconcilers::Options result;
  result.prerelease_namespaces = options.prerelease_namespaces;
  result.identity = options.identity;
  result.requests_at_once = options.requests_at_once;
  result.now = around.now;
  result.wall_clock = around.wall_clock;
  result.random = around.passwords;
  result.others_wait = [&queue, now = around.now] { return queue.anybody_waits(now()); };
  return result;
}

ElectionOptions election_options(const EngineOptions& options, const Surroundings& around) {
  return {.ns = options.lease_namespace,
          .name = options.lease_name,
          .identity = options.identity,
          .now = around.now,
          .wall_clock = around.wall_clock};
}

}  // namespace

Engine::Engine(const EngineOptions& options, const Surroundings& around, const EngineHooks& hooks)
    : now_(around.now),
      namespaces_(options.namespaces.begin(), options.namespaces.end()),
      fenced_transport_(around.passes, fence_, around.now),
      logged_transport_(fenced_transport_),
      capped_transport_(around.lease, kElectionRequest),
      watch_client_(around.watches, around.sleep),
      pass_client_(logged_transport_, around.sleep),
      lease_client_(capped_transport_, at_most(kElectionRequest, around.sleep)),
      store_(reconcilers::grouping()),
      queue_({.failing_at_once = options.failing_at_once}, hooks.queue),
      reconciler_(pass_client_, store_, reconciler_options(options, around, queue_)),
      elector_(lease_client_, fence_, election_options(options, around)),
      watches_(watch_client_, store_, watch_specs(options.namespaces, options.watch_label_selector),
               {.stepped = hooks.watch_stepped,
                .failed = hooks.watch_failed,
                .sleep = around.sleep,
                .now = around.now,
                .jitter = around.jitter}),
      doubts_(pass_client_, store_, reconcilers::entity_services(),
              [this] { watches_.distrust(reconcilers::entity_services().kind); }),
      controller_(queue_, [this](const k8s::ObjectKey& key) { return pass(key); },
                  {.synced = [this] { return watches_.synced(); },
                   .now = around.now,
                   .observer = hooks.passes}) {
  if (!options.leader_elect) fence_.open_forever();
  store_.on_change([this](const k8s::RecordPtr& before, const k8s::RecordPtr& after) {
    if (before) enqueue(*before);
    if (after) enqueue(*after);
  });
}

void Engine::begin() {
  if (elector_.waited()) doubts_.raise(resources());
}

reconcilers::Action Engine::pass(const k8s::ObjectKey& key) {
  return doubts_.dispelled(key) ? reconciler_.reconcile(key)
                                : reconcilers::Action::requeue(kReopening);
}

void Engine::enqueue(const k8s::Record& record) {
  if (record.key.kind == "Namespace") return enqueue_all_in(record.key.name);
  enqueue(reconcilers::owner_key(record));
}

void Engine::enqueue(const k8s::ObjectKey& key) {
  if (key.name.empty() || !is_ours(key.ns)) return;
  watches_.synced() ? queue_.add(key, now_()) : queue_.add_listed(key, now_());
}

// What a namespace is labelled with decides about what its resources may ask for.
void Engine::enqueue_all_in(const std::string& ns) {
  for (const k8s::ObjectKey& key : store_.keys(reconcilers::entity_services().kind))
    if (key.ns == ns) enqueue(key);
}

// With cluster scope for many namespaces, the others are seen but not ours.
bool Engine::is_ours(const std::string& ns) const {
  return namespaces_.empty() || namespaces_.contains(ns);
}

std::vector<k8s::ObjectKey> Engine::resources() const {
  std::vector<k8s::ObjectKey> keys = store_.keys(reconcilers::entity_services().kind);
  std::erase_if(keys, [this](const k8s::ObjectKey& key) { return !is_ours(key.ns); });
  return keys;
}

}  // namespace op
