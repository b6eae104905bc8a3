#include "k8s-client/store.h"

#include <gtest/gtest.h>

namespace k8s {
namespace {

Record record(const std::string& name, const std::string& uid, const std::string& version,
              const std::string& ns = "n") {
  Record out;
  out.key = {"Pod", ns, name};
  out.uid = uid;
  out.resource_version = version;
  out.labels = {{"app", name}};
  return out;
}

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    store_.on_change([this](const RecordPtr& before, const RecordPtr& after) {
      changes_.push_back(text(before) + ">" + text(after));
    });
  }
  static std::string text(const RecordPtr& one) {
    return one ? one->uid + "@" + one->resource_version : "-";
  }
  std::string held(const std::string& name) { return text(store_.find({"Pod", "n", name})); }

  Store store_;
  std::vector<std::string> changes_;
};

TEST_F(StoreTest, TellsEachChangeWithBeforeAndAfter) {
  store_.put(record("a", "u", "1"));
  store_.put(record("a", "u", "2"));
  store_.remove({"Pod", "n", "a"}, "u", "3");
  EXPECT_EQ(changes_, (std::vector<std::string>{"->u@1", "u@1>u@2", "u@2>-"}));
  EXPECT_EQ(store_.size(), 0U);
}

TEST_F(StoreTest, ALaggingWatchDoesNotUndoWhatAnAnswerSaid) {
  store_.put(record("a", "u", "10"));
  store_.put(record("a", "u", "9"));
  store_.put(record("a", "u", "10"));
  EXPECT_EQ(held("a"), "u@10");
  EXPECT_EQ(changes_.size(), 1U);
}

TEST_F(StoreTest, AnOldDeleteDoesNotRemoveTheSuccessor) {
  store_.put(record("a", "u1", "5"));
  store_.put(record("a", "u2", "8"));
  store_.remove({"Pod", "n", "a"}, "u1", "7");
  EXPECT_EQ(held("a"), "u2@8");
}

TEST_F(StoreTest, AnOldEventOfAPredecessorDoesNotReplaceTheSuccessor) {
  store_.put(record("a", "u2", "8"));
  store_.put(record("a", "u1", "5"));
  EXPECT_EQ(held("a"), "u2@8");
}

TEST_F(StoreTest, ALateAnswerDoesNotResurrectWhatWasDeleted) {
  store_.put(record("a", "u", "5"));
  store_.remove({"Pod", "n", "a"}, "u", "9");
  store_.put(record("a", "u", "7"));
  EXPECT_EQ(held("a"), "-");
}

TEST_F(StoreTest, WhatWasDeletedBeforeItWasEverKnownIsNotResurrectedEither) {
  store_.remove({"Pod", "n", "a"}, "u", "9");
  store_.put(record("a", "u", "7"));
  EXPECT_EQ(held("a"), "-");
  EXPECT_TRUE(changes_.empty());
}

TEST_F(StoreTest, AnObjectThatLeftTheSelectorComesBackUnderItsUid) {
  store_.put(record("a", "u", "5"));
  store_.remove({"Pod", "n", "a"}, "u", "9");
  store_.put(record("a", "u", "12"));
  EXPECT_EQ(held("a"), "u@12");
}

TEST_F(StoreTest, AListTakesAwayWhatIsNotInIt) {
  store_.put(record("a", "u1", "1"));
  store_.put(record("b", "u2", "2"));
  store_.put(record("c", "u3", "3", "other"));
  store_.retain("Pod", "n", {{"Pod", "n", "a"}}, "4");
  EXPECT_EQ(held("a"), "u1@1");
  EXPECT_EQ(held("b"), "-");
  EXPECT_NE(store_.find({"Pod", "other", "c"}), nullptr);
  store_.retain("Pod", "", {}, "5");
  EXPECT_EQ(store_.size(), 0U);
}

