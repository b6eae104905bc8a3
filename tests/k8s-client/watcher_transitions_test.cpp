// Every state of Watcher::step with everything that can come to it there: how long it waits, and
// what it asks the API server for next.
#include <gtest/gtest.h>

#include <ostream>

#include "k8s-client/errors.h"
#include "tests/k8s-client/watcher_fixture.h"

namespace k8s {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Stage = TransportError::Stage;

enum class State { PagedList, StreamedList, InitialEvents, Opening, Watching };
enum class Wait { None, BackOff, Asked };
// Same: it goes on with the stream that it has.
enum class Then { Same, PagedList, StreamedList, Watch10, Watch11, Watch12 };

constexpr seconds kAsked{25};

struct Row {
  const char* name;
  State state;
  // What the API server does: an answer to the request of the state, or what its stream gives.
  std::function<void(ScriptedTransport&)> request;
  Next line;
  Wait wait;
  Then then;
  int failures;
  bool synced;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

std::function<void(ScriptedTransport&)> http(int code) {
  return [code](ScriptedTransport& transport) {
    const auto asked = code == 429 || code == 503 ? std::optional(kAsked) : std::nullopt;
    transport.then(ScriptedTransport::status(code, Json::object(), asked));
    transport.then_open([=](const Request&) -> std::unique_ptr<Stream> {
      throw ApiError(code, "", "no", nullptr, asked);
    });
  };
}
std::function<void(ScriptedTransport&)> no_answer(Stage stage) {
  return [stage](ScriptedTransport& transport) {
    for (int i = 0; i < 3; ++i) transport.then(ScriptedTransport::failure(stage));
    transport.then_open(
        [=](const Request&) -> std::unique_ptr<Stream> { throw TransportError(stage, "no"); });
  };
}
std::function<void(ScriptedTransport&)> body(const std::string& text) {
  return [text](ScriptedTransport& transport) {
    transport.then([text](const Request&) { return Response{200, text}; });
  };
}
std::function<void(ScriptedTransport&)> opens() {
  return [](ScriptedTransport& transport) { transport.then_stream({}); };
}

Row asks(const char* name, State state, std::function<void(ScriptedTransport&)> request, Wait wait,
         Then then, int failures = 1, bool synced = false) {
  return {name, state, std::move(request), {}, wait, then, failures, synced};
}
Row reads(const char* name, State state, Next line, Wait wait, Then then, int failures = 1,
          bool synced = false) {
  return {name, state, {}, std::move(line), wait, then, failures, synced};
}

const Next kCut = raw("{\"type\":\"ADDED\",\"obj");
const Next kUnknown = event("SURPRISE", object("a", "u1", "12"));
const Next kBare = event("ADDED", Json::object());

std::vector<Row> rows() {
  using S = State;
  using W = Wait;
  using T = Then;
  return {
      asks("ListCame", S::PagedList, body(list_of("10", {}).dump()), W::None, T::Watch10, 0, true),
      asks("ListWithoutVersion", S::PagedList, body(list_of("", {}).dump()), W::BackOff,
           T::PagedList),
      asks("ListIsNoJson", S::PagedList, body("<html>"), W::BackOff, T::PagedList),
      asks("ListWithoutItems", S::PagedList, body("{}"), W::BackOff, T::PagedList),
      asks("ListExpired", S::PagedList, http(410), W::BackOff, T::PagedList),
      asks("ListUnauthorized", S::PagedList, http(401), W::BackOff, T::PagedList),
      asks("ListForbidden", S::PagedList, http(403), W::BackOff, T::PagedList),
      asks("ListAbsent", S::PagedList, http(404), W::BackOff, T::PagedList),
      asks("ListInvalid", S::PagedList, http(422), W::BackOff, T::PagedList),
      asks("ListTooMany", S::PagedList, http(429), W::Asked, T::PagedList),
      asks("ListUnavailable", S::PagedList, http(503), W::Asked, T::PagedList),
      asks("ListError", S::PagedList, http(500), W::BackOff, T::PagedList),
      asks("ListRefused", S::PagedList, no_answer(Stage::Connect), W::BackOff, T::PagedList),
      asks("ListTooLate", S::PagedList, no_answer(Stage::Deadline), W::BackOff, T::PagedList),

      asks("StreamOpens", S::StreamedList, opens(), W::None, T::Same, 0),
      asks("StreamNotServed", S::StreamedList, http(422), W::None, T::PagedList, 0),
      asks("StreamExpired", S::StreamedList, http(410), W::BackOff, T::StreamedList),
      asks("StreamUnauthorized", S::StreamedList, http(401), W::BackOff, T::StreamedList),
      asks("StreamForbidden", S::StreamedList, http(403), W::BackOff, T::StreamedList),
      asks("StreamAbsent", S::StreamedList, http(404), W::BackOff, T::StreamedList),
      asks("StreamTooMany", S::StreamedList, http(429), W::Asked, T::StreamedList),
      asks("StreamUnavailable", S::StreamedList, http(503), W::Asked, T::StreamedList),
      asks("StreamError", S::StreamedList, http(500), W::BackOff, T::StreamedList),
      asks("StreamRefused", S::StreamedList, no_answer(Stage::Connect), W::BackOff,
           T::StreamedList),
      asks("StreamTooLate", S::StreamedList, no_answer(Stage::Deadline), W::BackOff,
           T::StreamedList),

      reads("InitialSilence", S::InitialEvents, nothing(), W::None, T::Same, 0),
      reads("InitialBlankLine", S::InitialEvents, raw(""), W::None, T::Same, 0),
      reads("InitialObject", S::InitialEvents, event("ADDED", object("b", "u2", "4")), W::None,
            T::Same, 0),
      reads("InitialChange", S::InitialEvents, event("MODIFIED", object("a", "u1", "4")), W::None,
            T::Same, 0),
      reads("InitialDelete", S::InitialEvents, event("DELETED", object("a", "u1", "4")), W::None,
            T::Same, 0),
      reads("InitialBookmark", S::InitialEvents, bookmark("5"), W::None, T::Same, 0),
      reads("InitialEnd", S::InitialEvents, end_of_list("10"), W::None, T::Same, 0, true),
      reads("InitialExpired", S::InitialEvents, error_event(410, "Expired"), W::BackOff,
            T::StreamedList),
      reads("InitialExpiredByReason", S::InitialEvents, error_event(0, "Expired"), W::BackOff,
            T::StreamedList),
      reads("InitialGone", S::InitialEvents, error_event(0, "Gone"), W::BackOff, T::StreamedList),
      reads("InitialError", S::InitialEvents, error_event(500, ""), W::BackOff, T::StreamedList),
      reads("InitialCutLine", S::InitialEvents, kCut, W::BackOff, T::StreamedList),
      reads("InitialNotAnObject", S::InitialEvents, raw("[1]"), W::BackOff, T::StreamedList),
      reads("InitialUnknownType", S::InitialEvents, kUnknown, W::BackOff, T::StreamedList),
      reads("InitialBareObject", S::InitialEvents, kBare, W::BackOff, T::StreamedList),
      reads("InitialClosed", S::InitialEvents, end(), W::BackOff, T::StreamedList),
      reads("InitialBroken", S::InitialEvents, breaks(Stage::Body), W::BackOff, T::StreamedList),
      reads("InitialTooLate", S::InitialEvents, breaks(Stage::Deadline), W::BackOff,
            T::StreamedList),

      asks("WatchOpens", S::Opening, opens(), W::None, T::Same, 0, true),
      asks("WatchExpired", S::Opening, http(410), W::None, T::StreamedList, 1, true),
      asks("WatchUnauthorized", S::Opening, http(401), W::BackOff, T::Watch10, 1, true),
      asks("WatchForbidden", S::Opening, http(403), W::BackOff, T::Watch10, 1, true),
      asks("WatchAbsent", S::Opening, http(404), W::BackOff, T::Watch10, 1, true),
      asks("WatchInvalid", S::Opening, http(422), W::BackOff, T::Watch10, 1, true),
      asks("WatchTooMany", S::Opening, http(429), W::Asked, T::Watch10, 1, true),
      asks("WatchUnavailable", S::Opening, http(503), W::Asked, T::Watch10, 1, true),
      asks("WatchError", S::Opening, http(500), W::BackOff, T::Watch10, 1, true),
      asks("WatchRefused", S::Opening, no_answer(Stage::Connect), W::BackOff, T::Watch10, 1, true),
      asks("WatchTooLate", S::Opening, no_answer(Stage::Deadline), W::BackOff, T::Watch10, 1, true),

      reads("Silence", S::Watching, nothing(), W::None, T::Same, 0, true),
      reads("BlankLine", S::Watching, raw(""), W::None, T::Same, 0, true),
      reads("Added", S::Watching, event("ADDED", object("b", "u2", "12")), W::None, T::Same, 0,
            true),
      reads("Modified", S::Watching, event("MODIFIED", object("a", "u1", "12")), W::None, T::Same,
            0, true),
      reads("Deleted", S::Watching, event("DELETED", object("a", "u1", "12")), W::None, T::Same, 0,
            true),
      reads("Bookmark", S::Watching, bookmark("12"), W::None, T::Same, 0, true),
      reads("EndOfAList", S::Watching, end_of_list("12"), W::None, T::Same, 0, true),
      reads("Closed", S::Watching, end(), W::None, T::Watch11, 0, true),
      reads("Expired", S::Watching, error_event(410, "Expired"), W::None, T::StreamedList, 1, true),
      reads("ExpiredByReason", S::Watching, error_event(0, "Expired"), W::None, T::StreamedList, 1,
            true),
      reads("Gone", S::Watching, error_event(0, "Gone"), W::None, T::StreamedList, 1, true),
      reads("Error", S::Watching, error_event(500, ""), W::BackOff, T::Watch11, 1, true),
      reads("CutLine", S::Watching, kCut, W::BackOff, T::Watch11, 1, true),
      reads("NotAnObject", S::Watching, raw("[1]"), W::BackOff, T::Watch11, 1, true),
      reads("UnknownType", S::Watching, kUnknown, W::BackOff, T::Watch11, 1, true),
      reads("BareObject", S::Watching, kBare, W::BackOff, T::Watch11, 1, true),
      reads("Broken", S::Watching, breaks(Stage::Body), W::BackOff, T::Watch11, 1, true),
      reads("TooLate", S::Watching, breaks(Stage::Deadline), W::BackOff, T::Watch11, 1, true),
  };
}

class WatcherTransition : public testing::TestWithParam<Row>, protected WatcherFixture {
 protected:
  WatcherTransition() : WatcherFixture(GetParam().state != State::PagedList) {}

