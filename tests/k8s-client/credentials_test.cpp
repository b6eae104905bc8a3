#include "k8s-client/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "k8s-client/encoding.h"
#include "tests/k8s-client/config_folder.h"
#include "tests/k8s-client/test_ca.h"

namespace k8s {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class CredentialsTest : public ConfigFolder {
 protected:
  std::string token_of(Credentials& credentials) { return credentials.current().value().token; }
  // Certificate and key of `us` in the files "crt" and "key".
  ClusterConfig in_files(const TestCa& ca, const CertifiedKey& us) {
    return {.server = "https://h",
            .ca_pem = ca.pem(),
            .client_cert_pem = us.cert_pem,
            .client_key_pem = us.key_pem,
            .client_cert_file = write("crt", us.cert_pem),
            .client_key_file = write("key", us.key_pem)};
  }

  const std::string token_file_ = folder_ + "/token";
  Clock::time_point now_{};
  const Now clock_ = [this] { return now_; };
  std::vector<std::string> warnings_;
  const Credentials::Warn warn_ = [this](const std::string& text) { warnings_.push_back(text); };
};

TEST_F(CredentialsTest, ATokenFileWinsAndIsReadAgainEveryMinute) {
  write("token", "first\n");
  Credentials credentials({.token = "inline", .token_file = token_file_}, warn_, clock_);
  EXPECT_EQ(token_of(credentials), "first");
  write("token", "second\n");
  now_ += seconds(59);
  EXPECT_EQ(token_of(credentials), "first");
  now_ += seconds(1);
  EXPECT_EQ(token_of(credentials), "second");
}

TEST_F(CredentialsTest, AnInlineTokenStandsInForAFileThatIsNotThereYet) {
  Credentials credentials({.token = "inline", .token_file = token_file_}, warn_, clock_);
  EXPECT_EQ(token_of(credentials), "inline");
  write("token", "file");
  now_ += seconds(60);
  EXPECT_EQ(token_of(credentials), "file");
}

TEST_F(CredentialsTest, ARefusedTokenIsReadAgainAtOnceButNotMoreThanEverySecond) {
  write("token", "first");
  Credentials credentials({.token_file = token_file_}, warn_, clock_);
  const Identity first = credentials.current().value();
  credentials.refuse(first);
  EXPECT_EQ(credentials.current(), first);
  write("token", "second");
  now_ += std::chrono::milliseconds(999);
  credentials.refuse(first);
  EXPECT_EQ(credentials.current(), first);
  now_ += std::chrono::milliseconds(1);
  credentials.refuse(first);
  EXPECT_EQ(token_of(credentials), "second");
  now_ += seconds(1);
  write("token", "third");
  credentials.refuse(first);
  EXPECT_EQ(token_of(credentials), "second") << "an old refusal says nothing of the present one";
  Credentials fixed({.token = "inline"}, warn_, clock_);
  const Identity only = fixed.current().value();
  fixed.refuse(only);
  EXPECT_EQ(fixed.current(), only);
}

TEST_F(CredentialsTest, ATokenThatWouldAddHeadersIsRefused) {
  EXPECT_THAT(
      refusal([] {
        Credentials({.token = "a\r\nX-Remote-User: admin", .user_place = "kubeconfig f: users[u]"});
      }),
      testing::AllOf(HasSubstr("kubeconfig f: users[u].token has spaces"),
                     Not(HasSubstr("admin"))));
  EXPECT_THROW(Credentials({.token = "a b"}), ConfigError);
  EXPECT_THROW(Credentials({.token_file = token_file_}), ConfigError);
  Credentials good({.token = " a \n"});
  EXPECT_EQ(token_of(good), "a");
}

TEST_F(CredentialsTest, AFileThatGoesBadKeepsTheLastGoodTokenAndIsToldOnce) {
  write("token", "first");
  Credentials credentials({.token_file = token_file_}, warn_, clock_);
  for (const std::string bad : {"", "x\ny", "", ""}) {
    write("token", bad);
    now_ += seconds(60);
    EXPECT_EQ(token_of(credentials), "first");
  }
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr(token_file_ + " can not be read or holds")));
}

