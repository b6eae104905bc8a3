// Lists, pages and watches.
#include <chrono>

#include "tests/faults/lab.h"

namespace faults {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::Gt;

class Watch : public Lab {
 protected:
  using Query = std::vector<std::pair<std::string, std::string>>;

  Json config(const std::string& name, const std::string& value, bool labelled = true) const {
    Json it = body("ConfigMap", name, {{"data", {{"value", value}}}});
    if (labelled) it["metadata"]["labels"] = {{"watched", "yes"}};
    return it;
  }
  std::unique_ptr<k8s::Stream> open(const Query& more, const std::string& accept = "") const {
    k8s::Request request{.path = k8s::collection_path(resource("ConfigMap"), ns)};
    request.query = {{"watch", "1"},
                     {"allowWatchBookmarks", "true"},
                     {"timeoutSeconds", "60"},
                     {"labelSelector", "watched"}};
    request.query.insert(request.query.end(), more.begin(), more.end());
    if (!accept.empty()) request.accept = accept;
    return transport().open(request, 60s);
  }
  std::unique_ptr<k8s::Stream> open_with_list() const {
    return open({{"sendInitialEvents", "true"}, {"resourceVersionMatch", "NotOlderThan"}});
  }
  Json next(k8s::Stream& stream) const {
    const auto read = stream.next(10s);
    return read.kind == k8s::Stream::Read::Kind::Line ? Json::parse(read.line) : Json();
  }
  // "ADDED a", without bookmarks
  std::string told(k8s::Stream& stream) const {
    Json event = next(stream);
    while (event.is_object() && event.at("type") == "BOOKMARK") event = next(stream);
    if (!event.is_object()) return "nothing";
    return std::string(event.at("type")) + " " +
           event.at("object").at("metadata").value("name", "");
  }
  Json page(const std::string& token) const {
    k8s::Request request{.path = k8s::collection_path(resource("ConfigMap"), ns)};
    request.query = {{"limit", "2"}, {"labelSelector", "watched"}};
    if (!token.empty()) request.query.emplace_back("continue", token);
    const auto answer = transport().send(request);
    EXPECT_EQ(answer.status, 200);
    return Json::parse(answer.body);
  }
};

std::int64_t number(const Json& object) { return std::stoll(version_of(object)); }

TEST_F(Watch, TellsWhatIsMadeChangedAndDeletedInOrderWithGrowingVersions) {
  const Json made = create(config("before", "1"));
  const auto stream = open({{"resourceVersion", version_of(made)}});
  create(config("a", "1"));
  const Json changed = update(config("a", "2"));
  client().remove(resource("ConfigMap"), ns, "a", {uid_of(changed), ""}, "Background");
  EXPECT_EQ(told(*stream), "ADDED a");
  EXPECT_EQ(told(*stream), "MODIFIED a");
  const Json deleted = next(*stream);
  EXPECT_EQ(deleted.at("type"), "DELETED");
  EXPECT_EQ(deleted.at("object").at("data").at("value"), "2");
  EXPECT_GT(number(deleted.at("object")), number(changed));
}

TEST_F(Watch, WhatLeavesItsSelectorIsDeletedForItAndComesBackAsAdded) {
  const Json made = create(config("a", "1"));
  const auto stream = open({{"resourceVersion", version_of(made)}});
  const Json gone = update(config("a", "1", false));
  update(config("a", "3"));
  const Json deleted = next(*stream);
  EXPECT_EQ(deleted.at("type"), "DELETED");
  EXPECT_EQ(version_of(deleted.at("object")), version_of(gone));
  EXPECT_TRUE(deleted.at("object").at("metadata").contains("labels"));
  EXPECT_EQ(told(*stream), "ADDED a");
}

TEST_F(Watch, AListComesAsItsBeginningAndEndsWithABookmark) {
  create(config("a", "1"));
  create(config("unseen", "1", false));
  const Json last = create(config("b", "1"));
  std::unique_ptr<k8s::Stream> stream;
  try {
    stream = open_with_list();
  } catch (const k8s::ApiError& error) {
    if (std::string(error.what()).find("unless the WatchList feature gate") == std::string::npos)
      throw;
    GTEST_SKIP() << "it does not stream lists, as Kubernetes 1.33 by default";
  }
  EXPECT_EQ(told(*stream), "ADDED a");
  EXPECT_EQ(told(*stream), "ADDED b");
  const Json bookmark = next(*stream);
  EXPECT_EQ(bookmark.at("type"), "BOOKMARK");
  EXPECT_EQ(bookmark.at("object").at("metadata").at("annotations").at("k8s.io/initial-events-end"),
            "true");
  EXPECT_GE(number(bookmark.at("object")), number(last));
  create(config("c", "1"));
  EXPECT_EQ(told(*stream), "ADDED c");
}

TEST_F(Watch, ResumesRightAfterItsVersion) {
  create(config("a", "1"));
  const Json middle = update(config("a", "2"));
  update(config("a", "3"));
  create(config("b", "1"));
  const auto stream = open({{"resourceVersion", version_of(middle)}});
  const Json event = next(*stream);
  EXPECT_EQ(event.at("type"), "MODIFIED");
  EXPECT_EQ(event.at("object").at("data").at("value"), "3");
  EXPECT_EQ(told(*stream), "ADDED b");
}

TEST_F(Watch, AVersionFromLongAgoHasExpired) {
  try {
    const Json event = next(*open({{"resourceVersion", "1"}}));
    EXPECT_EQ(event.at("type"), "ERROR");
    EXPECT_EQ(event.at("object").at("code"), 410);
  } catch (const k8s::ApiError& error) {
    EXPECT_EQ(error.code(), 410);
  }
}

TEST_F(Watch, OfMetadataHasNoContent) {
  const Json made = create(config("a", "1"));
  update(config("a", "2"));
  const auto stream =
      open({{"resourceVersion", version_of(made)}},
           "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json");
  const Json object = next(*stream).at("object");
  EXPECT_EQ(object.at("kind"), "PartialObjectMetadata");
  EXPECT_EQ(uid_of(object), uid_of(made));
  EXPECT_FALSE(object.contains("data"));
}

TEST_F(Watch, PagesOfAListAreOfOneVersion) {
  for (const char* name : {"a", "b", "c", "d", "e"}) create(config(name, "1"));
  std::vector<std::string> names;
  const Json first = page("");
  std::string token = first.at("metadata").at("continue");
  update(config("a", "2"));
  client().remove(resource("ConfigMap"), ns, "e", {uid_of(get("ConfigMap", "e")), ""},
                  "Background");
  for (Json it = first;; it = page(token)) {
    EXPECT_EQ(version_of(it), version_of(first));
    for (const Json& item : it.at("items")) names.push_back(item.at("metadata").at("name"));
    token = it.at("metadata").value("continue", "");
    if (token.empty()) break;
  }
  EXPECT_THAT(names, ElementsAre("a", "b", "c", "d", "e"));
}

}  // namespace
}  // namespace faults
