// What makes a pass necessary, and what must not: every change that a person or tool makes to an
// object costs at least the look at the fingerprint, with thousands of objects.
#include <gtest/gtest.h>

#include "reconcilers/kinds.h"
#include "reconcilers/observe.h"

namespace reconcilers {
namespace {

using k8s::Json;

class FingerprintTest : public testing::Test {
 protected:
  FingerprintTest() {
    for (const Json& object : {resource_, secret_, map_, ns_}) put(object);
    before_ = now();
  }

  static Json object(const std::string& kind, const std::string& name, const std::string& uid) {
    return {{"kind", kind},
            {"metadata",
             {{"name", name},
              {"namespace", kind == "Namespace" ? "" : "n"},
              {"uid", uid},
              {"resourceVersion", "10"},
              {"generation", 1},
              {"labels", {{"entityservice.io/resource", "demo"}}}}}};
  }
  void put(Json it) {
    it["metadata"]["resourceVersion"] = std::to_string(++version_);
    store_.put(record_of(it.at("kind"), it));
  }
  std::size_t now() const { return fingerprint(store_, {"EntityService", "n", "demo"}); }

  int version_ = 10;
  k8s::Store store_{grouping()};
  Json resource_ = object("EntityService", "demo", "u1");
  Json secret_ = object("Secret", "demo-credentials", "u2");
  Json map_ = object("ConfigMap", "demo-config", "u3");
  Json ns_ = object("Namespace", "n", "u4");
  std::size_t before_ = 0;
};

TEST_F(FingerprintTest, StaysWhenOnlyWhatNobodyReadsHasChanged) {
  put(resource_);
  resource_["metadata"]["labels"]["example.org/touched"] = "1";
  resource_["metadata"]["annotations"]["example.org/touched"] = "1";
  put(resource_);
  map_["metadata"]["labels"]["example.org/touched"] = "1";
  put(map_);
  ns_["metadata"]["labels"]["example.org/touched"] = "1";
  put(ns_);
  put(object("ConfigMap", "other-config", "u5")
          .patch({{{"op", "replace"},
                   {"path", "/metadata/labels/entityservice.io~1resource"},
                   {"value", "o"}}}));
  EXPECT_EQ(now(), before_);
}

TEST_F(FingerprintTest, ChangesWithTheResource) {
  Json it = resource_;
  it["metadata"]["generation"] = 2;
  put(it);
  EXPECT_NE(now(), before_);
  it = resource_;
  it["metadata"]["annotations"]["entityservice.io/approve-updates"] = "yes";
  put(it);
  EXPECT_NE(now(), before_);
  it = resource_;
  it["status"] = {{"replicas", 2}};
  put(it);
  EXPECT_NE(now(), before_);
  it = resource_;
  it["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  put(it);
  EXPECT_NE(now(), before_);
  put(resource_);
  EXPECT_EQ(now(), before_);
  store_.remove({"EntityService", "n", "demo"}, "u1");
  resource_["metadata"]["uid"] = "u9";
  put(resource_);
  EXPECT_NE(now(), before_);
}

TEST_F(FingerprintTest, ChangesWithItsObjectsAndItsNamespace) {
  put(secret_);
  EXPECT_NE(now(), before_) << "another version of a Secret may have another content";
  before_ = now();
  put(object("Pod", "demo-api-1", "u6"));
  EXPECT_NE(now(), before_);
  store_.remove({"Pod", "n", "demo-api-1"}, "u6");
  EXPECT_EQ(now(), before_);
  ns_["metadata"]["labels"]["environment"] = "staging";
  put(ns_);
  EXPECT_NE(now(), before_);
  before_ = now();
  ns_["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  put(ns_);
  EXPECT_NE(now(), before_);
  before_ = now();
  map_["metadata"]["ownerReferences"] = {{{"uid", "u1"}, {"controller", true}}};
  put(map_);
  EXPECT_NE(now(), before_);
}

}  // namespace
}  // namespace reconcilers