TEST_F(CredentialsTest, ARotatedPairIsTakenOnlyWhenBothHalvesFit) {
  const TestCa ca("ca");
  const CertifiedKey before = ca.issue("us", "");
  const CertifiedKey after = ca.issue("us", "");
  Credentials credentials(in_files(ca, before), warn_, clock_);
  const auto first = credentials.current();
  write("crt", after.cert_pem);
  now_ += seconds(10);
  EXPECT_EQ(credentials.current(), first);
  write("key", after.key_pem);
  now_ += seconds(9);
  EXPECT_EQ(credentials.current(), first) << "looked at every 10 s";
  now_ += seconds(1);
  EXPECT_EQ(*credentials.current()->tls, (TlsMaterial{ca.pem(), after.cert_pem, after.key_pem}));
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(CredentialsTest, ARefusedCertificateIsReadAgainAtOnceButNotMoreThanEverySecond) {
  const TestCa ca("ca");
  const CertifiedKey before = ca.issue("us", ""), after = ca.issue("us", ""),
                     later = ca.issue("us", "");
  Credentials credentials(in_files(ca, before), warn_, clock_);
  const Identity first = credentials.current().value();
  in_files(ca, after);
  credentials.refuse(first);
  const Identity second = credentials.current().value();
  EXPECT_EQ(second.tls->cert_pem, after.cert_pem);
  in_files(ca, later);
  now_ += std::chrono::milliseconds(999);
  credentials.refuse(second);
  EXPECT_EQ(credentials.current(), second);
  now_ += std::chrono::milliseconds(1);
  credentials.refuse(second);
  EXPECT_EQ(credentials.current()->tls->cert_pem, later.cert_pem);
}

TEST_F(CredentialsTest, AnEncryptedKeyIsRefusedWithoutAskingAnybodyForThePassword) {
  const TestCa ca("ca");
  const CertifiedKey us = ca.issue("us", "");
  const ClusterConfig good = in_files(ca, us);
  EXPECT_EQ(refusal([&] { Credentials{good}; }), "accepted");
  ClusterConfig bad = good;
  bad.client_key_pem = encrypted(us.key_pem);
  bad.user_place = "kubeconfig f: users[u]";
  EXPECT_THAT(refusal([&] { Credentials{bad}; }),
              testing::AllOf(HasSubstr("kubeconfig f: users[u], file " + folder_ + "/crt, file " +
                                       folder_ + "/key: the client key is not accepted"),
                             HasSubstr("it is encrypted"), HasSubstr("openssl pkey -in")));
}

TEST_F(CredentialsTest, AKeyThatBecomesEncryptedIsNotTakenAndToldOnce) {
  const TestCa ca("ca");
  const CertifiedKey us = ca.issue("us", "");
  Credentials credentials(in_files(ca, us), warn_, clock_);
  const auto first = credentials.current();
  write("key", encrypted(us.key_pem));
  for (int look = 0; look < 3; ++look) {
    now_ += seconds(10);
    EXPECT_EQ(credentials.current(), first);
  }
  EXPECT_THAT(warnings_, ElementsAre(testing::AllOf(HasSubstr("file " + folder_ + "/key"),
                                                    HasSubstr("it is encrypted"))));
}

TEST_F(CredentialsTest, FilesThatStayBadKeepTheLastGoodOnesAndAreToldOnce) {
  const TestCa ca("ca");
  const CertifiedKey us = ca.issue("us", "");
  ClusterConfig config = in_files(ca, us);
  config.ca_file = write("ca", ca.pem());
  Credentials credentials(config, warn_, clock_);
  const auto first = credentials.current();
  for (const std::string file : {"ca", "crt"}) {
    const std::string good = read_file(folder_ + "/" + file).value();
    for (const std::string bad : {"", "", ""}) {
      write(file, bad);
      now_ += seconds(10);
      EXPECT_EQ(credentials.current(), first) << file;
    }
    write(file, good);
    now_ += seconds(10);
    EXPECT_EQ(credentials.current(), first);
  }
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("the CA certificate"),
                                     HasSubstr("client certificate file is empty")));
}

TEST_F(CredentialsTest, WhatOpenSslRefusesIsNamedAtTheStart) {
  const TestCa ca("ca");
  const CertifiedKey us = ca.issue("us", "");
  const ClusterConfig good{.server = "https://h",
                           .ca_pem = ca.pem(),
                           .client_cert_pem = us.cert_pem,
                           .client_key_pem = us.key_pem,
                           .cluster_place = "kubeconfig f: clusters[c]",
                           .user_place = "kubeconfig f: users[u]"};
  EXPECT_EQ(refusal([&] { Credentials{good}; }), "accepted");
  ClusterConfig bad = good;
  bad.ca_pem = "CA";
  EXPECT_THAT(refusal([&] { Credentials{bad}; }),
              HasSubstr("kubeconfig f: clusters[c]: the CA certificate is not accepted"));
  bad = good;
  bad.client_key_pem = ca.issue("other", "").key_pem;
  EXPECT_THAT(refusal([&] { Credentials{bad}; }),
              testing::AllOf(HasSubstr("kubeconfig f: users[u]: the client key is not accepted"),
                             HasSubstr("it must be the key of the client certificate")));
}

