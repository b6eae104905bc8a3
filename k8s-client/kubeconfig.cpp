// load_kubeconfig and load_kubeconfigs of config.h: one context of one or several kubeconfigs.
#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "k8s-client/config.h"
#include "k8s-client/encoding.h"
#include "k8s-client/errors.h"
#include "k8s-client/kubeconfig_file.h"

namespace k8s {
namespace {

constexpr const char* kTokenOrCertificate =
    "put a token (kubectl create token), a client certificate or an exec plugin there";
constexpr const char* kNoImpersonation =
    "impersonation is not supported: use the credentials of that user";

// Fields that we would have to obey to be safe, and do not; silence would connect as somebody else
// than kubectl does.
constexpr std::array<std::pair<const char*, const char*>, 7> kRefusedOfUser = {{
    {"auth-provider", kTokenOrCertificate},
    {"username", kTokenOrCertificate},
    {"password", kTokenOrCertificate},
    {"as", kNoImpersonation},
    {"as-uid", kNoImpersonation},
    {"as-groups", kNoImpersonation},
    {"as-user-extra", kNoImpersonation},
}};

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : ", ") + part;
  return out.empty() ? "none" : out;
}

// Several files read as one: an entry is wholly that of the first file that has it.
class Merged {
 public:
  explicit Merged(const std::vector<std::string>& paths) {
    for (const auto& path : paths) files_.emplace_back(path);
  }

  std::string current_context() const {
    for (const auto& file : files_) {
      if (std::string name = file.current_context(); !name.empty()) return name;
    }
    throw ConfigError(all() + ": current-context is not set: set it or name a context");
  }

  KubeconfigEntry entry(const char* list, const char* key, const std::string& name) const {
    std::vector<std::string> known;
    for (const auto& file : files_) {
      if (auto found = file.find(list, key, name, known)) return std::move(*found);
    }
    throw ConfigError(all() + ": " + list + "[" + name +
                      "] does not exist; there are: " + joined(known));
  }

 private:
  std::string all() const {
    std::vector<std::string> paths;
    for (const auto& file : files_) paths.push_back(file.path());
    return "kubeconfig " + joined(paths);
  }

  std::vector<KubeconfigFile> files_;  // entries point into it
};

void read_cluster(const KubeconfigEntry& cluster, ClusterConfig& config) {
  config.cluster_place = cluster.place();
  if (cluster.has("proxy-url") && !cluster.text("proxy-url").empty()) {
    cluster.fail("proxy-url", "is not supported: name a server that is reached directly");
  }
  config.server = cluster.text("server");
  if (config.server.empty()) cluster.fail("server", "is missing: write https://HOST:PORT");
  config.ca_pem = cluster.data_or_file("certificate-authority", config.ca_file);
  config.insecure = cluster.flag("insecure-skip-tls-verify");
  if (config.insecure && !config.ca_pem.empty()) {
    cluster.fail("insecure-skip-tls-verify",
                 "is true beside a certificate authority: remove one of the two");
  }
  if (config.insecure) {
    config.warnings.push_back(cluster.place("insecure-skip-tls-verify") +
                              " is true: whoever answers there gets our credentials; give "
                              "certificate-authority instead");
  }
  config.tls_server_name = cluster.text("tls-server-name");
}

// What the plugin is told about the cluster, beside what ClusterConfig holds.
Json exec_extension(const KubeconfigEntry& cluster) {
  for (const auto& extension : cluster.maps("extensions")) {
    if (extension.text("name") == "client.authentication.k8s.io/exec") {
      return extension.json("extension");
    }
  }
  return nullptr;
}

void check_interactive_mode(const KubeconfigEntry& exec, const std::string& api_version) {
  const std::string mode = exec.text("interactiveMode");
  if (mode == "Never" || mode == "IfAvailable") return;
  if (mode == "Always") {
    exec.fail("interactiveMode",
              "'Always' is not supported, because nobody sits at the operator: use a plugin that "
              "asks no questions, with Never or IfAvailable");
  }
  if (!mode.empty()) {
    exec.fail("interactiveMode", "'" + mode + "' is unknown: write Never or IfAvailable");
  }
  if (api_version != "client.authentication.k8s.io/v1beta1") {
    exec.fail("interactiveMode", "is missing: write Never or IfAvailable");
  }
}

