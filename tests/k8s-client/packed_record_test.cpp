#include "k8s-client/packed_record.h"

#include <gtest/gtest.h>

namespace k8s {
namespace {

Record full() {
  Record record;
  record.key = {"StatefulSet", "apps", "demo-postgres"};
  record.uid = "3f0c";
  record.resource_version = "18446744073709551615";
  record.generation = 300;
  record.deleting = true;
  record.controller_uid = "o-1";
  record.owner_uids = {"o-2", "o-1", "o-3"};
  record.labels = {{"app", "demo"}, {"long", std::string(300, 'x')}};
  record.annotations = {{"note", ""}, {"umlaut", "ü\n\"\\"}};
  record.owned = "hash";
  record.facts = {{"ready", true}, {"count", -7}, {"names", {"a", "b"}}, {"none", nullptr}};
  return record;
}

void expect_equal(const Record& a, const Record& b) {
  EXPECT_EQ(a.key, b.key);
  EXPECT_EQ(a.uid, b.uid);
  EXPECT_EQ(a.resource_version, b.resource_version);
  EXPECT_EQ(a.generation, b.generation);
  EXPECT_EQ(a.deleting, b.deleting);
  EXPECT_EQ(a.controller_uid, b.controller_uid);
  EXPECT_EQ(a.owner_uids, b.owner_uids);
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.annotations, b.annotations);
  EXPECT_EQ(a.owned, b.owned);
  EXPECT_EQ(a.facts, b.facts);
}

TEST(PackedRecord, GivesBackWhatWasPacked) {
  expect_equal(PackedRecord(full()).unpack(), full());
  expect_equal(PackedRecord(Record{}).unpack(), Record{});
}

TEST(PackedRecord, AnOwnerWithoutUidIsNotTakenForTheController) {
  Record record = full();
  record.owner_uids = {"", "o-1"};
  expect_equal(PackedRecord(record).unpack(), record);
  record.controller_uid = "";
  expect_equal(PackedRecord(record).unpack(), record);
}

TEST(PackedRecord, TellsItsIdentityWithoutBeingUnpacked) {
  const PackedRecord packed(full());
  EXPECT_EQ(packed.key(), KeyView("StatefulSet", "apps", "demo-postgres"));
  EXPECT_EQ(packed.uid(), "3f0c");
  EXPECT_EQ(packed.resource_version(), "18446744073709551615");
}

TEST(PackedRecord, KeysHaveTheOrderOfObjectKeys) {
  const ObjectKey keys[] = {{"A", "n", "x"}, {"A", "n", "x2"}, {"A", "n2", "a"}, {"AB", "", ""}};
  for (const ObjectKey& a : keys)
    for (const ObjectKey& b : keys)
      EXPECT_EQ(KeyView(a) < KeyView(b), a < b) << a.text() << b.text();
}

}  // namespace
}  // namespace k8s
