#include "k8s-client/exchange.h"

#include <gtest/gtest.h>

#include "k8s-client/transport_failure.h"

namespace k8s {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Stage = TransportError::Stage;
using Kind = Stream::Read::Kind;

class ExchangeTest : public testing::Test {
 protected:
  bool put(const std::string& bytes) {
    return exchange_.put(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(),
                         [this] { ++resumes_; });
  }
  std::string next() {
    try {
      const auto read = exchange_.next_line(milliseconds(0), seconds(60));
      if (read.kind == Kind::Line) return read.line;
      return read.kind == Kind::End ? "<end>" : "<nothing>";
    } catch (const TransportError& error) {
      return std::string("<") + error.what() + ">";
    }
  }

  int cancels_ = 0;
  int resumes_ = 0;
  Exchange exchange_{{.piece = 100, .unread = 60, .window = 20}, [this] { ++cancels_; }};
};

TEST_F(ExchangeTest, LinesComeWholeHoweverTheyAreCut) {
  put("al");
  EXPECT_EQ(next(), "<nothing>");
  put("pha\nbe");
  EXPECT_EQ(next(), "alpha");
  EXPECT_EQ(next(), "<nothing>");
  put("ta\n\ngamma");
  exchange_.finish(std::nullopt);
  EXPECT_EQ(next(), "beta");
  EXPECT_EQ(next(), "");
  EXPECT_EQ(next(), "gamma");
  EXPECT_EQ(next(), "<end>");
}

TEST_F(ExchangeTest, TheSenderIsHeldBackUntilTheReaderHasCaughtUp) {
  EXPECT_TRUE(put("0123456789\n"));
  EXPECT_FALSE(put("0123456789\n"));
  EXPECT_EQ(resumes_, 0);
  EXPECT_EQ(next(), "0123456789");
  EXPECT_EQ(resumes_, 0);
  EXPECT_EQ(next(), "0123456789");
  EXPECT_EQ(resumes_, 1);
}

TEST_F(ExchangeTest, ALongLineIsNotHeldBackForEver) {
  EXPECT_TRUE(put(std::string(50, 'x')));
  EXPECT_FALSE(put("\n"));
  EXPECT_EQ(next(), std::string(50, 'x'));
  EXPECT_EQ(resumes_, 1);
}

TEST_F(ExchangeTest, AnEndlessLineAndAnAbsurdPieceBreakItOff) {
  EXPECT_TRUE(put(std::string(61, 'x')));
  EXPECT_EQ(cancels_, 1);
  EXPECT_EQ(next(), "<the answer is larger than 60 bytes>");

  Exchange other({.piece = 100}, [this] { ++cancels_; });
  const std::uint8_t byte = 0;
  EXPECT_TRUE(other.put(&byte, static_cast<std::size_t>(-2), {}));
  EXPECT_EQ(cancels_, 2);
  EXPECT_THROW(other.wait_response(Clock::now()), TransportError);
}

TEST_F(ExchangeTest, LinesBeforeAFailureAreStillRead) {
  put("a\nhalf");
  exchange_.finish(Failure{Stage::Body, "broke"});
  EXPECT_EQ(next(), "a");
  EXPECT_EQ(next(), "<broke>");
  EXPECT_EQ(next(), "<broke>");
}

TEST_F(ExchangeTest, GivingUpReleasesTheSenderAndKeepsTheFirstReason) {
  put("0123456789\n");
  EXPECT_FALSE(put("0123456789\n"));
  exchange_.abort({Stage::Cancelled, "closed"});
  EXPECT_EQ(cancels_, 1);
  EXPECT_EQ(resumes_, 1);
  exchange_.finish(Failure{Stage::Body, "the library says something else"});
  EXPECT_TRUE(put("swallowed\n"));
  EXPECT_EQ(next() + next(), "01234567890123456789");
  EXPECT_EQ(next(), "<closed>");
  EXPECT_EQ(cancels_, 1);
}

TEST_F(ExchangeTest, SilencePastTheIdleDeadlineIsAFailure) {
  exchange_.set_status(200, std::nullopt);
  try {
    exchange_.next_line(seconds(5), milliseconds(30));
    FAIL();
  } catch (const TransportError& error) {
    EXPECT_EQ(error.stage(), Stage::Deadline);
    EXPECT_STREQ(error.what(), "the server sent no line for 0.0 s");
  }
  EXPECT_EQ(cancels_, 1);
}

TEST_F(ExchangeTest, BytesThatNeverMakeALineAreSilenceToo) {
  exchange_.set_status(200, std::nullopt);
  const auto begin = Clock::now();
  const auto drip = [&] {
    while (Clock::now() - begin < seconds(5)) {
      put("x");
      exchange_.next_line(milliseconds(5), milliseconds(100));
    }
  };
  EXPECT_THROW(drip(), TransportError);
  EXPECT_EQ(cancels_, 1);
}

TEST_F(ExchangeTest, AResponseHasItsDeadline) {
  EXPECT_THROW(exchange_.wait_response(Clock::now() + milliseconds(10)), TransportError);
  EXPECT_EQ(cancels_, 1);
}

TEST(TransportFailure, StagesFollowTheLibrarysTexts) {
  const auto stage = [](const char* text) { return classify_failure(text, 0, false).stage; };
  EXPECT_EQ(stage("Error resolving address"), Stage::Connect);
  EXPECT_EQ(stage("Failed to connect to any resolved endpoint"), Stage::Connect);
  EXPECT_EQ(stage("Error in SSL handshake"), Stage::Connect);
  EXPECT_EQ(stage("Failed to write request headers"), Stage::Write);
  EXPECT_EQ(stage("Failed to write request body"), Stage::Write);
  EXPECT_EQ(stage("Failed to read HTTP status line"), Stage::Answer);
  EXPECT_EQ(stage("Retrieving message chunk header"), Stage::Body);
  EXPECT_EQ(stage("Failed to read chunked response part"), Stage::Body);
  EXPECT_EQ(stage("Failed to read response body"), Stage::Body);
}

TEST(TransportFailure, WordsAreReadable) {
  EXPECT_EQ(classify_failure("Retrieving message chunk header", 2, true).message,
            "the answer broke off: the server closed the connection");
  EXPECT_EQ(classify_failure("Failed to connect to any resolved endpoint", 113, false).message,
            "can not connect: refused or unreachable");
  EXPECT_EQ(classify_failure("Error in SSL handshake", 167772294, false).message.substr(0, 50),
            "the TLS handshake failed: certificate verify faile");
}

}  // namespace
}  // namespace k8s
