#include <map>
#include <string>

#include "reconcilers/desired/metadata.h"
#include "reconcilers/desired/redis_names.h"
#include "reconcilers/desired/scripts.h"
#include "reconcilers/desired/stateful.h"

namespace reconcilers::desired {
namespace {

// The rest is for copies on write while the log is rewritten, and for replication.
constexpr int kDataPercent = 70;

// What holds for every start; passwords, names and the role are added by start-redis.sh.
std::string redis_conf(const Resolved& resolved) {
  std::string text =
      "port 6379\n"
      "protected-mode no\n"
      "dir /data\n"
      "appendonly yes\n"
      "appendfsync everysec\n"
      "save \"\"\n";
  if (const auto bytes = memory_share(resolved.redis.resources, kDataPercent)) {
    text += "maxmemory " + std::to_string(*bytes) + "\n";
  }
  // Keys with a time to live are counters of running work: none may be evicted. One replica less
  // must not refuse writes: the application's workers exit on NOREPLICAS.
  text +=
      "maxmemory-policy noeviction\n"
      "min-replicas-to-write 0\n"
      "min-replicas-max-lag 10\n"
      "repl-diskless-load disabled\n"
      "repl-diskless-sync-delay 0\n";
  return text;
}

void add_script(std::map<std::string, std::string>& data, const char* file) {
  data[file] = script(file);
}

}  // namespace

Object redis_config(const Resolved& resolved) {
  std::map<std::string, std::string> data = {{"redis.conf", redis_conf(resolved)}};
  for (const char* file :
       {"redis-lib.sh", "volume-lib.sh", "start-redis.sh", "redis-ready.sh", "redis-alive.sh"}) {
    add_script(data, file);
  }
  if (has_sentinel(resolved)) {
    for (const char* file :
         {"start-sentinel.sh", "sentinel-alive.sh", "stop-redis.sh", "stop-sentinel.sh"}) {
      add_script(data, file);
    }
  }
  return hashed_config(resolved, kRedis, redis_name(resolved) + "-config", data);
}

}  // namespace reconcilers::desired
