#include "k8s-client/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "k8s-client/encoding.h"
#include "k8s-client/server_address.h"
#include "tests/k8s-client/config_folder.h"

namespace k8s {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ConfigTest : public ConfigFolder {
 protected:
  ConfigTest() {
    for (const char* name : {"KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT",
                             "HTTPS_PROXY", "https_proxy"}) {
      set(name, "");
    }
    set("HOME", folder_);
  }
  // A kubeconfig whose server says where it was read.
  std::string at(const std::string& name) {
    return write(name, "current-context: x\nclusters: [{name: c, cluster: {server: 'https://" +
                           std::filesystem::path(name).filename().string() +
                           "'}}]\nusers: [{name: u, user: {}}]\n"
                           "contexts: [{name: x, context: {cluster: c, user: u}}, "
                           "{name: y, context: {cluster: c, user: u, namespace: n}}]\n");
  }
};

TEST_F(ConfigTest, TheFlagComesBeforeTheVariableBeforeThePodBeforeTheHomeFolder) {
  EXPECT_THAT(refusal([] { load_config("", ""); }), HasSubstr(".kube/config does not exist"));
  at(".kube/home");
  std::filesystem::rename(folder_ + "/.kube/home", folder_ + "/.kube/config");
  EXPECT_EQ(load_config("", "").server, "https://home");
  EXPECT_FALSE(load_config("", "").in_pod);
  EXPECT_EQ(load_config("", "y").ns, "n");
  set("KUBERNETES_SERVICE_HOST", "10.0.0.1");
  set("KUBERNETES_SERVICE_PORT", "443");
  EXPECT_THAT(refusal([] { load_config("", ""); }), HasSubstr("serviceaccount/ca.crt is missing"));
  EXPECT_THAT(refusal([] { load_config("", "y"); }), HasSubstr("--context 'y'"));
  set("KUBECONFIG", at("variable"));
  EXPECT_EQ(load_config("", "").server, "https://variable");
  EXPECT_EQ(load_config(at("flag"), "").server, "https://flag");
  EXPECT_THAT(refusal([&] { load_config(folder_ + "/none", ""); }), HasSubstr("can not be read"));
}

TEST_F(ConfigTest, TheVariableIsAListInWhichMissingFilesAndEmptyPartsSayNothing) {
  set("KUBECONFIG", ":" + folder_ + "/none:" + at("first") + "::" + at("second") + ":");
  EXPECT_EQ(load_config("", "").server, "https://first");
  set("KUBECONFIG", folder_ + "/none:" + folder_ + "/neither");
  EXPECT_THAT(refusal([] { load_config("", ""); }),
              HasSubstr(folder_ + "/none, " + folder_ + "/neither, and none of them exists"));
}

TEST_F(ConfigTest, AProxyOfTheEnvironmentIsWarnedOf) {
  const std::string path = at("direct");
  EXPECT_THAT(load_config(path, "").warnings, IsEmpty());
  set("HTTPS_PROXY", "http://user:secret@proxy");
  EXPECT_THAT(load_config(path, "").warnings,
              ElementsAre("HTTPS_PROXY is set and not used: the API server is reached directly"));
}

TEST_F(ConfigTest, APodIsConfiguredByItsEnvironmentAndFiles) {
  write("ca.crt", "CA");
  write("token", "tok\n");
  write("namespace", "entityservice-system");
  set("KUBERNETES_SERVICE_HOST", "10.0.0.1");
  set("KUBERNETES_SERVICE_PORT", "443");
  const auto config = in_cluster(folder_);
  EXPECT_EQ(config.server, "https://10.0.0.1:443");
  EXPECT_EQ(config.token, "tok");
  EXPECT_EQ(config.token_file, folder_ + "/token");
  EXPECT_EQ(config.ca_pem, "CA");
  EXPECT_EQ(config.ns, "entityservice-system");
  EXPECT_TRUE(config.in_pod);
  set("KUBERNETES_SERVICE_HOST", "fd00::1");
  EXPECT_EQ(in_cluster(folder_).server, "https://[fd00::1]:443");
  std::filesystem::remove(folder_ + "/token");
  EXPECT_THAT(refusal([&] { in_cluster(folder_); }), HasSubstr("automountServiceAccountToken"));
  set("KUBERNETES_SERVICE_HOST", "");
  EXPECT_THAT(refusal([&] { in_cluster(folder_); }), HasSubstr("name a kubeconfig"));
}

TEST_F(ConfigTest, OnlyServersThatAreSafeToSpeakToAreAccepted) {
  const auto verdict = [](const ClusterConfig& config) {
    return refusal([&] { check_server(config); });
  };
  EXPECT_EQ(verdict({.server = "https://h:6443/", .ca_pem = "CA"}), "accepted");
  EXPECT_EQ(verdict({.server = "http://127.0.0.1:8001"}), "accepted");
  EXPECT_EQ(verdict({.server = "http://localhost"}), "accepted");
  EXPECT_EQ(verdict({.server = "http://[::1]:8001"}), "accepted");
  EXPECT_EQ(verdict({.server = "https://h:6443", .insecure = true}), "accepted");
  EXPECT_THAT(verdict({.server = "https://h:6443"}), HasSubstr("no certificate authority"));
  EXPECT_THAT(verdict({.server = "http://10.0.0.1"}), HasSubstr("is not encrypted"));
  EXPECT_THAT(verdict({.server = "http://[::2]"}), HasSubstr("is not encrypted"));
  EXPECT_THAT(verdict({.server = "http://127.0.0.1.evil.example"}), HasSubstr("is not encrypted"));
  EXPECT_THAT(verdict({.server = "http://127.0.0.1", .token = "t"}), HasSubstr("never sent"));
  EXPECT_THAT(verdict({.server = "http://127.0.0.1", .token_file = "t"}), HasSubstr("never sent"));
  EXPECT_THAT(verdict({.server = "http://127.0.0.1", .exec = ExecPlugin{}}),
              HasSubstr("never sent"));
  EXPECT_THAT(verdict({.server = "h:6443", .ca_pem = "CA"}), HasSubstr("no scheme"));
  EXPECT_THAT(verdict({.server = "https://h:0x1", .ca_pem = "CA"}), HasSubstr("no valid port"));
  EXPECT_THAT(verdict({.server = "https://[::1]6443", .ca_pem = "CA"}), HasSubstr("valid port"));
  EXPECT_THAT(verdict({.server = "https://[fe80::1%25eth0]:1", .ca_pem = "CA"}),
              HasSubstr("without a zone"));
  EXPECT_THAT(verdict({.server = "https://[::1", .ca_pem = "CA"}), HasSubstr("no valid IPv6"));
  EXPECT_THAT(verdict({.server = "https://[h]", .ca_pem = "CA"}), HasSubstr("no valid IPv6"));
  EXPECT_THAT(verdict({.server = "https://h", .ca_pem = "CA", .tls_server_name = "api:1"}),
              HasSubstr("tls-server-name 'api:1' must be a DNS name alone"));
}

TEST_F(ConfigTest, ARefusedServerIsNamedWithItsPlaceAndWithoutItsPassword) {
  EXPECT_EQ(refusal([] {
              check_server({.server = "https://admin:secret@h/x@y",
                            .ca_pem = "CA",
                            .cluster_place = "kubeconfig f: clusters[c]"});
            }),
            "kubeconfig f: clusters[c].server https://...@h/x@y carries a user name: use a token "
            "or a client certificate");
}

TEST_F(ConfigTest, AnAddressIsTakenApart) {
  const auto plain = check_server({.server = "https://h/k8s/c-1/", .ca_pem = "CA"});
  EXPECT_EQ(plain.url, "https://h/k8s/c-1");
  EXPECT_EQ(plain.host + " " + plain.port + " " + plain.path, "h 443 /k8s/c-1");
  const auto six = check_server({.server = "https://[fd00::1]/x", .ca_pem = "CA"});
  EXPECT_TRUE(six.ipv6);
  EXPECT_EQ(six.host + " " + six.port + " " + six.path, "fd00::1 443 /x");
}

TEST(Encoding, Base64AndPercentAndHash) {
  EXPECT_EQ(base64_decode("QQ=="), "A");
  EXPECT_EQ(base64_decode("QUI="), "AB");
  EXPECT_EQ(base64_decode("QUJD\n"), "ABC");
  EXPECT_EQ(base64_decode("QUJ"), std::nullopt);
  for (const std::string text : {"", "A", "AB", "ABC", "ABCD"}) {
    EXPECT_EQ(base64_decode(base64_encode(text)), text);
  }
  EXPECT_EQ(read_file(testing::TempDir()), std::nullopt) << "a folder is no file";
  EXPECT_EQ(percent_encode("a=b,c in (d)"), "a%3Db%2Cc%20in%20%28d%29");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace k8s
