// Lists that come as the beginning of a watch.
#include "k8s-client/errors.h"
#include "tests/k8s-client/watcher_fixture.h"

namespace k8s {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Stage = TransportError::Stage;
using testing::HasSubstr;

class StreamedList : public testing::Test, protected WatcherFixture {
 protected:
  StreamedList() : WatcherFixture(true) {}
};

TEST_F(StreamedList, IsAskedForWithoutAVersionAndGoesOnAsAWatch) {
  spec_.ns = "n";
  spec_.selector = {.labels = "app=x", .fields = "metadata.name=a"};
  store_.put(make_record(config_maps(), object("gone", "u0", "1"), "", {}));
  transport_.then_stream({event("ADDED", object("a", "u1", "3")), nothing(), end_of_list("10"),
                          event("ADDED", object("b", "u2", "11"))});
  steps(2);
  EXPECT_EQ(held(), "a/u1@3 gone/u0@1 ");
  EXPECT_FALSE(watcher_->health().synced);
  steps(1);
  EXPECT_EQ(held(), "a/u1@3 b/u2@11 ");
  EXPECT_TRUE(watcher_->health().synced);
  EXPECT_EQ(watcher_->health().last_list, now_);
  EXPECT_EQ(watcher_->health().lists, 1);
  EXPECT_EQ(watcher_->health().watches, 1);
  EXPECT_TRUE(transport_.sent.empty());
  const Request& request = transport_.opened.at(0);
  EXPECT_EQ(request.path, "/api/v1/namespaces/n/configmaps");
  EXPECT_EQ(request.query, (std::vector<std::pair<std::string, std::string>>{
                               {"watch", "1"},
                               {"allowWatchBookmarks", "true"},
                               {"timeoutSeconds", query_of(request, "timeoutSeconds")},
                               {"sendInitialEvents", "true"},
                               {"resourceVersionMatch", "NotOlderThan"},
                               {"labelSelector", "app=x"},
                               {"fieldSelector", "metadata.name=a"}}));
}

TEST_F(StreamedList, OnceCompleteAWatchIsResumedWithoutListingAgain) {
  transport_.then_stream({end_of_list("10"), breaks(Stage::Body)}).then_stream({});
  steps(1);
  EXPECT_THAT(step(), first_wait());
  steps(1);
  EXPECT_EQ(resumed_from(1), "10");
  EXPECT_EQ(query_of(transport_.opened.at(1), "sendInitialEvents"), "");
  EXPECT_EQ(watcher_->health().lists, 1);
}

TEST_F(StreamedList, IsNotBrokenOffWhenItsWatchIsDistrusted) {
  transport_.then_stream(
      {event("ADDED", object("a", "u1", "3")), nothing(), end_of_list("10"), nothing()});
  steps(2);
  watcher_->distrust();
  steps(1);
  EXPECT_TRUE(watcher_->health().synced);
  EXPECT_EQ(watcher_->health().watches, 1);
}

TEST_F(StreamedList, WhereItIsNotServedPagesAreListedFromThenOn) {
  refuses_to_open(422);
  listed("10").then_stream({error_event(410, "Expired")});
  listed("30").then_stream({});
  steps(6);
  EXPECT_EQ(resumed_from(2), "30");
  EXPECT_EQ(watcher_->health().lists, 2);
  EXPECT_EQ(query_of(transport_.opened.at(0), "sendInitialEvents"), "true");
  for (std::size_t watch : {1U, 2U}) {
    EXPECT_EQ(query_of(transport_.opened.at(watch), "sendInitialEvents"), "");
  }
  EXPECT_EQ(watcher_->health().failures, 1);  // the 410; that it is not served is none
}

TEST_F(StreamedList, AServerThatNeverEndsItIsListedPageByPage) {
  transport_.then_stream({event("ADDED", object("a", "u1", "3"))});
  listed("10", {object("a", "u1", "3")}).then_stream({});
  steps(2);
  EXPECT_EQ(step(seconds(30)), milliseconds(0));
  EXPECT_THAT(step(seconds(1)), first_wait());
  EXPECT_THAT(watcher_->health().last_error, HasSubstr("began to stream a list"));
  steps(2);
  EXPECT_TRUE(watcher_->health().synced);
  EXPECT_EQ(resumed_from(1), "10");
}

TEST_F(StreamedList, TheTimeThatOpeningTookIsNotTheSilenceOfTheStream) {
  transport_.then_stream({nothing(), event("ADDED", object("a", "u1", "3")), end_of_list("10")});
  steps(1);
  EXPECT_EQ(step(seconds(31)), milliseconds(0));
  steps(1);
  EXPECT_TRUE(watcher_->health().synced);
  EXPECT_EQ(watcher_->health().failures, 0);
}

TEST_F(StreamedList, OneThatBreaksOffDeletesNothingAndIsBegunAnew) {
  int round = 0;
  for (const Next& broken : {breaks(Stage::Body), end(), error_event(500, "InternalError")}) {
    watcher_.reset();
    transport_.opened.clear();
    const std::string uid = "u" + std::to_string(++round);
    store_.put(make_record(config_maps(), object("old", "old-" + uid, "1"), "", {}));
    transport_.then_stream({event("ADDED", object("a", uid, "3")), broken});
    transport_.then_stream({end_of_list("10")});
    steps(1);
    EXPECT_THAT(step(), first_wait());
    EXPECT_FALSE(watcher_->health().synced);
    EXPECT_EQ(held(), "a/" + uid + "@3 old/old-" + uid + "@1 ");
    steps(2);
    EXPECT_EQ(query_of(transport_.opened.at(1), "sendInitialEvents"), "true");
    EXPECT_EQ(held(), "");  // `a` went between the two
  }
}

TEST_F(StreamedList, OneThatBreaksOffAgainAndAgainBacksOffMoreAndMore) {
  for (int i = 0; i < 4; ++i) {
    transport_.then_stream({event("ADDED", object("a", "u1", "3")), end()});
  }
  milliseconds last(0);
  for (int i = 0; i < 4; ++i) {
    steps(1);
    const milliseconds wait = step();
    EXPECT_GT(wait, last);
    last = wait;
  }
  EXPECT_GE(last, milliseconds(6400));
  EXPECT_EQ(watcher_->health().failures_in_a_row, 4);
}

TEST_F(StreamedList, AnOrdinaryBookmarkDoesNotEndIt) {
  transport_.then_stream({bookmark("5"), event("DELETED", object("b", "u2", "6")), nothing()});
  steps(2);
  EXPECT_FALSE(watcher_->health().synced);
}

TEST_F(StreamedList, AServerThatWentBackInTimeIsBelieved) {
  transport_.then_stream(
      {event("ADDED", object("a", "u1", "90")), end_of_list("100"), error_event(410, "Expired")});
  for (int i = 0; i < 2; ++i) {
    transport_.then_stream({event("ADDED", object("a", "u1", "15")), end_of_list("20")});
  }
  steps(6);
  EXPECT_EQ(held(), "a/u1@15 ");
  EXPECT_EQ(watcher_->health().lists, 2);
}

TEST_F(StreamedList, MetadataOnlyAsksForIt) {
  spec_.metadata_only = true;
  transport_.then_stream({});
  steps(1);
  EXPECT_THAT(transport_.opened.at(0).accept, HasSubstr("as=PartialObjectMetadata;"));
}

}  // namespace
}  // namespace k8s
