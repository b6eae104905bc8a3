#include "reconcilers/read_json.h"

#include <gtest/gtest.h>

namespace reconcilers {
namespace {

using k8s::Json;

const Json kPod = Json::parse(R"({
  "status": {"phase": "Running", "ready": true, "restarts": 3, "age": 1.5, "none": null,
    "conditions": [{"type": "Ready"}]}})");

TEST(ReadJson, GivesTheMemberItselfAndNotACopy) {
  EXPECT_EQ(&at(kPod, "status/conditions"), &kPod.at("status").at("conditions"));
  EXPECT_EQ(&at(kPod, ""), &kPod);
}

TEST(ReadJson, WhatIsAbsentOrBehindSomethingElseIsNullAndAnEmptyList) {
  for (const char* path : {"spec", "status/none", "status/no", "status/phase/x",
                           "status/conditions/type", "/status"}) {
    EXPECT_TRUE(at(kPod, path).is_null()) << path;
    for (const Json& item : at(kPod, path)) ADD_FAILURE() << item;
  }
  EXPECT_TRUE(at(nullptr, "a").is_null());
}

TEST(ReadJson, WhatIsOfAnotherTypeCountsAsAbsent) {
  EXPECT_EQ(text_at(kPod, "status/phase", "other"), "Running");
  EXPECT_EQ(text_at(kPod, "status/ready", "other"), "other");
  EXPECT_EQ(number_at(kPod, "status/restarts", 7), 3);
  EXPECT_EQ(number_at(kPod, "status/age", 7), 7);
  EXPECT_TRUE(is_true_at(kPod, "status/ready"));
  EXPECT_FALSE(is_true_at(kPod, "status/restarts"));
}

}  // namespace
}  // namespace reconcilers
