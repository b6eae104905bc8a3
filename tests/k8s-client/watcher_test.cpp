// Lists page by page, as of an API server that does not stream them, and what follows.
#include "k8s-client/watcher.h"

#include "k8s-client/errors.h"
#include "tests/k8s-client/watcher_fixture.h"

namespace k8s {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Stage = TransportError::Stage;
using testing::AllOf;
using testing::Ge;
using testing::HasSubstr;
using testing::Le;

std::unique_ptr<Stream> nobody(const Request&) { throw TransportError(Stage::Connect, "nobody"); }

class WatcherTest : public testing::Test, protected WatcherFixture {
 protected:
  WatcherTest() : WatcherFixture(false) {}
};

TEST_F(WatcherTest, ListsThenWatchesFromTheListsVersion) {
  spec_.ns = "n";
  spec_.selector.labels = "app=x";
  listed("10", {object("a", "u1", "3")}).then_stream({nothing()});
  steps(2);
  EXPECT_EQ(held(), "a/u1@3 ");
  EXPECT_TRUE(watcher_->health().synced);
  EXPECT_EQ(watcher_->health().last_list, now_);
  const Request& watch = transport_.opened.at(0);
  EXPECT_EQ(watch.path, "/api/v1/namespaces/n/configmaps");
  EXPECT_EQ(watch.accept, "application/json");
  const std::string timeout = query_of(watch, "timeoutSeconds");
  EXPECT_EQ(watch.query,
            (std::vector<std::pair<std::string, std::string>>{{"watch", "1"},
                                                              {"allowWatchBookmarks", "true"},
                                                              {"timeoutSeconds", timeout},
                                                              {"resourceVersion", "10"},
                                                              {"labelSelector", "app=x"}}));
  EXPECT_THAT(std::stoi(timeout), AllOf(Ge(261), Le(319)));
  EXPECT_EQ(transport_.idles.at(0), seconds(std::stoi(timeout) + 30));
  for (const auto& [name, value] : transport_.sent.at(0).query) EXPECT_NE(name, "resourceVersion");
}

TEST_F(WatcherTest, EventsChangeTheStoreAndMoveTheVersion) {
  listed("10", {object("a", "u1", "3"), object("b", "u2", "4")})
      .then_stream({event("ADDED", object("c", "u3", "11")),
                    event("MODIFIED", object("a", "u1", "12")),
                    event("DELETED", object("b", "u2", "13")), bookmark("20"), nothing(), end()})
      .then_stream({});
  steps(3);
  EXPECT_EQ(held(), "a/u1@12 c/u3@11 ");
  EXPECT_EQ(watcher_->health().events, 4);
  EXPECT_EQ(watcher_->health().last_event, now_);
  steps(2);
  EXPECT_EQ(resumed_from(1), "20");
}

TEST_F(WatcherTest, NothingIsSyncedAndNothingDeletedBeforeTheWholeListCame) {
  store_.put(make_record(config_maps(), object("old", "u0", "1"), "", {}));
  transport_.then(ScriptedTransport::status(200, list_of("10", {object("a", "u1", "3")}, "more")))
      .then(ScriptedTransport::status(500));
  EXPECT_THAT(step(), first_wait());
  EXPECT_EQ(held(), "a/u1@3 old/u0@1 ");
  EXPECT_FALSE(watcher_->health().synced);
  listed("11", {object("a", "u1", "3")});
  steps(1);
  EXPECT_EQ(held(), "a/u1@3 ");
  EXPECT_TRUE(watcher_->health().synced);
}

TEST_F(WatcherTest, AnExpiredVersionAsEventListsAgainAtOnce) {
  listed("10", {object("a", "u1", "3")}).then_stream({error_event(410, "Expired")});
  listed("30", {object("b", "u2", "25")}).then_stream({});
  steps(5);
  EXPECT_EQ(held(), "b/u2@25 ");
  EXPECT_EQ(resumed_from(1), "30");
  EXPECT_EQ(watcher_->health().lists, 2);
}

TEST_F(WatcherTest, AnExpiredVersionAsHttpAnswerListsAgainAtOnce) {
  listed("10");
  refuses_to_open(410);
  listed("30").then_stream({});
  steps(4);
  EXPECT_EQ(resumed_from(1), "30");
}

// An API server that restarts: it breaks off, is away, and has forgotten the past.
TEST_F(WatcherTest, AVersionThatExpiredWhileNobodyWasThereIsListedAtOnce) {
  listed("10").then_stream({bookmark("11"), breaks(Stage::Body)});
  for (int i = 0; i < 4; ++i) transport_.then_open(nobody);
  transport_.then_stream({error_event(410, "Expired")});
  listed("30").then_stream({});
  steps(2);
  for (int i = 0; i < 5; ++i) EXPECT_GE(step(), milliseconds(800)) << i;
  EXPECT_EQ(step(), milliseconds(0)) << "somebody is there";
  EXPECT_EQ(step(), milliseconds(0)) << "the version is too old";
  EXPECT_EQ(step(), milliseconds(0));
  EXPECT_EQ(watcher_->health().lists, 2);
}

TEST_F(WatcherTest, HowLongNobodyWasThereDoesNotCountAgainstAServerThatAnswers) {
  listed("10").then_stream({breaks(Stage::Body)});
  for (int i = 0; i < 4; ++i) transport_.then_open(nobody);
  refuses_to_open(429);
  for (int i = 0; i < 4; ++i) transport_.then_open(nobody);
  transport_.then_stream({error_event(500, "InternalError")});
  steps(2);
  for (int i = 0; i < 5; ++i) EXPECT_GE(step(), milliseconds(800)) << i;
  EXPECT_THAT(step(), first_wait()) << "it is overloaded";
  for (int i = 0; i < 4; ++i) EXPECT_GE(step(), milliseconds(1600)) << i;
  EXPECT_EQ(step(), milliseconds(0)) << "it is there again";
  EXPECT_THAT(step(), first_wait());
}

TEST_F(WatcherTest, VersionsThatExpireAgainAndAgainBackOff) {
  listed("10").then_stream({error_event(410, "Expired")});
  listed("11").then_stream({error_event(410, "Expired")});
  steps(5);
  EXPECT_GE(step(), milliseconds(800));
}

TEST_F(WatcherTest, OtherErrorEventsBackOffAndResume) {
  listed("10").then_stream(
      {event("ADDED", object("a", "u1", "11")), error_event(500, "InternalError")});
  transport_.then_stream({});
  steps(2);
  EXPECT_THAT(step(), first_wait());
  EXPECT_THAT(watcher_->health().last_error, HasSubstr("watch configmaps: m"));
  steps(1);
  EXPECT_EQ(resumed_from(1), "11");
  EXPECT_EQ(watcher_->health().lists, 1);
}

TEST_F(WatcherTest, AMalformedLineResumesFromTheLastGoodOne) {
  const std::vector<Next> bad = {raw("{\"type\":\"ADDED\",\"obj"), raw("null"),
                                 raw("{\"type\":\"ADDED\",\"object\":{}}"),
                                 event("SURPRISE", object("x", "u", "99")),
                                 event("ADDED", {{"metadata", {{"resourceVersion", "99"}}}})};
  for (const Next& line : bad) {
    transport_.opened.clear();
    watcher_.reset();
    listed("10").then_stream({event("ADDED", object("a", "u1", "11")), line});
    transport_.then_stream({});
    steps(2);
    EXPECT_THAT(step(), first_wait());
    steps(1);
    EXPECT_EQ(resumed_from(1), "11");
    EXPECT_EQ(watcher_->health().failures, 1);
  }
}

TEST_F(WatcherTest, ABrokenBodyResumes) {
  for (const Stage stage : {Stage::Body, Stage::Deadline}) {
    transport_.opened.clear();
    watcher_.reset();
    listed("10").then_stream({breaks(stage)}).then_stream({});
    steps(2);
    EXPECT_THAT(step(), first_wait());
    steps(1);
    EXPECT_EQ(resumed_from(1), "10");
  }
}

TEST_F(WatcherTest, AWatchThatEndsIsRenewedAtOnce) {
  listed("10").then_stream({nothing(), end()}).then_stream({});
  steps(3);
  EXPECT_EQ(step(seconds(290)), milliseconds(0));
  steps(1);
  EXPECT_EQ(watcher_->health().watches, 2);
  EXPECT_EQ(watcher_->health().failures, 0);
}

TEST_F(WatcherTest, WatchesThatEndAtOnceWithoutAnEventBackOffMoreAndMore) {
  listed("10");
  for (int i = 0; i < 4; ++i) transport_.then_stream({end()});
  steps(1);
  milliseconds last(0);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(step(), milliseconds(0));
    const milliseconds wait = step();
    EXPECT_GT(wait, last);
    last = wait;
  }
  EXPECT_GE(last, milliseconds(6400));
}