  // Steps until the watcher is about to meet what the row is about.
  void reach(const Row& row) {
    const Next added = event("ADDED", object("a", "u1", "11"));
    switch (row.state) {
      case State::PagedList:
      case State::StreamedList:
        break;
      case State::InitialEvents:
        transport_.then_stream({event("ADDED", object("a", "u1", "3")), nothing(), row.line});
        return steps(2);
      case State::Opening:
        transport_.then_stream({end_of_list("10"), nothing(), end()});
        steps(2);
        EXPECT_EQ(step(seconds(290)), milliseconds(0));
        break;
      case State::Watching:
        transport_.then_stream({end_of_list("10"), added, nothing(), row.line});
        return steps(2);
    }
    row.request(transport_);
  }

  Then asked_next() {
    const std::size_t opened = transport_.opened.size(), sent = transport_.sent.size();
    transport_.clear();
    transport_.then(ScriptedTransport::status(200, list_of("99", {}))).then_stream({});
    step();
    if (transport_.sent.size() > sent) return Then::PagedList;
    if (transport_.opened.size() == opened) return Then::Same;
    const Request& request = transport_.opened.back();
    if (!query_of(request, "sendInitialEvents").empty()) return Then::StreamedList;
    const std::string from = query_of(request, "resourceVersion");
    if (from == "10") return Then::Watch10;
    return from == "11" ? Then::Watch11 : Then::Watch12;
  }
};

TEST_P(WatcherTransition, WaitsAndGoesOnAsItShould) {
  const Row& row = GetParam();
  reach(row);
  const milliseconds wait = step();
  switch (row.wait) {
    case Wait::None:
      EXPECT_EQ(wait, milliseconds(0));
      break;
    case Wait::BackOff:
      EXPECT_THAT(wait, first_wait());
      break;
    case Wait::Asked:
      EXPECT_EQ(wait, kAsked);
  }
  EXPECT_EQ(watcher_->health().failures, row.failures);
  EXPECT_EQ(watcher_->health().failures_in_a_row, row.failures);
  EXPECT_EQ(watcher_->health().synced, row.synced);
  EXPECT_EQ(asked_next(), row.then);
}

INSTANTIATE_TEST_SUITE_P(Step, WatcherTransition, testing::ValuesIn(rows()),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace k8s
