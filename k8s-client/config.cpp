#include "k8s-client/config.h"

#include <yaml-cpp/yaml.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "k8s-client/encoding.h"
#include "k8s-client/errors.h"

namespace k8s {
namespace {

// Fields that we would have to obey to be safe, and do not; silence would connect as somebody else
// or by another way than kubectl does.
constexpr std::array<std::pair<const char*, const char*>, 9> kRefusedOfUser = {{
    {"exec", "put a token or a client certificate there (kubectl create token …)"},
    {"auth-provider", "put a token or a client certificate there (kubectl create token …)"},
    {"username", "API servers no longer take passwords: use a token or a client certificate"},
    {"password", "API servers no longer take passwords: use a token or a client certificate"},
    {"as", "impersonation is not supported: use the credentials of that user"},
    {"as-uid", "impersonation is not supported: use the credentials of that user"},
    {"as-groups", "impersonation is not supported: use the credentials of that user"},
    {"as-user-extra", "impersonation is not supported: use the credentials of that user"},
    {"impersonate", "impersonation is not supported: use the credentials of that user"},
}};

// One kubeconfig while it is read; knows how to name its places.
class Kubeconfig {
 public:
  explicit Kubeconfig(const std::string& path)
      : path_(path), directory_(std::filesystem::absolute(path).parent_path()) {
    const auto text = read_file(path);
    if (!text) {
      throw ConfigError("kubeconfig " + path +
                        " can not be read: check that it exists and the permissions");
    }
    try {
      root_ = YAML::Load(*text);
    } catch (const YAML::Exception& error) {
      fail("", "is not YAML: " + std::string(error.what()));
    }
    if (!root_.IsMap()) fail("", "is not a kubeconfig: it has no fields");
  }

  [[noreturn]] void fail(const std::string& where, const std::string& what) const {
    throw ConfigError("kubeconfig " + path_ + ": " + where + (where.empty() ? "" : " ") + what);
  }

  std::string text(const YAML::Node& map, const std::string& where, const char* field) const {
    const YAML::Node node = map[field];
    if (!node || node.IsNull()) return {};
    if (!node.IsScalar()) fail(where + "." + field, "must be a string");
    return node.as<std::string>();
  }

  std::string current_context() const { return text(root_, "", "current-context"); }

  // The body `key` of the entry `name` of the list `list`.
  YAML::Node entry(const char* list, const char* key, const std::string& name) const {
    const YAML::Node entries = root_[list];
    std::string known;
    if (entries && entries.IsSequence()) {
      for (const auto& candidate : entries) {
        if (!candidate.IsMap()) continue;
        const std::string its_name = text(candidate, list, "name");
        if (its_name == name) {
          const YAML::Node body = candidate[key];
          if (!body || !body.IsMap()) fail(place(list, name), std::string("has no ") + key);
          return body;
        }
        known += (known.empty() ? "" : ", ") + its_name;
      }
    }
    fail(place(list, name), "does not exist; there are: " + (known.empty() ? "none" : known));
  }

  static std::string place(const char* list, const std::string& name) {
    return std::string(list) + "[" + name + "]";
  }

  std::string absolute(const std::string& file) const {
    if (file.empty()) return {};
    return (directory_ / file).lexically_normal().string();
  }

  // `FIELD-data` (base64) wins over the file `FIELD`, as in kubectl. Sets `file` for the latter.
  std::string data_or_file(const YAML::Node& map, const std::string& where, const char* field,
                           std::string& file) const {
    const std::string data_field = std::string(field) + "-data";
    const std::string data = text(map, where, data_field.c_str());
    if (!data.empty()) {
      const auto decoded = base64_decode(data);
      if (!decoded) fail(where + "." + data_field, "is not base64");
      return *decoded;
    }
    const std::string name = text(map, where, field);
    if (name.empty()) return {};
    file = absolute(name);
    auto content = read_file(file);
    if (!content) {
      fail(where + "." + field, "names " + file +
                                    ", which can not be read: correct the path or the "
                                    "permissions");
    }
    return std::move(*content);
  }