TEST_F(StoreTest, AListDoesNotTakeAwayWhatWasWrittenAfterIt) {
  store_.put(record("a", "u1", "12"));
  store_.retain("Pod", "n", {}, "10");
  EXPECT_EQ(held("a"), "u1@12");
}

TEST_F(StoreTest, AnswerOfAWriteBeforeTheListDoesNotResurrectAfterIt) {
  store_.put(record("a", "u1", "5"));
  store_.retain("Pod", "n", {}, "10");
  store_.put(record("a", "u1", "8"));
  EXPECT_EQ(held("a"), "-");
}

TEST_F(StoreTest, AfterABackupWasRestoredOlderVersionsCount) {
  store_.put(record("a", "u1", "500"));
  store_.remove({"Pod", "n", "b"}, "u2", "510");
  store_.forget("Pod", "");
  store_.put(record("a", "u1", "50"));
  store_.put(record("b", "u2", "51"));
  EXPECT_EQ(held("a"), "u1@50");
  EXPECT_EQ(held("b"), "u2@51");
}

TEST_F(StoreTest, NamesAllOfAKind) {
  store_.put(record("a", "u1", "1"));
  store_.put(record("a", "u3", "3", "other"));
  EXPECT_EQ(store_.keys("Pod"), (std::vector<ObjectKey>{{"Pod", "n", "a"}, {"Pod", "other", "a"}}));
  EXPECT_TRUE(store_.keys("Node").empty());
}

class GroupsTest : public testing::Test {
 protected:
  void put(const std::string& name, const std::string& team, const std::string& ns = "n") {
    Record it = record(name, "u-" + name, std::to_string(++version_), ns);
    it.labels = {{"team", team}};
    store_.put(std::move(it));
  }
  std::string group(const std::string& team, const std::string& ns = "n") const {
    std::string names;
    for (const RecordPtr& one : store_.group(ns, team)) names += one->key.name;
    return names;
  }

  int version_ = 0;
  Store store_{{"team", [](const Record& it) { return std::hash<std::string>{}(it.uid); }}};
};

TEST_F(GroupsTest, AreOfOneNamespaceAndOneValueByKey) {
  put("c", "red");
  put("a", "red");
  put("b", "blue");
  put("d", "red", "other");
  store_.put(record("e", "u", "99"));
  EXPECT_EQ(group("red"), "ac");
  EXPECT_EQ(group("blue"), "b");
  EXPECT_EQ(group("red", "other"), "d");
  EXPECT_EQ(group("green"), "");
}

TEST_F(GroupsTest, FollowWhatBecomesOfTheirRecords) {
  put("a", "red");
  put("b", "red");
  put("a", "red");
  EXPECT_EQ(group("red"), "ab");
  put("a", "blue");
  EXPECT_EQ(group("red"), "b");
  EXPECT_EQ(group("blue"), "a");
  store_.remove({"Pod", "n", "a"}, "u-a");
  EXPECT_EQ(group("blue"), "");
  store_.retain("Pod", "n", {}, "99");
  EXPECT_EQ(group("red"), "");
  put("c", "red", "other");
  store_.forget("Pod", "");
  EXPECT_EQ(group("red", "other"), "");
}

TEST_F(GroupsTest, HaveTheDigestOfTheirRecordsAsTheyAre) {
  EXPECT_EQ(store_.digest({"Pod", "n", "a"}), 0U);
  put("a", "red");
  EXPECT_EQ(store_.digest({"Pod", "n", "a"}), std::hash<std::string>{}("u-a"));
  const std::size_t one = store_.group_digest("n", "red");
  put("a", "red");
  EXPECT_EQ(store_.group_digest("n", "red"), one);
  put("b", "red");
  EXPECT_NE(store_.group_digest("n", "red"), one);
  store_.remove({"Pod", "n", "b"}, "u-b");
  EXPECT_EQ(store_.group_digest("n", "red"), one);
}

}  // namespace
}  // namespace k8s
