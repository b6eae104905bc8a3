#include "k8s-client/retry.h"

#include <gtest/gtest.h>

#include "k8s-client/errors.h"
#include "tests/k8s-client/scripted_transport.h"

namespace k8s {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Stage = TransportError::Stage;

struct Outcome {
  std::size_t sent = 0;
  int status = 0;  // 0: TransportError
  std::vector<milliseconds> waits = {};
  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  out << outcome.sent << " sent, status " << outcome.status << ", waits";
  for (const auto wait : outcome.waits) out << " " << wait.count();
  return out;
}

Outcome attempt(ScriptedTransport& transport, bool idempotent,
                milliseconds deadline = seconds(30)) {
  Outcome outcome;
  const Request request{.method = "PATCH", .path = "/x", .deadline = deadline};
  try {
    outcome.status = send_with_retry(transport, request, idempotent, [&](milliseconds wait) {
                       outcome.waits.push_back(wait);
                     }).status;
  } catch (const TransportError&) {
    outcome.status = 0;
  }
  outcome.sent = transport.sent.size();
  EXPECT_TRUE(transport.exhausted());
  return outcome;
}

TEST(Retry, AnUnwrittenRequestIsRepeatedAtOnceWhateverItsMethod) {
  for (const bool idempotent : {true, false}) {
    ScriptedTransport transport;
    transport.then(ScriptedTransport::failure(Stage::Write))
        .then(ScriptedTransport::failure(Stage::Write))
        .then(ScriptedTransport::status(200));
    EXPECT_EQ(attempt(transport, idempotent), (Outcome{.sent = 3, .status = 200}));
  }
}

TEST(Retry, UnwrittenRequestsAreRepeatedOnlySoOften) {
  ScriptedTransport transport;
  for (int i = 0; i < 10; ++i) transport.then(ScriptedTransport::failure(Stage::Write));
  EXPECT_EQ(attempt(transport, true), (Outcome{.sent = 10, .status = 0}));
}

TEST(Retry, AnUnknownOutcomeIsRepeatedForIdempotentCallsOnly) {
  for (const Stage stage : {Stage::Answer, Stage::Connect, Stage::Body}) {
    ScriptedTransport twice;
    twice.then(ScriptedTransport::failure(stage)).then(ScriptedTransport::status(200));
    EXPECT_EQ(attempt(twice, true),
              (Outcome{.sent = 2, .status = 200, .waits = {milliseconds(200)}}));
    ScriptedTransport once;
    once.then(ScriptedTransport::failure(stage));
    EXPECT_EQ(attempt(once, false), (Outcome{.sent = 1, .status = 0}));
  }
}

TEST(Retry, AnUnknownOutcomeIsRepeatedTwiceWithGrowingPauses) {
  ScriptedTransport transport;
  for (int i = 0; i < 3; ++i) transport.then(ScriptedTransport::failure(Stage::Answer));
  EXPECT_EQ(attempt(transport, true),
            (Outcome{.sent = 3, .status = 0, .waits = {milliseconds(200), milliseconds(400)}}));
}

TEST(Retry, OurOwnDeadlineAndCancellationAreNeverRepeated) {
  for (const Stage stage : {Stage::Deadline, Stage::Cancelled}) {
    ScriptedTransport transport;
    transport.then(ScriptedTransport::failure(stage));
    EXPECT_EQ(attempt(transport, true), (Outcome{.sent = 1, .status = 0}));
  }
}

TEST(Retry, RetryAfterIsObeyedForEveryMethod) {
  for (const int status : {429, 503}) {
    ScriptedTransport transport;
    transport.then(ScriptedTransport::status(status, {}, seconds(2)))
        .then(ScriptedTransport::status(201));
    EXPECT_EQ(attempt(transport, false),
              (Outcome{.sent = 2, .status = 201, .waits = {seconds(2)}}));
  }
}

TEST(Retry, ALongRetryAfterOrNoneIsTheCallersBusiness) {
  ScriptedTransport none;
  none.then(ScriptedTransport::status(429));
  EXPECT_EQ(attempt(none, true), (Outcome{.sent = 1, .status = 429}));
  ScriptedTransport long_one;
  long_one.then(ScriptedTransport::status(503, {}, seconds(11)));
  EXPECT_EQ(attempt(long_one, true), (Outcome{.sent = 1, .status = 503}));
  ScriptedTransport other;
  other.then(ScriptedTransport::status(500, {}, seconds(1)));
  EXPECT_EQ(attempt(other, true), (Outcome{.sent = 1, .status = 500}));
}

TEST(Retry, WaitsAndAttemptsTogetherKeepTheDeadline) {
  ScriptedTransport transport;
  transport.then(ScriptedTransport::status(429, {}, seconds(3)))
      .then(ScriptedTransport::status(429, {}, seconds(3)));
  EXPECT_EQ(attempt(transport, true, seconds(5)),
            (Outcome{.sent = 2, .status = 429, .waits = {seconds(3)}}));
  EXPECT_LE(transport.sent[1].deadline, seconds(2));
  ScriptedTransport without_answer;
  for (int i = 0; i < 2; ++i) without_answer.then(ScriptedTransport::failure(Stage::Answer));
  EXPECT_EQ(attempt(without_answer, true, milliseconds(500)),
            (Outcome{.sent = 2, .status = 0, .waits = {milliseconds(200)}}))
      << "400 ms are more than what is left";
}

}  // namespace
}  // namespace k8s