 private:
  std::string path_;
  std::filesystem::path directory_;
  YAML::Node root_;
};

void read_cluster(const Kubeconfig& file, const std::string& name, ClusterConfig& config) {
  const std::string where = Kubeconfig::place("clusters", name);
  const YAML::Node cluster = file.entry("clusters", "cluster", name);
  const std::string insecure = file.text(cluster, where, "insecure-skip-tls-verify");
  if (!insecure.empty() && insecure != "false") {
    file.fail(where + ".insecure-skip-tls-verify",
              "is not supported: give certificate-authority or certificate-authority-data");
  }
  if (!file.text(cluster, where, "proxy-url").empty()) {
    file.fail(where + ".proxy-url", "is not supported: name a server that is reached directly");
  }
  config.server = file.text(cluster, where, "server");
  if (config.server.empty()) file.fail(where + ".server", "is missing: write https://HOST:PORT");
  config.ca_pem = file.data_or_file(cluster, where, "certificate-authority", config.ca_file);
  config.tls_server_name = file.text(cluster, where, "tls-server-name");
}

void read_user(const Kubeconfig& file, const std::string& name, ClusterConfig& config) {
  const std::string where = Kubeconfig::place("users", name);
  const YAML::Node user = file.entry("users", "user", name);
  for (const auto& [field, remedy] : kRefusedOfUser) {
    const YAML::Node node = user[field];
    if (node && !node.IsNull()) {
      file.fail(where + "." + field, "is not supported: " + std::string(remedy));
    }
  }
  config.client_cert_pem =
      file.data_or_file(user, where, "client-certificate", config.client_cert_file);
  config.client_key_pem = file.data_or_file(user, where, "client-key", config.client_key_file);
  if (config.client_cert_pem.empty() != config.client_key_pem.empty()) {
    file.fail(where, "has only one of client-certificate and client-key: give both or none");
  }
  config.token = trimmed(file.text(user, where, "token"));
  config.token_file = file.absolute(file.text(user, where, "tokenFile"));
}

}  // namespace

ClusterConfig load_kubeconfig(const std::string& path, const std::string& context) {
  const Kubeconfig file(path);
  const std::string name = context.empty() ? file.current_context() : context;
  if (name.empty()) file.fail("current-context", "is not set: set it or name a context");
  const std::string where = Kubeconfig::place("contexts", name);
  const YAML::Node chosen = file.entry("contexts", "context", name);

  ClusterConfig config;
  const std::string cluster = file.text(chosen, where, "cluster");
  if (cluster.empty()) file.fail(where + ".cluster", "is missing");
  read_cluster(file, cluster, config);
  const std::string user = file.text(chosen, where, "user");
  if (!user.empty()) read_user(file, user, config);
  config.ns = file.text(chosen, where, "namespace");
  return config;
}

ClusterConfig in_cluster(const std::string& directory) {
  const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
  const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
  if (host == nullptr || port == nullptr || *host == '\0' || *port == '\0') {
    throw ConfigError(
        "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set, so this is not a pod: "
        "name a kubeconfig");
  }
  ClusterConfig config;
  // cpprestsdk does not resolve IPv6 literals.
  const std::string address = host;
  const bool ipv6 = address.find(':') != std::string::npos;
  config.server =
      "https://" + (ipv6 ? std::string("kubernetes.default.svc") : address) + ":" + port;
  config.ca_file = directory + "/ca.crt";
  config.token_file = directory + "/token";
  const auto read = [](const std::string& path) {
    auto content = read_file(path);
    if (!content || trimmed(*content).empty()) {
      throw ConfigError(path +
                        " is missing or empty: the pod needs a ServiceAccount with "
                        "automountServiceAccountToken: true");
    }
    return std::move(*content);
  };
  config.ca_pem = read(config.ca_file);
  config.token = trimmed(read(config.token_file));
  config.ns = trimmed(read_file(directory + "/namespace").value_or(""));
  return config;
}

}  // namespace k8s