TEST_F(WatcherTest, AWatchThatEndsAtOnceBacksOffHoweverLongItTookToOpen) {
  listed("10").then_stream({end()});
  steps(2);
  EXPECT_THAT(step(seconds(20)), first_wait());
}

TEST_F(WatcherTest, FailuresWithoutAGoodLineBetweenThemEndInAList) {
  listed("10");
  for (int i = 0; i < 5; ++i) transport_.then_stream({breaks(Stage::Body)});
  listed("40").then_stream({});
  steps(1);
  for (int i = 0; i < 10; ++i) step();
  steps(2);
  EXPECT_EQ(resumed_from(5), "40");
}

TEST_F(WatcherTest, BackOffGrowsToHalfAMinuteAndAGoodLineResetsIt) {
  for (int i = 0; i < 12; ++i) transport_.then(ScriptedTransport::status(500));
  milliseconds wait(0);
  for (int i = 0; i < 12; ++i) {
    wait = step();
    EXPECT_THAT(wait, AllOf(Ge(milliseconds(800)), Le(milliseconds(30000))));
  }
  EXPECT_GE(wait, seconds(24));
  EXPECT_EQ(watcher_->health().failures_in_a_row, 12);
  listed("10").then_stream({event("ADDED", object("a", "u1", "11")), breaks(Stage::Body)});
  steps(2);
  EXPECT_THAT(step(), first_wait());
  EXPECT_EQ(watcher_->health().failures_in_a_row, 1);
}

