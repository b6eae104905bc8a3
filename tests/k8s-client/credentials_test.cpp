#include "k8s-client/credentials.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "k8s-client/errors.h"
#include "tests/k8s-client/test_ca.h"

namespace k8s {
namespace {

using std::chrono::seconds;

class CredentialsTest : public testing::Test {
 protected:
  CredentialsTest() : path_(testing::TempDir() + "credentials-" + std::to_string(::getpid())) {}
  ~CredentialsTest() override {
    for (const char* suffix : {"", ".crt", ".key"}) std::filesystem::remove(path_ + suffix);
  }
  // Each writing has a later modification time, however fast the test is.
  void write(const std::string& content, const std::string& suffix = "") {
    std::ofstream(path_ + suffix) << content;
    std::filesystem::last_write_time(
        path_ + suffix, std::filesystem::file_time_type::clock::now() + seconds(++writings_));
  }

  const std::string path_;
  int writings_ = 0;
  Clock::time_point now_{};
  const Now clock_ = [this] { return now_; };
};

TEST_F(CredentialsTest, ATokenFileWinsAndIsReadAgainEveryMinute) {
  write("first\n");
  Credentials credentials({.token = "inline", .token_file = path_}, clock_);
  EXPECT_EQ(credentials.token(), "first");
  write("second\n");
  now_ += seconds(59);
  EXPECT_EQ(credentials.token(), "first");
  now_ += seconds(1);
  EXPECT_EQ(credentials.token(), "second");
}

TEST_F(CredentialsTest, ARefusedTokenIsReadAgainAtOnce) {
  write("first");
  Credentials credentials({.token_file = path_}, clock_);
  EXPECT_FALSE(credentials.refresh_token("first"));
  write("second");
  EXPECT_TRUE(credentials.refresh_token("first"));
  EXPECT_EQ(credentials.token(), "second");
  EXPECT_FALSE(Credentials({.token = "inline"}, clock_).refresh_token("inline"));
}

TEST_F(CredentialsTest, ATokenThatWouldAddHeadersIsRefused) {
  EXPECT_THROW(Credentials({.token = "a\r\nX-Remote-User: admin"}), ConfigError);
  EXPECT_THROW(Credentials({.token = "a b"}), ConfigError);
  EXPECT_THROW(Credentials({.token_file = path_ + "-absent"}), ConfigError);
  EXPECT_EQ(Credentials({.token = " a \n"}).token(), "a");
}

TEST_F(CredentialsTest, AFileThatGoesBadKeepsTheLastGoodToken) {
  write("first");
  Credentials credentials({.token_file = path_}, clock_);
  for (const std::string bad : {"", "x\ny"}) {
    write(bad);
    now_ += seconds(60);
    EXPECT_EQ(credentials.token(), "first");
  }
}

TEST_F(CredentialsTest, ARotatedPairIsTakenOnlyWhenBothHalvesFit) {
  const TestCa ca("ca");
  const CertifiedKey before = ca.issue("us", "");
  const CertifiedKey after = ca.issue("us", "");
  write(before.cert_pem, ".crt");
  write(before.key_pem, ".key");
  Credentials credentials({.ca_pem = ca.pem(),
                           .client_cert_pem = before.cert_pem,
                           .client_key_pem = before.key_pem,
                           .client_cert_file = path_ + ".crt",
                           .client_key_file = path_ + ".key"},
                          clock_);
  const auto first = credentials.tls();
  write(after.cert_pem, ".crt");
  now_ += seconds(10);
  EXPECT_EQ(credentials.tls(), first);
  write(after.key_pem, ".key");
  now_ += seconds(10);
  EXPECT_EQ(*credentials.tls(), (TlsMaterial{ca.pem(), after.cert_pem, after.key_pem}));
}

}  // namespace
}  // namespace k8s
