#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "k8s-client/config.h"
#include "tests/k8s-client/config_folder.h"

namespace k8s {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

constexpr const char* kV1 = "client.authentication.k8s.io/v1";

class KubeconfigTest : public ConfigFolder {
 protected:
  std::string verdict(const std::string& cluster, const std::string& user = "{token: t}",
                      const std::string& context = "{cluster: c, user: u}") {
    const std::string path = kubeconfig(cluster, user, context);
    return refusal([&] { load_kubeconfig(path); });
  }
  ExecPlugin plugin(const std::string& fields, const std::string& cluster = "") {
    const auto config = load_kubeconfig(
        kubeconfig("{server: 'https://h'" + cluster + "}", "{exec: {" + fields + "}}"));
    return config.exec.value();
  }
};

TEST_F(KubeconfigTest, ReadsInlineData) {
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
  EXPECT_THAT(config.warnings, IsEmpty());
}

TEST_F(KubeconfigTest, ReadsFilesRelativeToTheKubeconfig) {
  write("pki/ca", "CA");
  write("pki/crt", "CERT");
  write("pki/key", "KEY");
  const auto config = load_kubeconfig(
      kubeconfig("{server: 'https://h', certificate-authority: pki/ca}",
                 "{client-certificate: pki/crt, client-key: pki/key, tokenFile: pki/token}"));
  EXPECT_EQ(config.ca_pem, "CA");
  EXPECT_EQ(config.ca_file, folder_ + "/pki/ca");
  EXPECT_EQ(config.client_cert_pem + config.client_key_pem, "CERTKEY");
  EXPECT_EQ(config.client_key_file, folder_ + "/pki/key");
  EXPECT_EQ(config.token_file, folder_ + "/pki/token");
}

TEST_F(KubeconfigTest, InlineDataWinsOverAFileThatIsThenNotRead) {
  const auto config = load_kubeconfig(kubeconfig(
      "{server: 'https://h', certificate-authority: absent, certificate-authority-data: Q0E=}"));
  EXPECT_EQ(config.ca_pem, "CA");
  EXPECT_EQ(config.ca_file, "");
}

TEST_F(KubeconfigTest, TheFirstFileThatHasAnEntryGivesAllOfIt) {
  write("a/ca", "CA-A");
  write("b/ca", "CA-B");
  const std::string a = write("a/config",
                              "clusters: [{name: c, cluster: {server: 'https://a', "
                              "certificate-authority: ca}}]\n"
                              "contexts: [{name: other, context: {cluster: c, user: u}}]\n");
  const std::string b = write("b/config",
                              "current-context: x\n"
                              "clusters: [{name: c, cluster: {server: 'https://b', "
                              "tls-server-name: b}}, {name: d, cluster: {server: 'https://d', "
                              "certificate-authority: ca}}]\n"
                              "users: [{name: u, user: {token: b}}]\n"
                              "contexts: [{name: x, context: {cluster: c, user: u}}, "
                              "{name: d, context: {cluster: d, user: u}}]\n");
  const std::string c = write("c/config", "current-context: other\nusers: null\n");
  const auto config = load_kubeconfigs({a, folder_ + "/none", b, c});
  EXPECT_EQ(config.server, "https://a");
  EXPECT_EQ(config.ca_pem, "CA-A");
  EXPECT_EQ(config.tls_server_name, "") << "a field of the second file's entry was taken";
  EXPECT_EQ(config.token, "b");
  EXPECT_EQ(load_kubeconfigs({b, a}).server, "https://b");
  EXPECT_EQ(load_kubeconfigs({a, b}, "d").ca_file, folder_ + "/b/ca");
  EXPECT_THAT(refusal([&] {
                load_kubeconfigs({a, b}, "y");
              }),
              HasSubstr(a + ", " + b + ": contexts[y] does not exist; there are: other, x, d"));
  EXPECT_THAT(refusal([&] {
                load_kubeconfigs({a, c});
              }),
              HasSubstr("users[u] does not exist; there are: none"));
  EXPECT_THAT(refusal([&] {
                load_kubeconfigs({a, write("bad", "x: [")});
              }),
              HasSubstr("bad: is not YAML"));
}

TEST_F(KubeconfigTest, ReadsAnExecPlugin) {
  const ExecPlugin read = plugin(
      "apiVersion: client.authentication.k8s.io/v1beta1, command: ./bin/plugin, "
      "args: [a, '1', 2], env: [{name: A, value: b}, {name: C}], installHint: 'get it', "
      "provideClusterInfo: true",
      ", extensions: [{name: other, extension: {}}, {name: client.authentication.k8s.io/exec, "
      "extension: {aud: x, n: 1, q: '1', b: true, l: [1.5, null]}}]");
  EXPECT_EQ(read.place, "kubeconfig " + folder_ + "/config: users[u].exec");
  EXPECT_EQ(read.command, folder_ + "/bin/plugin");
  EXPECT_THAT(read.args, ElementsAre("a", "1", "2"));
  EXPECT_THAT(read.env, ElementsAre(Pair("A", "b"), Pair("C", "")));
  EXPECT_EQ(read.install_hint, "get it");
  EXPECT_EQ(read.cluster_extension,
            Json::parse(R"({"aud":"x","n":1,"q":"1","b":true,"l":[1.5,null]})"));
  EXPECT_EQ(plugin("apiVersion: client.authentication.k8s.io/v1, command: aws, "
                   "interactiveMode: IfAvailable, args: null, env: null")
                .command,
            "aws");
}

TEST_F(KubeconfigTest, AnExecPluginIsNotRunBesideOtherCredentials) {
  const std::string exec =
      std::string("exec: {apiVersion: ") + kV1 + ", command: aws, interactiveMode: Never}";
  for (const std::string other :
       {"token: t", "tokenFile: t", "client-certificate-data: QQ==, client-key-data: QQ=="}) {
    const auto path = kubeconfig("{server: 'https://h'}", "{" + other + ", " + exec + "}");
    EXPECT_FALSE(load_kubeconfig(path).exec) << other;
  }
  EXPECT_TRUE(load_kubeconfig(kubeconfig("{server: 'https://h'}", "{" + exec + "}")).exec);
}

TEST_F(KubeconfigTest, ReadsAnUnverifiedServerAndWarns) {
  const auto config =
      load_kubeconfig(kubeconfig("{server: 'https://h', insecure-skip-tls-verify: true}"));
  EXPECT_TRUE(config.insecure);
  EXPECT_THAT(config.warnings,
              ElementsAre(HasSubstr(folder_ + "/config: clusters[c].insecure-skip-tls-verify")));
  const auto verified =
      load_kubeconfig(kubeconfig("{server: 'https://h', insecure-skip-tls-verify: false}"));
  EXPECT_FALSE(verified.insecure);
  EXPECT_THAT(verified.warnings, IsEmpty());
}

TEST_F(KubeconfigTest, UnknownFieldsAreToleratedAsByKubectl) {
  EXPECT_EQ(verdict("{server: 'https://h', disable-compression: true, color: red, extensions: "
                    "[{name: minikube.sigs.k8s.io, extension: {last-update: x}}], proxy-url: ''}",
                    "{token: t, as: null, color: red}",
                    "{cluster: c, user: u, color: red, extensions: []}"),
            "accepted");
  EXPECT_EQ(refusal([&] {
              load_kubeconfig(write("full",
                                    "apiVersion: v1\nkind: Config\npreferences: {colors: true}\n"
                                    "color: red\ncurrent-context: x\n"
                                    "clusters: [{name: c, cluster: {server: 'https://h'}, a: 1}]\n"
                                    "users: [{name: u, user: {token: t}}]\n"
                                    "contexts: [{name: x, context: {cluster: c, user: u}}]\n"));
            }),
            "accepted");
}

struct Refused {
  const char* name;
  std::string cluster, user, context, message;
};

class KubeconfigRefuses : public KubeconfigTest, public testing::WithParamInterface<Refused> {};

TEST_P(KubeconfigRefuses, WithFilePlaceValueAndRemedy) {
  const Refused& one = GetParam();
  const std::string said = verdict(one.cluster, one.user, one.context);
  EXPECT_THAT(said, HasSubstr("kubeconfig " + folder_ + "/config: "));
  EXPECT_THAT(said, HasSubstr(one.message));
  EXPECT_THAT(said, Not(HasSubstr("SECRET")));
  EXPECT_NE(said.find(": ", said.find(one.message)), std::string::npos) << "no remedy: " << said;
}

constexpr const char* kCluster = "{server: 'https://h'}";
constexpr const char* kUser = "{token: t}";
constexpr const char* kContext = "{cluster: c, user: u}";

Refused cluster(const char* name, const std::string& fields, const std::string& message) {
  return {name, "{server: 'https://h', " + fields + "}", kUser, kContext, message};
}
Refused user(const char* name, const std::string& fields, const std::string& message) {
  return {name, kCluster, "{" + fields + "}", kContext, message};
}
Refused exec(const char* name, const std::string& fields, const std::string& message) {
  return user(name, "exec: {" + fields + "}", "users[u].exec." + message);
}
std::string v1(const std::string& fields) {
  return std::string("apiVersion: ") + kV1 + ", " + fields;
}

INSTANTIATE_TEST_SUITE_P(
    Cluster, KubeconfigRefuses,
    testing::Values(
        Refused{"no_server", "{server: ''}", kUser, kContext, "clusters[c].server is missing"},
        cluster("proxy", "proxy-url: 'http://u:SECRET@p'",
                "clusters[c].proxy-url is not supported"),
        cluster("insecure_with_ca",
                "insecure-skip-tls-verify: true, certificate-authority-data: QQ==",
                "clusters[c].insecure-skip-tls-verify is true beside a certificate authority"),
        cluster("quoted_flag", "insecure-skip-tls-verify: 'true'",
                "insecure-skip-tls-verify is not a truth value"),
        cluster("no_base64", "certificate-authority-data: '%%'",
                "certificate-authority-data is not base64"),
        cluster("no_file", "certificate-authority: absent", "/absent, which can not be read"),
        cluster("list", "tls-server-name: [a]", "tls-server-name is a list or a map")),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    User, KubeconfigRefuses,
    testing::Values(
        user("auth_provider", "auth-provider: {name: gcp}", "auth-provider is not supported"),
        user("username", "username: joe", "users[u].username is not supported"),
        user("password", "password: SECRET", "users[u].password is not supported"),
        user("as", "token: t, as: joe", "users[u].as is not supported"),
        user("as_uid", "as-uid: '1'", "users[u].as-uid is not supported"),
        user("as_groups", "as-groups: [g]", "users[u].as-groups is not supported"),
        user("as_user_extra", "as-user-extra: {k: [v]}", "users[u].as-user-extra is not"),
        user("key_alone", "client-key-data: S0VZ", "users[u] has only one of"),
        user("certificate_alone", "client-certificate-data: S0VZ", "users[u] has only one of")),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Exec, KubeconfigRefuses,
    testing::Values(
        exec("always", v1("command: a, interactiveMode: Always"),
             "interactiveMode 'Always' is not supported"),
        exec("mode", v1("command: a, interactiveMode: never"),
             "interactiveMode 'never' is unknown"),
        exec("no_mode", v1("command: a"), "interactiveMode is missing"),
        exec("no_command", v1("interactiveMode: Never"), "command is missing"),
        exec("v1alpha1", "apiVersion: client.authentication.k8s.io/v1alpha1, command: a",
             "apiVersion 'client.authentication.k8s.io/v1alpha1' is not supported"),
        exec("no_version", "command: a, interactiveMode: Never", "apiVersion '' is not supported"),
        exec("args", v1("command: a, interactiveMode: Never, args: a"), "args is not a list"),
        exec("arg", v1("command: a, interactiveMode: Never, args: [a, {}]"),
             "args[1] is not a string"),
        exec("env", v1("command: a, interactiveMode: Never, env: {A: SECRET}"),
             "env is not a list"),
        exec("variable", v1("command: a, interactiveMode: Never, env: [{value: SECRET}]"),
             "env[0].name '' is no name of a variable"),
        exec("assignment", v1("command: a, interactiveMode: Never, env: [{name: 'A=B'}]"),
             "env[0].name 'A=B' is no name")),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Context, KubeconfigRefuses,
    testing::Values(
        Refused{"no_cluster", kCluster, kUser, "{user: u}", "contexts[x].cluster is missing"},
        Refused{"no_user", kCluster, kUser, "{cluster: c}", "contexts[x].user is missing"},
        Refused{"absent_cluster", kCluster, kUser, "{cluster: d, user: u}",
                "clusters[d] does not exist; there are"},
        Refused{"absent_user", kCluster, kUser, "{cluster: c, user: v}",
                "users[v] does not exist; there are"},
        Refused{"no_body", "null", kUser, kContext, "clusters[0].cluster is missing"}),
    [](const auto& test) { return test.param.name; });

TEST_F(KubeconfigTest, RefusesAWholeFileThatIsNone) {
  const auto said = [this](const std::string& content) {
    return refusal([&] { load_kubeconfig(write("config", content)); });
  };
  EXPECT_THAT(said("a: ["), HasSubstr("is not YAML"));
  EXPECT_THAT(said("- a"), HasSubstr("it has no fields"));
  EXPECT_THAT(said("apiVersion: v1\nkind: Pod"), HasSubstr("but v1 Pod: it must be v1 Config"));
  EXPECT_THAT(said(""), HasSubstr("current-context is not set"));
  EXPECT_THAT(said("current-context: x\ncontexts: {}"), HasSubstr("contexts is not a list"));
  EXPECT_THAT(said("current-context: x\ncontexts: [{name: x, context: {cluster: c}}, {name: x, "
                   "context: {cluster: d}}]"),
              HasSubstr("contexts[1].name 'x' is there twice"));
  EXPECT_THAT(refusal([this] { load_kubeconfig(folder_); }), HasSubstr("can not be read"));
}

TEST_F(KubeconfigTest, AnExtensionThatContainsItselfIsRefused) {
  EXPECT_THAT(refusal([this] {
                plugin(
                    "apiVersion: client.authentication.k8s.io/v1, command: a, interactiveMode: "
                    "Never, provideClusterInfo: true",
                    ", extensions: [{name: client.authentication.k8s.io/exec, extension: &x "
                    "{again: *x}}]");
              }),
              HasSubstr("clusters[c].extensions[0].extension is too deep"));
}

}  // namespace
}  // namespace k8s
