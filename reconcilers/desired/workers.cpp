// The two pools of match workers. The high-memory pool serves all queues, so that a resource with
// none but that one still works.
#include <algorithm>
#include <utility>

#include "reconcilers/desired/app_pod.h"
#include "reconcilers/desired/metadata.h"
#include "reconcilers/desired/pod.h"

namespace reconcilers::desired {
namespace {

// Is the main process still consuming? It answers a ping while its children compute; one that lost
// its connection without noticing does not. An outage of Redis must not restart every worker, so
// without a master, or with one that refuses, the answer is yes. Without the application's modules:
// importing them costs seconds of CPU and a lot of memory each time.
constexpr const char* kAlive = R"(import os
import socket
import sys

import redis
from celery import Celery
from redis.sentinel import Sentinel

limits = {"socket_timeout": 5, "socket_connect_timeout": 5}
server, password = os.environ["REDIS_SERVER"], os.environ["REDIS_PASSWORD"]
try:
    if os.environ["REDIS_USE_SENTINEL"] == "true":
        master = Sentinel([(server, 26379)], **limits).master_for(
            "mymaster", password=password, **limits)
    else:
        master = redis.Redis(host=server, password=password, **limits)
    master.ping()
    app = Celery(broker=os.environ["CELERY_BROKER_URL"])
    app.conf.broker_transport_options = {"master_name": "mymaster", **limits}
    name = "celery@" + socket.gethostname()
    alive = any(app.control.ping(destination=[name], timeout=4) for _ in range(10))
except redis.exceptions.RedisError:
    sys.exit(0)
sys.exit(0 if alive else 1)
)";

// Told before it ends, because then it no longer reads: what Redis hands it during its last second
// of asking would be lost. Until it has answered, or SECONDS are over.
constexpr const char* kTakeNoMore = R"(import os
import signal
import socket
import sys
import time

signal.alarm(int(sys.argv[1]))
from celery import Celery

limits = {"socket_timeout": 5, "socket_connect_timeout": 5}
app = Celery(broker=os.environ["CELERY_BROKER_URL"])
app.conf.broker_transport_options = {"master_name": "mymaster", **limits}
name = "celery@" + socket.gethostname()
left = sys.argv[2].split(",")
while left:
    try:
        if app.control.cancel_consumer(left[-1], destination=[name], reply=True, timeout=4):
            left.pop()
    except Exception as error:
        print(error, file=sys.stderr)
        time.sleep(1)
# What it has asked for already comes within a second, and it gives it back.
time.sleep(2)
)";

// No more tasks. SIGTERM: finish what runs. Shortly before the kubelet would kill, SIGQUIT: give
// the rest back to the queue at once instead of after the visibility timeout of an hour.
Json stop_command(std::int64_t grace_seconds, const std::string& queues) {
  const std::int64_t patience = std::max<std::int64_t>(grace_seconds - 10, 1);
  const std::int64_t asking = std::clamp<std::int64_t>(patience / 3, 1, 30);
  const std::string script =
      "python -c \"$1\" " + std::to_string(asking) +
      " \"$2\"\n"
      "kill -TERM 1\n"
      "left=" +
      std::to_string(std::max<std::int64_t>(patience - asking, 1)) +
      "\n"
      "while [ \"$left\" -gt 0 ] && kill -0 1; do sleep 1; left=$((left - 1)); done\n"
      "kill -QUIT 1\n";
  return Json::array({"sh", "-c", script, "stop", kTakeNoMore, queues});
}

Json ping_probe(int period, int failures) {
  return {{"exec", {{"command", Json::array({"python", "-c", kAlive})}}},
          {"periodSeconds", period},
          {"timeoutSeconds", 60},
          {"failureThreshold", failures}};
}

void add_celery_settings(const Resolved& resolved, const crds::Celery& celery, Json& variables) {
  variables.push_back(env("CELERYD_CONCURRENCY", std::to_string(celery.concurrency)));
  variables.push_back(
      env("CELERYD_PREFETCH_MULTIPLIER", std::to_string(celery.prefetch_multiplier)));
  variables.push_back(
      env("CELERYD_MAX_TASKS_PER_CHILD", std::to_string(celery.max_tasks_per_child)));
  variables.push_back(env("CELERY_ACKS_LATE", celery.acks_late ? "true" : "false"));
  variables.push_back(env("CHUNK_SIZE_AIM", std::to_string(resolved.chunk_size_aim)));
  variables.push_back(env("CACHE_EXPIRY_SECONDS", std::to_string(resolved.cache_expiry_seconds)));
}

Json container(const Resolved& resolved, const AppConfig& config, const crds::WorkerPool& pool,
               const std::string& queues) {
  Json worker = app_container(resolved, config, AppRole::Worker, "worker",
                              {"celery", "-A", "entityservice.async_worker", "worker",
                               "--loglevel=info", "-O", "fair", "-Q", queues},
                              pool.resources);
  add_celery_settings(resolved, pool.celery, worker["env"]);
  // Ready, too, once it has answered first: a rollout waits for workers that consume.
  worker["startupProbe"] = ping_probe(10, 60);
  worker["livenessProbe"] = ping_probe(180, 5);
  worker["lifecycle"] = {
      {"preStop", {{"exec", {{"command", stop_command(pool.grace_seconds, queues)}}}}}};
  return worker;
}

void add_pool(const Resolved& resolved, const Facts& facts, const AppConfig& config,
              const std::string& component, const crds::WorkerPool& pool, const std::string& queues,
              Objects& objects) {
  PodParts parts{.component = component, .grace_seconds = pool.grace_seconds};
  parts.containers.push_back(container(resolved, config, pool, queues));
  parts.volumes = app_volumes(resolved, config, AppRole::Worker);
  parts.annotations = app_secrets_annotation(facts, AppRole::Worker);
  parts.host_aliases = redis_client_aliases(resolved, facts);

  const std::string name = resolved.name + "-" + component;
  // No surge: a roll of large pods must not need room for one more.
  Json strategy = {{"type", "RollingUpdate"},
                   {"rollingUpdate", {{"maxSurge", 0}, {"maxUnavailable", "25%"}}}};
  Json spec = {{"replicas", pool.replicas},
               {"revisionHistoryLimit", 3},
               {"progressDeadlineSeconds", resolved.progress_deadline_seconds},
               {"selector", {{"matchLabels", selector(resolved, component)}}},
               {"strategy", std::move(strategy)},
               {"template", pod_template(resolved, pool.pod, std::move(parts))}};
  Object deployment =
      object(resolved, component, "apps/v1", "Deployment", name, {{"spec", std::move(spec)}});
  deployment.gates = app_gates(resolved);
  objects.push_back(std::move(deployment));
  for (Object& budget : disruption(resolved, component, name, pool.replicas)) {
    objects.push_back(std::move(budget));
  }
}

}  // namespace

Objects workers(const Resolved& resolved, const Facts& facts, const AppConfig& config) {
  Objects objects;
  add_pool(resolved, facts, config, kWorker, resolved.workers, "celery,compute", objects);
  add_pool(resolved, facts, config, kHighMemory, resolved.high_memory, "celery,compute,highmemory",
           objects);
  return objects;
}

}  // namespace reconcilers::desired
