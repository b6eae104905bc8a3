#include "k8s-client/watcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "k8s-client/errors.h"
#include "tests/k8s-client/scripted_transport.h"

namespace k8s {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Stage = TransportError::Stage;
using Kind = Stream::Read::Kind;
using Next = ScriptedStream::Next;
using testing::AllOf;
using testing::Ge;
using testing::HasSubstr;
using testing::Le;

Json object(const std::string& name, const std::string& uid, const std::string& version) {
  Json metadata = {{"name", name}, {"namespace", "n"}, {"uid", uid}, {"resourceVersion", version}};
  return {{"metadata", std::move(metadata)}};
}

Json list_of(const std::string& version, const std::vector<Json>& items,
             const std::string& next = "") {
  const Json metadata = {{"resourceVersion", version}, {"continue", next}};
  return {{"metadata", metadata}, {"items", items}};
}

Next raw(const std::string& line) {
  return [=] { return Stream::Read{Kind::Line, line}; };
}
Next event(const std::string& type, const Json& body) {
  return raw(Json({{"type", type}, {"object", body}}).dump());
}
Next error_event(int code, const std::string& reason) {
  return event("ERROR", {{"kind", "Status"}, {"code", code}, {"reason", reason}, {"message", "m"}});
}
Next nothing() {
  return [] { return Stream::Read{Kind::Nothing}; };
}
Next end() {
  return [] { return Stream::Read{Kind::End}; };
}
Next breaks(Stage stage) {
  return [=]() -> Stream::Read { throw TransportError(stage, "broke"); };
}

class WatcherTest : public testing::Test {
 protected:
  WatcherTest() { spec_.resource = config_maps(); }

  milliseconds step(seconds later = seconds(0)) {
    if (!watcher_) watcher_ = std::make_unique<Watcher>(client_, store_, spec_);
    now_ += later;
    return watcher_->step(now_, milliseconds(0));
  }
  void steps(int count) {
    for (int i = 0; i < count; ++i) EXPECT_EQ(step(), milliseconds(0));
  }
  std::string held() {
    std::string out;
    for (const auto& record : store_.all("ConfigMap")) {
      out += record->key.name + "/" + record->uid + "@" + record->resource_version + " ";
    }
    return out;
  }
  std::string resumed_from(std::size_t watch) {
    for (const auto& [name, value] : transport_.opened.at(watch).query) {
      if (name == "resourceVersion") return value;
    }
    return "";
  }
  ScriptedTransport& listed(const std::string& version, const std::vector<Json>& items = {}) {
    return transport_.then(ScriptedTransport::status(200, list_of(version, items)));
  }

  ScriptedTransport transport_;
  Client client_{transport_, [](milliseconds) {}};
  Store store_;
  WatchSpec spec_;
  std::unique_ptr<Watcher> watcher_;
  Clock::time_point now_{seconds(1000)};
  // A back-off that has not grown yet.
  static auto first_wait() { return AllOf(Ge(milliseconds(800)), Le(milliseconds(1200))); }
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
  const std::string timeout = watch.query.at(3).second;
  EXPECT_EQ(watch.query,
            (std::vector<std::pair<std::string, std::string>>{{"watch", "1"},
                                                              {"resourceVersion", "10"},
                                                              {"allowWatchBookmarks", "true"},
                                                              {"timeoutSeconds", timeout},
                                                              {"labelSelector", "app=x"}}));
  EXPECT_THAT(std::stoi(timeout), AllOf(Ge(261), Le(319)));
  EXPECT_EQ(transport_.idles.at(0), seconds(std::stoi(timeout) + 30));
  for (const auto& [name, value] : transport_.sent.at(0).query) EXPECT_NE(name, "resourceVersion");
}

TEST_F(WatcherTest, EventsChangeTheStoreAndMoveTheVersion) {
  listed("10", {object("a", "u1", "3"), object("b", "u2", "4")})
      .then_stream(
          {event("ADDED", object("c", "u3", "11")), event("MODIFIED", object("a", "u1", "12")),
           event("DELETED", object("b", "u2", "13")),
           event("BOOKMARK", {{"metadata", {{"resourceVersion", "20"}}}}), nothing(), end()})
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
  listed("10").then_open(
      [](const Request&) -> std::unique_ptr<Stream> { throw ApiError(410, "Expired", "too old"); });
  listed("30").then_stream({});
  steps(4);
  EXPECT_EQ(resumed_from(1), "30");
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

TEST_F(WatcherTest, OneWatchsBackOffIsNotAnothers) {
  for (int i = 0; i < 5; ++i) transport_.then(ScriptedTransport::status(500));
  for (int i = 0; i < 4; ++i) step();
  Watcher other(client_, store_, spec_);
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
    EXPECT_EQ(held(), "");
    listed("10", {object("a", "v" + std::to_string(code), "3")});
    steps(1);
    EXPECT_NE(held(), "");
  }
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
  spec_.facts = [](const Json& body) { return body.at("absent"); };
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

TEST_F(WatcherTest, MetadataOnlyAsksForItTwice) {
  spec_.metadata_only = true;
  listed("10").then_stream({});
  steps(2);
  EXPECT_THAT(transport_.sent.at(0).accept, HasSubstr("as=PartialObjectMetadataList;"));
  EXPECT_THAT(transport_.opened.at(0).accept, HasSubstr("as=PartialObjectMetadata;"));
}

}  // namespace
}  // namespace k8s
