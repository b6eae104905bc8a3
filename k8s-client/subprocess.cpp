#include "k8s-client/subprocess.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <system_error>
#include <utility>

namespace k8s {
namespace {

void check(int error, const std::string& what) {
  if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    check(::pipe2(ends.data(), O_CLOEXEC) == 0 ? 0 : errno, "pipe");
    ours = ends[0];
    its = ends[1];
    ::fcntl(ours, F_SETFL, O_NONBLOCK);
  }
  ~Pipe() {
    ::close(its);
    if (ours >= 0) ::close(ours);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int take() { return std::exchange(ours, -1); }

  int ours = -1;
  int its = -1;
};

struct Actions {
  Actions() { check(::posix_spawn_file_actions_init(&value), "posix_spawn"); }
  ~Actions() { ::posix_spawn_file_actions_destroy(&value); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  posix_spawn_file_actions_t value;
};

struct Attributes {
  Attributes() { check(::posix_spawnattr_init(&value), "posix_spawn"); }
  ~Attributes() { ::posix_spawnattr_destroy(&value); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  posix_spawnattr_t value;
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// A group of its own, and none of the signals that we block or ignore.
void separate(posix_spawnattr_t& attributes) {
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  check(::posix_spawnattr_setflags(
            &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF),
        "posix_spawn");
  check(::posix_spawnattr_setpgroup(&attributes, 0), "posix_spawn");
  check(::posix_spawnattr_setsigmask(&attributes, &none), "posix_spawn");
  check(::posix_spawnattr_setsigdefault(&attributes, &all), "posix_spawn");
}

template <typename Take>
void read_all(int file, Take take) {
  std::array<char, 4096> bytes{};
  for (;;) {
    const ssize_t count = ::read(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    if (!take(std::string_view(bytes.data(), static_cast<std::size_t>(count)))) return;
  }
}

// For a message: on one line, and nothing that a terminal obeys.
std::string printable(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string failure_of(int status) {
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  const int code = WEXITSTATUS(status);
  return code == 0 ? "" : "exited with status " + std::to_string(code);
}

}  // namespace

Subprocess::Subprocess(const std::vector<std::string>& arguments,
                       const std::vector<std::string>& environment, const Limits& limits)
    : limits_(limits), deadline_(Clock::now() + limits.time) {
  Pipe output;
  Pipe errors;
  Actions actions;
  Attributes attributes;
  separate(attributes.value);
  check(::posix_spawn_file_actions_addopen(&actions.value, 0, "/dev/null", O_RDONLY, 0), "spawn");
  check(::posix_spawn_file_actions_adddup2(&actions.value, output.its, 1), "spawn");
  check(::posix_spawn_file_actions_adddup2(&actions.value, errors.its, 2), "spawn");
  check(::posix_spawn_file_actions_addclosefrom_np(&actions.value, 3), "spawn");
  const auto argv = pointers(arguments);
  const auto envp = pointers(environment);
  check(::posix_spawnp(&pid_, arguments.front().c_str(), &actions.value, &attributes.value,
                       argv.data(), envp.data()),
        arguments.front());
  output_ = output.take();
  errors_ = errors.take();
}

Subprocess::~Subprocess() {
  if (pid_ > 0) {
    kill_group();
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(output_);
  ::close(errors_);
}

void Subprocess::kill_group() { ::kill(-pid_, SIGKILL); }

void Subprocess::drain() {
  read_all(output_, [this](std::string_view bytes) {
    result_.output += bytes;
    return result_.output.size() <= limits_.output;
  });
  read_all(errors_, [this](std::string_view bytes) {
    result_.errors += bytes;
    if (result_.errors.size() > limits_.errors) {
      result_.errors.erase(0, result_.errors.size() - limits_.errors);
    }
    return Clock::now() < deadline_;
  });
}

std::optional<Subprocess::Result> Subprocess::poll() {
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
  const bool ended = info.si_pid == pid_;
  drain();  // after the look, so that nothing is missed that it wrote before its end
  if (result_.output.size() > limits_.output) {
    result_.failure =
        "wrote more than " + std::to_string(limits_.output / 1024) + " KiB and was killed";
  } else if (!ended && Clock::now() >= deadline_) {
    result_.failure =
        "did not end within " + std::to_string(limits_.time.count() / 1000) + " s and was killed";
  } else if (!ended) {
    return std::nullopt;
  }
  kill_group();  // also what it left behind; before its number is free for others
  int status = 0;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  if (result_.failure.empty()) result_.failure = failure_of(status);
  result_.errors = printable(result_.errors);
  return std::move(result_);
}

const std::vector<std::string>& original_environment() {
  static const std::vector<std::string> kKept = [] {
    std::vector<std::string> out;
    for (char** variable = environ; *variable != nullptr; ++variable) out.emplace_back(*variable);
    return out;
  }();
  return kKept;
}

}  // namespace k8s