TEST_F(WatcherTest, NoConnectionIsToldFromAllOtherTrouble) {
  listed("10").then_stream({breaks(Stage::Body)});
  transport_.then_open(nobody);
  transport_.then_open([](const Request&) -> std::unique_ptr<Stream> {
    throw ApiError(503, "ServiceUnavailable", "later");
  });
  steps(2);
  step();
  EXPECT_FALSE(watcher_->health().unreachable);
  step();
  EXPECT_TRUE(watcher_->health().unreachable);
  step();
  EXPECT_FALSE(watcher_->health().unreachable) << "somebody answers";
  EXPECT_EQ(watcher_->health().failures_in_a_row, 3);
}

// Or whoever waits for a connection would ask for it whenever somebody else finds one.
TEST_F(WatcherTest, AnOptionalKindThatIsForbiddenAfterAnOutageIsNoConnectionThatIsMissing) {
  spec_.optional = true;
  for (int i = 0; i < 3; ++i) transport_.then(ScriptedTransport::failure(Stage::Connect));
  step();
  ASSERT_TRUE(watcher_->health().unreachable);
  transport_.then(ScriptedTransport::status(403));
  step();
  EXPECT_FALSE(watcher_->health().unreachable);
  EXPECT_TRUE(watcher_->health().synced);
}

TEST_F(WatcherTest, AnApiServerThatHasNotReadTheRolesYetIsNoneForAWhile) {
  const auto refused = [this](int code) {
    transport_.then(ScriptedTransport::status(code));
    step();
    return watcher_->health().unreachable;
  };
  EXPECT_FALSE(refused(403)) << "it was there all the time";
  for (int i = 0; i < 3; ++i) transport_.then(ScriptedTransport::failure(Stage::Connect));
  step();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(refused(403)) << i;
  EXPECT_FALSE(refused(403)) << "it means it";
  for (int i = 0; i < 3; ++i) transport_.then(ScriptedTransport::failure(Stage::Connect));
  step();
  EXPECT_TRUE(refused(403));
  EXPECT_FALSE(refused(503)) << "it says itself when to ask again";
}

TEST_F(WatcherTest, OneWatchsBackOffIsNotAnothers) {
  for (int i = 0; i < 5; ++i) transport_.then(ScriptedTransport::status(500));
  for (int i = 0; i < 4; ++i) step();
  Watcher other(client_, store_, spec_);
  refuses_to_open(422);
  other.step(now_, milliseconds(0));
  EXPECT_THAT(other.step(now_, milliseconds(0)), first_wait());
}

TEST_F(WatcherTest, AnOptionalKindThatIsAbsentOrForbiddenCountsAsSyncedAndEmpty) {
  spec_.optional = true;
  for (const int code : {403, 404}) {
    store_.put(make_record(config_maps(), object("old", "u" + std::to_string(code), "1"), "", {}));
    watcher_.reset();
    transport_.then(ScriptedTransport::status(code));
    EXPECT_THAT(step(), first_wait());
    EXPECT_TRUE(watcher_->health().synced);
    EXPECT_TRUE(watcher_->health().absent);
    EXPECT_EQ(held(), "");
    listed("10", {object("a", "v" + std::to_string(code), "3")});
    steps(1);
    EXPECT_FALSE(watcher_->health().absent);
    EXPECT_NE(held(), "");
  }
}

