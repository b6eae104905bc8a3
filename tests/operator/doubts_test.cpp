#include "operator/doubts.h"

#include <gtest/gtest.h>

#include "scripted_transport.h"

namespace op {
namespace {

using k8s::Json;

const k8s::Resource kThings = {"example.org", "v1", "things", "Thing"};

class DoubtsTest : public testing::Test {
 protected:
  void cached(const std::string& uid, const std::string& version) {
    k8s::Record record;
    record.key = key_;
    record.uid = uid;
    record.resource_version = version;
    store_.put(std::move(record));
  }
  static k8s::Response object(const std::string& uid, const std::string& version) {
    return {200, Json{{"metadata", {{"uid", uid}, {"resourceVersion", version}}}}.dump()};
  }
  static k8s::Response refusal(int code) {
    return {code, Json{{"kind", "Status"}, {"code", code}}.dump()};
  }
  std::size_t asked() const { return transport_.requests().size(); }

  const k8s::ObjectKey key_ = {"Thing", "ns", "a"};
  k8s::Response answer_ = object("u1", "7");
  ScriptedTransport transport_{[this](const k8s::Request&) { return answer_; }};
  k8s::Client client_{transport_, [](std::chrono::milliseconds) {}};
  k8s::Store store_;
  int reopened_ = 0;
  Doubts doubts_{client_, store_, kThings, [this] { ++reopened_; }};
};

TEST_F(DoubtsTest, WhatNobodyDoubtsIsNotAskedFor) {
  cached("u1", "5");
  EXPECT_TRUE(doubts_.dispelled(key_));
  EXPECT_EQ(asked(), 0U);
}

TEST_F(DoubtsTest, WhatIsAsCachedIsReadOnceByItsName) {
  cached("u1", "7");
  doubts_.raise({key_});
  EXPECT_TRUE(doubts_.dispelled(key_));
  EXPECT_TRUE(doubts_.dispelled(key_));
  ASSERT_EQ(asked(), 1U);
  EXPECT_EQ(transport_.requests()[0].method, "GET");
  EXPECT_EQ(transport_.requests()[0].path, "/apis/example.org/v1/namespaces/ns/things/a");
  EXPECT_EQ(reopened_, 0);
}

TEST_F(DoubtsTest, AnEditThatTheCacheLacksIsWaitedForAndItsWatchOpenedAnew) {
  cached("u1", "5");
  doubts_.raise({key_});
  EXPECT_FALSE(doubts_.dispelled(key_));
  EXPECT_EQ(reopened_, 1);
  cached("u1", "7");
  EXPECT_TRUE(doubts_.dispelled(key_));
  EXPECT_EQ(reopened_, 1);
}

TEST_F(DoubtsTest, AnotherObjectOfTheNameAndOneThatIsGoneAreNoticed) {
  cached("u0", "7");
  doubts_.raise({key_});
  EXPECT_FALSE(doubts_.dispelled(key_));
  answer_ = refusal(404);
  EXPECT_FALSE(doubts_.dispelled(key_));
  store_.remove(key_, "u0");
  EXPECT_TRUE(doubts_.dispelled(key_));
  EXPECT_EQ(reopened_, 2);
}

TEST_F(DoubtsTest, AnAnswerThatFailsLeavesTheDoubt) {
  cached("u1", "7");
  doubts_.raise({key_});
  answer_ = refusal(500);
  EXPECT_THROW(doubts_.dispelled(key_), k8s::Error);
  answer_ = object("u1", "7");
  const std::size_t before = asked();
  EXPECT_TRUE(doubts_.dispelled(key_));
  EXPECT_EQ(asked(), before + 1);
}

TEST_F(DoubtsTest, WithoutThePermissionTheCacheIsBelieved) {
  cached("u1", "5");
  doubts_.raise({key_});
  answer_ = refusal(403);
  EXPECT_TRUE(doubts_.dispelled(key_));
  EXPECT_TRUE(doubts_.dispelled(key_));
  EXPECT_EQ(asked(), 1U);
}

}  // namespace
}  // namespace op
