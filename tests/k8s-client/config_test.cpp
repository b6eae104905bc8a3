#include "k8s-client/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include "k8s-client/encoding.h"
#include "k8s-client/errors.h"
#include "k8s-client/server_address.h"

namespace k8s {
namespace {

using testing::HasSubstr;

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() : directory_(testing::TempDir() + "config-" + std::to_string(::getpid())) {
    std::filesystem::create_directories(directory_ + "/pki");
  }
  ~ConfigTest() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& name, const std::string& content) {
    std::ofstream(directory_ + "/" + name) << content;
  }
  // A kubeconfig with these fields of cluster, user and context.
  std::string kubeconfig(const std::string& cluster, const std::string& user = "{token: t}",
                         const std::string& context = "{cluster: c, user: u}") {
    write("config", "current-context: x\nclusters: [{name: c, cluster: " + cluster +
                        "}]\nusers: [{name: u, user: " + user +
                        "}]\ncontexts: [{name: x, context: " + context + "}]\n");
    return directory_ + "/config";
  }
  static std::string refusal(const std::function<void()>& call) {
    try {
      call();
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "accepted";
  }

  const std::string directory_;
};

TEST_F(ConfigTest, ReadsInlineData) {
  const auto config = load_kubeconfig(kubeconfig(
      "{server: 'https://h:6443', certificate-authority-data: Q0E=, tls-server-name: api}",
      "{client-certificate-data: Q0VSVA==, client-key-data: S0VZ}",
      "{cluster: c, user: u, namespace: apps}"));
  EXPECT_EQ(config.server, "https://h:6443");
  EXPECT_EQ(config.ca_pem, "CA");
  EXPECT_EQ(config.ca_file, "");
  EXPECT_EQ(config.client_cert_pem, "CERT");
  EXPECT_EQ(config.client_key_pem, "KEY");
  EXPECT_EQ(config.tls_server_name, "api");
  EXPECT_EQ(config.ns, "apps");
}

TEST_F(ConfigTest, ReadsFilesRelativeToTheKubeconfig) {
  write("pki/ca", "CA");
  write("pki/crt", "CERT");
  write("pki/key", "KEY");
  const auto config = load_kubeconfig(
      kubeconfig("{server: 'https://h', certificate-authority: pki/ca}",
                 "{client-certificate: pki/crt, client-key: pki/key, tokenFile: pki/token}"));
  EXPECT_EQ(config.ca_pem, "CA");
  EXPECT_EQ(config.ca_file, directory_ + "/pki/ca");
  EXPECT_EQ(config.client_cert_pem + config.client_key_pem, "CERTKEY");
  EXPECT_EQ(config.client_key_file, directory_ + "/pki/key");
  EXPECT_EQ(config.token_file, directory_ + "/pki/token");
}

TEST_F(ConfigTest, RefusesByNameWhatItWouldHaveToObey) {
  const std::string cluster = "{server: 'https://h'}";
  for (const std::string field : {"exec", "auth-provider", "username", "password", "as",
                                  "as-groups", "as-uid", "as-user-extra"}) {
    const auto path = kubeconfig(cluster, "{" + field + ": [x]}");
    EXPECT_THAT(refusal([&] { load_kubeconfig(path); }),
                HasSubstr("users[u]." + field + " is not supported"));
  }
  for (const std::string field : {"proxy-url: 'http://p'", "insecure-skip-tls-verify: true"}) {
    const auto path = kubeconfig("{server: 'https://h', " + field + "}");
    EXPECT_THAT(refusal([&] { load_kubeconfig(path); }),
                HasSubstr("clusters[c]." + field.substr(0, field.find(':')) + " is not supported"));
  }
  const auto harmless = kubeconfig("{server: 'https://h', insecure-skip-tls-verify: false}");
  EXPECT_EQ(load_kubeconfig(harmless).token, "t");
}

TEST_F(ConfigTest, SaysWhichFieldIsWrong) {
  auto path = kubeconfig("{server: ''}");
  EXPECT_THAT(refusal([&] { load_kubeconfig(path); }), HasSubstr("clusters[c].server is missing"));
  path = kubeconfig("{server: 'https://h', certificate-authority-data: '%%'}");
  EXPECT_THAT(refusal([&] { load_kubeconfig(path); }),
              HasSubstr("certificate-authority-data is not base64"));
  path = kubeconfig("{server: 'https://h', certificate-authority: absent}");
  EXPECT_THAT(refusal([&] { load_kubeconfig(path); }), HasSubstr(directory_ + "/absent"));
  path = kubeconfig("{server: 'https://h'}", "{client-key-data: S0VZ}");
  EXPECT_THAT(refusal([&] { load_kubeconfig(path); }), HasSubstr("only one of"));
  path = kubeconfig("{server: 'https://h'}");
  EXPECT_THAT(refusal([&] { load_kubeconfig(path, "y"); }),
              HasSubstr("contexts[y] does not exist; there are: x"));
  EXPECT_THAT(refusal([&] { load_kubeconfig(directory_ + "/none"); }),
              HasSubstr("can not be read"));
  write("config", "a: [");
  EXPECT_THAT(refusal([&] { load_kubeconfig(directory_ + "/config"); }), HasSubstr("is not YAML"));
}

TEST_F(ConfigTest, APodIsConfiguredByItsEnvironmentAndFiles) {
  write("ca.crt", "CA");
  write("token", "tok\n");
  write("namespace", "entityservice-system");
  ::setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
  ::setenv("KUBERNETES_SERVICE_PORT", "443", 1);
  const auto config = in_cluster(directory_);
  EXPECT_EQ(config.server, "https://10.0.0.1:443");
  EXPECT_EQ(config.token, "tok");
  EXPECT_EQ(config.token_file, directory_ + "/token");
  EXPECT_EQ(config.ca_pem, "CA");
  EXPECT_EQ(config.ns, "entityservice-system");
  ::setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
  EXPECT_EQ(in_cluster(directory_).server, "https://kubernetes.default.svc:443");
  std::filesystem::remove(directory_ + "/token");
  EXPECT_THAT(refusal([&] { in_cluster(directory_); }), HasSubstr("automountServiceAccountToken"));
  ::unsetenv("KUBERNETES_SERVICE_HOST");
  EXPECT_THAT(refusal([&] { in_cluster(directory_); }), HasSubstr("name a kubeconfig"));
}

TEST_F(ConfigTest, OnlyServersThatAreSafeToSpeakToAreAccepted) {
  const auto verdict = [](const ClusterConfig& config) {
    return refusal([&] { check_server(config); });
  };
  EXPECT_EQ(verdict({.server = "https://h:6443/", .ca_pem = "CA"}), "accepted");
  EXPECT_EQ(verdict({.server = "http://127.0.0.1:8001"}), "accepted");
  EXPECT_EQ(verdict({.server = "http://localhost"}), "accepted");
  EXPECT_THAT(verdict({.server = "https://h:6443"}), HasSubstr("no certificate authority"));
  EXPECT_THAT(verdict({.server = "http://10.0.0.1"}), HasSubstr("is not encrypted"));
  EXPECT_THAT(verdict({.server = "http://127.0.0.1.evil.example"}), HasSubstr("is not encrypted"));
  EXPECT_THAT(verdict({.server = "http://127.0.0.1", .token = "t"}), HasSubstr("never sent"));
  EXPECT_THAT(verdict({.server = "http://127.0.0.1", .token_file = "t"}), HasSubstr("never sent"));
  EXPECT_THAT(verdict({.server = "https://[::1]:6443", .ca_pem = "CA"}), HasSubstr("IPv6"));
  EXPECT_THAT(verdict({.server = "h:6443", .ca_pem = "CA"}), HasSubstr("no scheme"));
  EXPECT_THAT(verdict({.server = "https://h:0x1", .ca_pem = "CA"}), HasSubstr("no valid port"));
  EXPECT_THAT(verdict({.server = "https://u@h", .ca_pem = "CA"}), HasSubstr("user name"));
}

TEST(Encoding, Base64AndPercentAndHash) {
  EXPECT_EQ(base64_decode("QQ=="), "A");
  EXPECT_EQ(base64_decode("QUI="), "AB");
  EXPECT_EQ(base64_decode("QUJD\n"), "ABC");
  EXPECT_EQ(base64_decode("QUJ"), std::nullopt);
  EXPECT_EQ(percent_encode("a=b,c in (d)"), "a%3Db%2Cc%20in%20%28d%29");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace k8s
