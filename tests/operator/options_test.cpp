#include "operator/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace op {

void PrintTo(const RunOptions& options, std::ostream* out) {
  *out << "workers " << options.workers << ", leader_elect " << options.leader_elect
       << ", namespaces " << testing::PrintToString(options.namespaces) << ", prerelease "
       << testing::PrintToString(options.prerelease_namespaces);
}

namespace {

using testing::HasSubstr;
using Arguments = std::vector<std::string>;

struct Parsed {
  Command command;
  std::string out, err;
};

Parsed parse(const Arguments& arguments) {
  std::ostringstream out, err;
  Command command = parse_command_line(arguments, out, err);
  return {std::move(command), out.str(), err.str()};
}

RunOptions run_options(const Arguments& flags) {
  Arguments arguments = {"run"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  const Parsed parsed = parse(arguments);
  EXPECT_EQ(parsed.err, "");
  return std::get<RunOptions>(parsed.command);
}

TEST(Options, HaveTheDocumentedDefaults) {
  const RunOptions expected = {.kubeconfig = "",
                               .context = "",
                               .namespaces = {},
                               .watch_label_selector = "",
                               .workers = 4,
                               .leader_elect = true,
                               .lease_namespace = "",
                               .lease_name = "entityservice-operator",
                               .metrics = {.host = "", .port = 8080, .enabled = true},
                               .metrics_per_resource = false,
                               .health_probe = {.host = "", .port = 8081, .enabled = true},
                               .prerelease_namespaces = {"staging"},
                               .log_format = LogFormat::Json,
                               .log_level = spdlog::level::info};
  EXPECT_EQ(run_options({}), expected);
}

TEST(Options, TakeEveryFlagOfRun) {
  const RunOptions expected = {.kubeconfig = "kc",
                               .context = "dev",
                               .namespaces = {"a", "b"},
                               .watch_label_selector = "team=x",
                               .workers = 8,
                               .leader_elect = false,
                               .lease_namespace = "ln",
                               .lease_name = "lease",
                               .metrics = {.host = "127.0.0.1", .port = 9090, .enabled = true},
                               .metrics_per_resource = true,
                               .health_probe = {.host = "", .port = 0, .enabled = false},
                               .prerelease_namespaces = {"staging", "dev"},
                               .log_format = LogFormat::Text,
                               .log_level = spdlog::level::debug};
  EXPECT_EQ(run_options({"--kubeconfig",
                         "kc",
                         "--context",
                         "dev",
                         "--namespace",
                         "a",
                         "--namespace=b",
                         "--watch-label-selector",
                         "team=x",
                         "--workers",
                         "8",
                         "--leader-elect=false",
                         "--lease-namespace",
                         "ln",
                         "--lease-name",
                         "lease",
                         "--metrics-bind-address",
                         "127.0.0.1:9090",
                         "--metrics-per-resource",
                         "--health-probe-bind-address",
                         "0",
                         "--prerelease-namespaces",
                         "staging,dev",
                         "--log-format",
                         "text",
                         "--log-level",
                         "debug"}),
            expected);
}

TEST(Options, TakeLeaderElectWithAndWithoutValue) {
  EXPECT_TRUE(run_options({"--leader-elect"}).leader_elect);
  EXPECT_TRUE(run_options({"--leader-elect=true"}).leader_elect);
  EXPECT_FALSE(run_options({"--leader-elect=false"}).leader_elect);
}

TEST(Options, TakeRenderAndVersion) {
  const auto render = std::get<RenderOptions>(
      parse({"render", "-f", "cr.yaml", "--namespace", "ns", "--effective", "--credentials", "c",
             "--redis-addresses", "10.0.0.1,10.0.0.2", "--bootstrap"})
          .command);
  EXPECT_EQ(render.file, "cr.yaml");
  EXPECT_EQ(render.ns, "ns");
  EXPECT_TRUE(render.effective);
  EXPECT_EQ(render.credentials, "c");
  EXPECT_EQ(render.redis_addresses, (Arguments{"10.0.0.1", "10.0.0.2"}));
  EXPECT_TRUE(render.bootstrap);
  EXPECT_TRUE(std::holds_alternative<VersionOptions>(parse({"version"}).command));
}

TEST(Options, TakeLogLevel) {
  const auto contained = std::get<LogLevelOptions>(parse({"log-level", "debug"}).command);
  EXPECT_EQ(contained.level, spdlog::level::debug);
  EXPECT_EQ(contained.pid, 1);
  const auto other = std::get<LogLevelOptions>(parse({"log-level", "error", "--pid=7"}).command);
  EXPECT_EQ(other.level, spdlog::level::err);
  EXPECT_EQ(other.pid, 7);
}

TEST(Options, DocumentExitCodesInTheHelp) {
  for (const Arguments& arguments : {Arguments{"--help"}, {"run", "--help"}}) {
    const Parsed parsed = parse(arguments);
    EXPECT_EQ(std::get<Exit>(parsed.command).code, 0);
    EXPECT_THAT(parsed.out, HasSubstr("3 leadership was lost"));
    EXPECT_EQ(parsed.err, "");
  }
}

struct Refused {
  const char* name;
  Arguments arguments;
  const char* message;
};
class RefusedCommandLine : public testing::TestWithParam<Refused> {};

TEST_P(RefusedCommandLine, NamesTheFlagTheValueAndTheRemedy) {
  const Parsed parsed = parse(GetParam().arguments);
  ASSERT_TRUE(std::holds_alternative<Exit>(parsed.command));
  EXPECT_EQ(std::get<Exit>(parsed.command).code, 2);
  EXPECT_THAT(parsed.err, HasSubstr(GetParam().message));
  EXPECT_EQ(parsed.out, "");
}

INSTANTIATE_TEST_SUITE_P(
    Table, RefusedCommandLine,
    testing::Values(
        Refused{"nothing", {}, "subcommand is required"},
        Refused{"unknown_flag", {"run", "--wrokers=3"}, "--wrokers"},
        Refused{"no_worker", {"run", "--workers", "0"}, "'0' is out of range: use a number from 1"},
        Refused{"too_many_workers", {"run", "--workers", "65"}, "1 to 64"},
        Refused{"workers_text", {"run", "--workers", "x"}, "'x' is out of range"},
        Refused{"bad_port", {"run", "--metrics-bind-address", ":70000"}, "0 to 65535"},
        Refused{"no_port", {"run", "--health-probe-bind-address", "localhost"}, "no port"},
        Refused{"host_name", {"run", "--metrics-bind-address", "localhost:80"}, "no IP address"},
        Refused{"log_format", {"run", "--log-format", "xml"}, "'xml' is not one of json, text"},
        Refused{"log_level", {"run", "--log-level", "loud"}, "'loud' is not one of debug"},
        Refused{"no_level", {"log-level"}, "level is required"},
        Refused{"level", {"log-level", "loud"}, "'loud' is not one of debug"},
        Refused{"pid", {"log-level", "debug", "--pid", "-1"}, "--pid"},
        Refused{"ns", {"run", "--namespace", "Not_A_Name"}, "lower-case letters"},
        Refused{"render_nothing", {"render"}, "--filename"}),
    [](const auto& test) { return test.param.name; });

struct AddressCase {
  const char* text;
  BindAddress address;
};
class Address : public testing::TestWithParam<AddressCase> {};

TEST_P(Address, IsRead) { EXPECT_EQ(parse_bind_address(GetParam().text), GetParam().address); }

INSTANTIATE_TEST_SUITE_P(
    Table, Address,
    testing::Values(AddressCase{":8080", {.port = 8080}}, AddressCase{"0", {.enabled = false}},
                    AddressCase{"0.0.0.0:1", {.host = "0.0.0.0", .port = 1}},
                    AddressCase{"127.0.0.1:0", {.host = "127.0.0.1"}},
                    AddressCase{"[::1]:65535", {.host = "::1", .port = 65535}}));

class NoAddress : public testing::TestWithParam<const char*> {};
TEST_P(NoAddress, IsRefused) {
  EXPECT_THROW(parse_bind_address(GetParam()), std::invalid_argument);
}
INSTANTIATE_TEST_SUITE_P(Table, NoAddress,
                         testing::Values("", ":", "8080", ":-1", ":65536", ":80x", "::1:80",
                                         "host:80", "[::1]", ":+1"));

}  // namespace
}  // namespace op