ExecPlugin read_exec(const KubeconfigEntry& exec, const KubeconfigEntry& cluster) {
  ExecPlugin plugin;
  plugin.place = exec.place();
  plugin.api_version = exec.text("apiVersion");
  if (plugin.api_version != "client.authentication.k8s.io/v1" &&
      plugin.api_version != "client.authentication.k8s.io/v1beta1") {
    exec.fail("apiVersion", "'" + plugin.api_version +
                                "' is not supported: write client.authentication.k8s.io/v1 or "
                                "v1beta1, as the plugin prints it");
  }
  check_interactive_mode(exec, plugin.api_version);
  plugin.command = exec.text("command");
  if (plugin.command.empty()) exec.fail("command", "is missing: write the plugin's program");
  if (plugin.command.find('/') != std::string::npos) plugin.command = exec.path("command");
  plugin.args = exec.texts("args");
  for (const auto& variable : exec.maps("env")) {
    const std::string name = variable.text("name");
    if (name.empty() || name.find('=') != std::string::npos) {
      variable.fail("name", "'" + name + "' is no name of a variable: write one");
    }
    plugin.env.emplace_back(name, variable.text("value"));
  }
  plugin.install_hint = trimmed(exec.text("installHint"));
  plugin.provide_cluster_info = exec.flag("provideClusterInfo");
  if (plugin.provide_cluster_info) plugin.cluster_extension = exec_extension(cluster);
  return plugin;
}

void read_user(const KubeconfigEntry& user, const KubeconfigEntry& cluster, ClusterConfig& config) {
  config.user_place = user.place();
  for (const auto& [field, remedy] : kRefusedOfUser) {
    if (user.has(field)) user.fail(field, "is not supported: " + std::string(remedy));
  }
  config.client_cert_pem = user.data_or_file("client-certificate", config.client_cert_file);
  config.client_key_pem = user.data_or_file("client-key", config.client_key_file);
  if (config.client_cert_pem.empty() != config.client_key_pem.empty()) {
    user.fail("", "has only one of client-certificate and client-key: give both or none");
  }
  config.token = trimmed(user.text("token"));
  config.token_file = user.path("tokenFile");
  if (const auto exec = user.map("exec")) {
    ExecPlugin plugin = read_exec(*exec, cluster);
    // As kubectl: a plugin runs only where no other credentials are.
    if (config.token.empty() && config.token_file.empty() && config.client_cert_pem.empty()) {
      config.exec = std::move(plugin);
    }
  }
}

ClusterConfig read_context(const Merged& files, const std::string& context) {
  const std::string name = context.empty() ? files.current_context() : context;
  const KubeconfigEntry chosen = files.entry("contexts", "context", name);
  const std::string cluster_name = chosen.text("cluster");
  if (cluster_name.empty()) chosen.fail("cluster", "is missing: name an entry of clusters");
  const std::string user_name = chosen.text("user");
  if (user_name.empty()) chosen.fail("user", "is missing: name an entry of users");

  ClusterConfig config;
  const KubeconfigEntry cluster = files.entry("clusters", "cluster", cluster_name);
  read_cluster(cluster, config);
  read_user(files.entry("users", "user", user_name), cluster, config);
  config.ns = chosen.text("namespace");
  return config;
}

}  // namespace

ClusterConfig load_kubeconfig(const std::string& path, const std::string& context) {
  return read_context(Merged({path}), context);
}

ClusterConfig load_kubeconfigs(const std::vector<std::string>& paths, const std::string& context) {
  std::vector<std::string> present;
  for (const auto& path : paths) {
    // Only what is not there is left out; what can not be looked at is an error when it is read.
    std::error_code error;
    const auto type = std::filesystem::status(path, error).type();
    if (type != std::filesystem::file_type::not_found) present.push_back(path);
  }
  if (present.empty()) {
    throw ConfigError("KUBECONFIG names " + joined(paths) +
                      ", and none of them exists: correct or unset it");
  }
  return read_context(Merged(present), context);
}

}  // namespace k8s