// An API server that has just started refuses everything until it has read the roles.
TEST_F(WatcherTest, WhatWasKnownOfAnOptionalKindIsNotForgottenForALaterRefusal) {
  spec_.optional = true;
  watcher_.reset();
  listed("10", {object("a", "u1", "3")}).then_stream({end()});
  transport_.then_open(
      [](const Request&) -> std::unique_ptr<Stream> { throw ApiError(403, "Forbidden", "no"); });
  steps(2);
  for (int i = 0; i < 2; ++i) step();
  EXPECT_EQ(held(), "a/u1@3 ");
  EXPECT_GT(watcher_->health().failures, 0);
}

TEST_F(WatcherTest, ANeededKindThatIsAbsentOrForbiddenIsAFailure) {
  for (const int code : {401, 403, 404}) {
    watcher_.reset();
    transport_.then(ScriptedTransport::status(code, {{"message", "no"}}));
    EXPECT_THAT(step(), first_wait());
    EXPECT_FALSE(watcher_->health().synced);
    EXPECT_THAT(watcher_->health().last_error, HasSubstr("list configmaps: no"));
  }
}

TEST_F(WatcherTest, RetryAfterIsObeyed) {
  transport_.then(ScriptedTransport::status(429, {}, seconds(25)));
  EXPECT_EQ(step(), seconds(25));
}

TEST_F(WatcherTest, AnObjectWhoseFactsCanNotBeReadDoesNotStopTheOthers) {
  spec_.facts = [](const Json& body, const Json&) { return body.at("absent"); };
  listed("10", {object("a", "u1", "3"), object("b", "u2", "4")});
  steps(1);
  EXPECT_EQ(held(), "a/u1@3 b/u2@4 ");
  EXPECT_THAT(watcher_->health().last_error, HasSubstr("facts of ConfigMap n/b"));
}

TEST_F(WatcherTest, AServerThatWentBackInTimeIsBelieved) {
  listed("100", {object("a", "u1", "90")}).then_stream({error_event(410, "Expired")});
  listed("20", {object("a", "u1", "15")});
  listed("20", {object("a", "u1", "15")});
  steps(5);
  EXPECT_EQ(held(), "a/u1@15 ");
}

TEST_F(WatcherTest, AServerThatCanNotBeReachedOrIsOverloadedIsNotListedAnewForThat) {
  listed("10");
  for (int i = 0; i < 10; ++i) {
    refuses_to_open(i % 2 == 0 ? 429 : 503);
    transport_.then_open([](const Request&) -> std::unique_ptr<Stream> {
      throw TransportError(Stage::Connect, "refused");
    });
  }
  transport_.then_stream({});
  steps(1);
  for (int i = 0; i < 20; ++i) EXPECT_GE(step(), milliseconds(800));
  steps(1);
  EXPECT_EQ(watcher_->health().lists, 1);
  EXPECT_EQ(watcher_->health().failures, 20);
  for (std::size_t watch = 0; watch < 21; ++watch) EXPECT_EQ(resumed_from(watch), "10");
}

TEST_F(WatcherTest, AVersionThatIsRefusedAgainAndAgainEndsInAList) {
  listed("10");
  for (int i = 0; i < 5; ++i) refuses_to_open(500);
  listed("40").then_stream({});
  steps(1);
  for (int i = 0; i < 5; ++i) EXPECT_GE(step(), milliseconds(800));
  steps(2);
  EXPECT_EQ(resumed_from(5), "40");
}

TEST_F(WatcherTest, OneThatIsDistrustedResumesFromWhereItIsWithoutAList) {
  listed("10").then_stream({bookmark("20"), nothing(), nothing()});
  transport_.then_stream({event("ADDED", object("a", "u1", "21")), nothing(), nothing()});
  steps(3);
  watcher_->distrust();
  steps(2);
  EXPECT_EQ(resumed_from(1), "20");
  EXPECT_EQ(held(), "a/u1@21 ");
  steps(1);
  EXPECT_EQ(watcher_->health().watches, 2) << "once";
  EXPECT_EQ(watcher_->health().lists, 1);
  EXPECT_EQ(watcher_->health().failures, 0);
}

TEST_F(WatcherTest, MetadataOnlyAsksForItTwice) {
  spec_.metadata_only = true;
  listed("10").then_stream({});
  steps(2);
  EXPECT_THAT(transport_.sent.at(0).accept, HasSubstr("as=PartialObjectMetadataList;"));
  EXPECT_THAT(transport_.opened.at(0).accept, HasSubstr("as=PartialObjectMetadata;"));
}

}  // namespace
}  // namespace k8s
