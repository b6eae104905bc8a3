#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcilers/desired/metadata.h"
#include "tests/reconcilers/desired/sample.h"

namespace reconcilers::desired {
namespace {

std::string letters(std::size_t length) { return std::string(length, 'r'); }

TEST(Credentials, AreThirtyTwoCharactersEachAndTheLoginRole) {
  const Credentials made = complete_credentials({}, letters);
  Credentials expected = {{"database-user", "anonlink_a"}};
  for (const char* key :
       {"postgres-password", "database-password", "redis-password", "objectstore-root-access-key",
        "objectstore-root-secret-key", "objectstore-app-access-key", "objectstore-app-secret-key",
        "objectstore-upload-access-key", "objectstore-upload-secret-key",
        "objectstore-download-access-key", "objectstore-download-secret-key", "hash-key"}) {
    expected[key] = letters(32);
  }
  EXPECT_EQ(made, expected);
}

TEST(Credentials, ThatExistAreKept) {
  const Credentials kept = {{"redis-password", "old"}, {"database-user", "anonlink_b"}};
  const Credentials made = complete_credentials(kept, letters);
  EXPECT_EQ(made.at("redis-password"), "old");
  EXPECT_EQ(made.at("database-user"), "anonlink_b");
  EXPECT_EQ(made.at("hash-key"), letters(32));
}

TEST(Credentials, SecretHoldsThemAsBase64WithoutOwner) {
  const Object secret =
      credentials_secret(of_profile("Minimal"), {{"a", "x"}, {"b", "xy"}, {"c", "xyz"}});
  EXPECT_EQ(secret.body.at("data"), Json({{"a", "eA=="}, {"b", "eHk="}, {"c", "eHl6"}}));
  EXPECT_EQ(secret.name(), "demo-credentials");
  EXPECT_EQ(secret.body.at("type"), "Opaque");
  EXPECT_FALSE(secret.owned);
  EXPECT_EQ(secret.write, Write::CreateOnce);
}

TEST(SecretHash, FollowsTheValuesOfTheKeysThatAreReadAndTheHashKey) {
  const Credentials base = {{"a", "1"}, {"b", "2"}, {"hash-key", "k"}};
  const std::string hash = secret_hash(base, {"a", "b"});
  EXPECT_THAT(hash, testing::MatchesRegex("[0-9a-f]+"));
  EXPECT_EQ(hash.size(), 16U);
  const auto with = [&](const std::string& key, const std::string& value) {
    Credentials changed = base;
    changed[key] = value;
    return secret_hash(changed, {"a", "b"});
  };
  EXPECT_NE(hash, with("a", "3"));
  EXPECT_NE(hash, with("hash-key", "other"));
  EXPECT_EQ(hash, with("c", "3"));
}

TEST(SecretHash, TellsWhereOneValueEndsAndTheNextBegins) {
  EXPECT_NE(secret_hash({{"a", "1"}, {"b", "2"}}, {"a", "b"}),
            secret_hash({{"a", "12"}, {"b", ""}}, {"a", "b"}));
  EXPECT_NE(secret_hash({{"a", ""}}, {"a"}), secret_hash({}, {"a"}));
}

TEST(Hash8, IsTheBeginningOfSha256) { EXPECT_EQ(hash8("abc"), "ba7816bf"); }

TEST(HashedConfig, IsNamedByItsContentAndImmutable) {
  const Resolved resource = of_profile("Minimal");
  const Object one = hashed_config(resource, kConfig, "demo-x", {{"k", "1"}});
  EXPECT_EQ(one.name(), hashed_config(resource, kConfig, "demo-x", {{"k", "1"}}).name());
  EXPECT_NE(one.name(), hashed_config(resource, kConfig, "demo-x", {{"k", "2"}}).name());
  EXPECT_THAT(one.name(), testing::MatchesRegex("demo-x-[0-9a-f]+"));
  EXPECT_EQ(one.body.at("immutable"), true);
  EXPECT_EQ(one.write, Write::CreateOnce);
}

}  // namespace
}  // namespace reconcilers::desired
