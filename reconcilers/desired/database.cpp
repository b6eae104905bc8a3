#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reconcilers/desired/components.h"
#include "reconcilers/desired/metadata.h"
#include "reconcilers/desired/pod.h"
#include "reconcilers/desired/scripts.h"
#include "reconcilers/desired/stateful.h"

namespace reconcilers::desired {
namespace {

constexpr std::int64_t kUser = 999;  // `postgres` of Debian's image; never Alpine's: another libc
constexpr int kPort = 5432;

constexpr const char* kConfigPath = "/etc/postgresql";
constexpr const char* kCredentialsPath = "/etc/postgresql-credentials";
constexpr const char* kVolumePath = "/var/lib/postgresql";
// Below the mount, where no lost+found lies, and a later major version finds its place beside it.
constexpr const char* kDataPath = "/var/lib/postgresql/17/docker";

constexpr std::int64_t kMebi = std::int64_t{1024} * 1024;
constexpr int kSharedBuffersPercent = 25;
constexpr const char* kSharedBuffersWithoutLimit = "128MB";

// Over the socket only the pod's own user is `postgres`; whoever comes over the network has a
// password.
constexpr const char* kAccess =
    "# type  database  user      address  method\n"
    "local   all       postgres           peer\n"
    "host    all       all       all      scram-sha-256\n";

// As postgresql.conf wants it.
std::string quoted(const std::string& value) {
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += c;
    text += c;
  }
  return text + "'";
}

std::string shared_buffers(const Resolved& resolved) {
  const auto bytes = memory_share(resolved.database.resources, kSharedBuffersPercent);
  return bytes ? std::to_string(*bytes / kMebi) + "MB" : kSharedBuffersWithoutLimit;
}

// The last assignment counts: ours that may be tuned come first, those that must hold come last.
std::string postgresql_conf(const Resolved& resolved) {
  std::vector<std::pair<std::string, std::string>> settings = {
      {"shared_buffers", shared_buffers(resolved)},
      {"timezone", "UTC"},
      {"log_timezone", "UTC"},
      {"log_checkpoints", "on"},
      {"log_lock_waits", "on"},
      // A client whose node is gone says nothing; its session would keep its locks for two hours.
      {"tcp_keepalives_idle", "10"},
      {"tcp_keepalives_interval", "5"},
      {"tcp_keepalives_count", "3"},
      {"tcp_user_timeout", "20000"},
  };
  for (const auto& [name, value] : resolved.database.parameters) settings.emplace_back(name, value);
  const std::vector<std::pair<std::string, std::string>> fixed = {
      {"listen_addresses", "*"},
      {"port", std::to_string(kPort)},
      {"unix_socket_directories", "/var/run/postgresql"},
      {"hba_file", std::string(kConfigPath) + "/pg_hba.conf"},
      {"password_encryption", "scram-sha-256"},
      {"max_connections", std::to_string(resolved.database.max_connections)},
      {"logging_collector", "off"},
  };
  settings.insert(settings.end(), fixed.begin(), fixed.end());

  std::string text;
  for (const auto& [name, value] : settings) text += name + " = " + quoted(value) + "\n";
  return text;
}

Object service(const Resolved& resolved, const std::string& name) {
  Json spec = {{"type", "ClusterIP"},
               {"clusterIP", "None"},
               {"selector", selector(resolved, kDatabase)},
               {"ports", Json::array({service_port("postgres", kPort)})}};
  return object(resolved, kDatabase, "v1", "Service", name, {{"spec", std::move(spec)}});
}

Object configuration(const Resolved& resolved, const std::string& name) {
  return hashed_config(resolved, kDatabase, name + "-config",
                       {{"postgresql.conf", postgresql_conf(resolved)},
                        {"pg_hba.conf", kAccess},
                        {"start-postgres.sh", std::string(script("start-postgres.sh"))},
                        {"volume-lib.sh", std::string(script("volume-lib.sh"))},
                        {"init-database.sh", std::string(script("init-database.sh"))}});
}

// `accepts` 0: takes connections; 1: also when it still recovers, which a restart only prolongs.
// Over TCP: while the database is being made, the server listens on its socket alone.
Json probe(int accepts, const Timing& timing) {
  const std::string command = "pg_isready -q -h 127.0.0.1 -U postgres -d postgres; [ $? -le " +
                              std::to_string(accepts) + " ]";
  return exec_probe({"sh", "-c", command}, timing);
}

Json container(const Resolved& resolved) {
  const std::string credentials = std::string(kCredentialsPath) + "/";
  return {
      {"name", "postgres"},
      {"image", resolved.images.postgres},
      {"command", Json::array({"sh", std::string(kConfigPath) + "/start-postgres.sh"})},
      {"args", Json::array({"postgres", "-c",
                            "config_file=" + std::string(kConfigPath) + "/postgresql.conf"})},
      {"env", Json::array({env("PGDATA", kDataPath),
                           env("POSTGRES_PASSWORD_FILE", credentials + "postgres-password"),
                           env("POSTGRES_INITDB_ARGS",
                               "--encoding=UTF8 --locale=C.UTF-8 --data-checksums "
                               "--auth-local=peer --auth-host=scram-sha-256")})},
      {"ports", Json::array({container_port("postgres", kPort)})},
      {"resources", stateful_resources(resolved.database.resources, resolved.database.storage)},
      // half an hour: the recovery of a large database
      {"startupProbe", probe(1, {.period_seconds = 5, .failures = 360})},
      {"readinessProbe", probe(0, {.period_seconds = 5})},
      {"livenessProbe", probe(1, {.failures = 6})},
      {"volumeMounts",
       Json::array({mount(kDataVolume, kVolumePath), mount("config", kConfigPath, true),
                    mount("init", "/docker-entrypoint-initdb.d", true),
                    mount("credentials", kCredentialsPath, true),
                    mount("run", "/var/run/postgresql"), mount("tmp", "/tmp"),
                    mount("shm", "/dev/shm")})},
  };
}

// Of our configuration, only the script that the image's entrypoint shall run.
Json init_volume(const std::string& config) {
  Json volume = config_volume("init", config, 0555);
  volume["configMap"]["items"] =
      Json::array({{{"key", "init-database.sh"}, {"path", "init-database.sh"}}});
  return volume;
}

const std::vector<std::string> kPasswords = {"postgres-password", "database-user",
                                             "database-password"};

// Passwords are read when the database is made and never again: on a volume, a restart for new
// ones would be for nothing. Without one it makes a database that knows them.
std::map<std::string, std::string> password_annotation(const Resolved& resolved,
                                                       const Facts& facts) {
  if (resolved.database.storage.enabled) return {};
  return secrets_annotation(facts, kPasswords);
}

Json database_template(const Resolved& resolved, const Facts& facts, const std::string& config) {
  PodParts parts{.component = kDatabase, .user = kUser, .group = kUser};
  parts.grace_seconds = resolved.database.grace_seconds;
  parts.containers.push_back(container(resolved));
  const auto shared = memory_share(resolved.database.resources, kSharedBuffersPercent);
  parts.annotations = password_annotation(resolved, facts);
  parts.volumes =
      Json::array({config_volume("config", config), init_volume(config),
                   credentials_volume(resolved, "credentials", kPasswords),
                   memory_dir("run", "1Mi"), empty_dir("tmp", "64Mi"),
                   // for parallel queries; the runtime's 64 MiB fail some
                   memory_dir("shm", std::to_string(shared ? *shared / kMebi : 128) + "Mi")});
  return pod_template(resolved, resolved.database.pod, std::move(parts));
}

}  // namespace

Objects database(const Resolved& resolved, const Facts& facts) {
  const std::string name = resolved.name + "-postgres";
  Objects all = list_of(service(resolved, name), configuration(resolved, name));

  StatefulParts parts{.component = kDatabase, .name = name};
  parts.service = name;
  parts.replicas = resolved.database.replicas;
  parts.storage = &resolved.database.storage;
  parts.pod_template = database_template(resolved, facts, all.back().name());
  parts.inputs = Json::array({resolved.database.decided, password_annotation(resolved, facts)});
  all.push_back(stateful_set(resolved, facts, std::move(parts)));
  return all;
}

}  // namespace reconcilers::desired