// A plugin of the test prints `answer` and counts its runs in `runs`.
class PluginTest : public CredentialsTest {
 protected:
  PluginTest() {
    script("plugin", "echo run >> " + folder_ + "/runs\n. " + folder_ + "/before\ncat " + folder_ +
                         "/answer");
    write("before", "");
  }
  ClusterConfig config(const std::string& command = "") {
    ClusterConfig out{.server = "https://h", .ca_pem = ca_.pem()};
    out.exec = ExecPlugin{.place = "kubeconfig f: users[u].exec",
                          .api_version = "client.authentication.k8s.io/v1",
                          .command = command.empty() ? folder_ + "/plugin" : command,
                          .install_hint = "install it from example.org"};
    return out;
  }
  void answer(const std::string& token, std::optional<seconds> lifetime = std::nullopt) {
    Json status = {{"token", token}};
    if (lifetime) {
      const std::time_t at = std::time(nullptr) + lifetime->count();
      char text[32];
      std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&at));
      status["expirationTimestamp"] = text;
    }
    answer_status(status);
  }
  void answer_status(const Json& status) {
    write("answer", Json{{"kind", "ExecCredential"},
                         {"apiVersion", "client.authentication.k8s.io/v1"},
                         {"status", status}}
                        .dump());
  }
  // Runs that begin from now on do not end before `let_go`.
  void hold() { write("before", "while [ ! -e " + folder_ + "/go ]; do sleep 0.02; done"); }
  void let_go() { write("go", ""); }
  std::size_t runs() const {
    return read_file(folder_ + "/runs").value_or("").size() / std::string("run\n").size();
  }
  Identity wait(Credentials& credentials) {
    return await_identity(credentials, Clock::now() + seconds(20));
  }
  // Until the run that goes on beside the present credentials has ended, at most `token`'s arrival.
  void until_token(Credentials& credentials, const std::string& token) {
    const auto end = Clock::now() + seconds(20);
    while (credentials.current().value().token != token) {
      ASSERT_LT(Clock::now(), end) << "never got " << token;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  const TestCa ca_{"ca"};
};

TEST_F(PluginTest, RunsOnceForAllRequests) {
  answer("t");
  hold();
  Credentials credentials(config(), warn_, clock_);
  EXPECT_EQ(credentials.current(), std::nullopt) << "nothing to send with while it runs";
  let_go();
  EXPECT_EQ(wait(credentials).token, "t");
  now_ += std::chrono::hours(100);
  EXPECT_EQ(token_of(credentials), "t");
  EXPECT_EQ(runs(), 1U);
}

TEST_F(PluginTest, RunsAgainBeforeExpiryWhileTheOldTokenServes) {
  answer("first", seconds(60));
  Credentials credentials(config(), warn_, clock_);
  EXPECT_EQ(wait(credentials).token, "first");
  answer("second", seconds(600));
  now_ += seconds(48);
  EXPECT_EQ(token_of(credentials), "first");
  EXPECT_EQ(runs(), 1U);
  hold();
  now_ += seconds(4);
  EXPECT_EQ(token_of(credentials), "first") << "a valid token does not wait for the next one";
  let_go();
  until_token(credentials, "second");
  EXPECT_EQ(runs(), 2U);
}

TEST_F(PluginTest, AnExpiredTokenIsNotUsedWhileThePluginRuns) {
  answer("first", seconds(60));
  Credentials credentials(config(), warn_, clock_);
  wait(credentials);
  now_ += seconds(61);
  answer("second");
  hold();
  EXPECT_EQ(credentials.current(), std::nullopt);
  let_go();
  EXPECT_EQ(wait(credentials).token, "second");
}

TEST_F(PluginTest, ARefusedTokenRunsItAgainButNotMoreThanEveryFiveSeconds) {
  answer("first");
  Credentials credentials(config(), warn_, clock_);
  const Identity first = wait(credentials);
  credentials.refuse(first);
  EXPECT_EQ(credentials.current(), first);
  EXPECT_EQ(runs(), 1U);
  now_ += seconds(5);
  answer("second");
  hold();
  credentials.refuse(first);
  credentials.refuse(first);
  EXPECT_EQ(credentials.current(), std::nullopt) << "a refused token is not used meanwhile";
  let_go();
  EXPECT_EQ(wait(credentials).token, "second");
  credentials.refuse(first);
  EXPECT_EQ(token_of(credentials), "second");
  EXPECT_EQ(runs(), 2U);
}

TEST_F(PluginTest, ATokenWithoutEndOfBadLuckDoesNotRunItForEachRequest) {
  answer("late", seconds(-100));  // expired when it comes
  Credentials credentials(config(), warn_, clock_);
  for (int request = 0; request < 20; ++request) EXPECT_EQ(wait(credentials).token, "late");
  EXPECT_EQ(runs(), 1U);
}

TEST_F(PluginTest, AFailureNamesThePluginAndWhatItSaid) {
  write("before", "echo 'no login' >&2; echo SECRET; exit 3");
  Credentials credentials(config(), warn_, clock_);
  const std::string said = refusal([&] { wait(credentials); });
  EXPECT_EQ(said, "kubeconfig f: users[u].exec: '" + folder_ +
                      "/plugin' exited with status 3; it said: no login");
  for (int request = 0; request < 20; ++request) {
    EXPECT_EQ(refusal([&] { wait(credentials); }), said);
  }
  EXPECT_EQ(runs(), 1U);
  now_ += seconds(5);
  write("before", "");
  answer("t");
  EXPECT_EQ(wait(credentials).token, "t");
  write("answer", "SECRET");
  now_ += seconds(5);
  credentials.refuse(credentials.current().value());
  EXPECT_EQ(wait(credentials).token, "t") << "the API server says what it thinks of the old one";
  EXPECT_THAT(warnings_, ElementsAre(testing::AllOf(HasSubstr("printed no JSON object"),
                                                    Not(HasSubstr("SECRET")))));
}

TEST_F(PluginTest, AFailedRenewalIsToldOnceAndUsesTheOldTokenUntilItExpires) {
  answer("first", seconds(60));
  Credentials credentials(config(), warn_, clock_);
  wait(credentials);
  write("before", "exit 1");
  for (int round = 0; round < 2; ++round) {
    now_ += seconds(round == 0 ? 50 : 5);
    const auto end = Clock::now() + seconds(20);
    while (runs() < 2U + static_cast<unsigned>(round) && Clock::now() < end) {
      EXPECT_EQ(token_of(credentials), "first");
    }
    for (int looks = 0; looks < 100; ++looks) {
      EXPECT_EQ(token_of(credentials), "first");
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("exited with status 1")));
  now_ += seconds(10);
  EXPECT_THAT(refusal([&] { wait(credentials); }), HasSubstr("exited with status 1"));
}

TEST_F(PluginTest, AProgramThatIsNotThereIsNamedWithItsInstallHint) {
  Credentials credentials(config("no-such-plugin-anywhere"), warn_, clock_);
  EXPECT_EQ(refusal([&] { wait(credentials); }),
            "kubeconfig f: users[u].exec: 'no-such-plugin-anywhere' can not be started: No such "
            "file or directory; install it from example.org");
}

TEST_F(PluginTest, AWaitingRequestGivesUpAtItsDeadlineAndAtAStop) {
  write("before", "sleep 60");
  Credentials credentials(config(), warn_, clock_);
  EXPECT_THAT(
      refusal([&] { await_identity(credentials, Clock::now() + std::chrono::milliseconds(50)); }),
      HasSubstr("users[u].exec: the plugin is still running"));
  EXPECT_THAT(refusal([&] {
                await_identity(credentials, Clock::now() + seconds(20), [] { return true; });
              }),
              HasSubstr("is stopping"));
}

TEST_F(PluginTest, ItsCertificateIsCheckedAndBecomesANewIdentity) {
  const CertifiedKey one = ca_.issue("one", "");
  const CertifiedKey two = ca_.issue("two", "");
  const auto show = [this](const std::string& cert, const std::string& key) {
    answer_status({{"clientCertificateData", cert}, {"clientKeyData", key}});
  };
  show(one.cert_pem, one.key_pem);
  Credentials credentials(config(), warn_, clock_);
  const Identity first = wait(credentials);
  EXPECT_EQ(*first.tls, (TlsMaterial{ca_.pem(), one.cert_pem, one.key_pem}));
  show(two.cert_pem, one.key_pem);
  now_ += seconds(5);
  credentials.refuse(first);
  EXPECT_EQ(wait(credentials), first);
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("the client key is not accepted")));
  show(two.cert_pem, two.key_pem);
  now_ += seconds(5);
  credentials.refuse(first);
  EXPECT_EQ(wait(credentials).tls->cert_pem, two.cert_pem);
}

TEST_F(PluginTest, ItSeesItsArgumentsAndVariablesAndTheClusterAndTheEnvironmentAsItWas) {
  script("plugin", "echo \"$1|$2|$MINE|$KUBERNETES_EXEC_INFO\" > " + folder_ + "/seen\ncat " +
                       folder_ + "/answer");
  answer("t");
  ClusterConfig configured = config();
  configured.exec->args = {"a b", "$HOME; `id`"};
  configured.exec->env = {{"MINE", "m"}};
  Credentials credentials(configured, warn_, clock_);
  wait(credentials);
  EXPECT_EQ(read_file(folder_ + "/seen"),
            "a b|$HOME; `id`|m|{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":"
            "\"ExecCredential\",\"spec\":{\"interactive\":false}}\n");
}

}  // namespace
}  // namespace k8s
