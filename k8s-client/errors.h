// What can go wrong between us and the API server, separated by who has to act on it. All are
// faults and therefore exceptions; expected absences are optionals (`Client::find`).
#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>

#include "k8s-client/json.h"

namespace k8s {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A kubeconfig or in-cluster file is absent or wrong; the message names file, field and remedy.
class ConfigError : public Error {
 public:
  using Error::Error;
};

// No answer of the API server. The stage decides what may be repeated (docs/adr, retry.h).
class TransportError : public Error {
 public:
  enum class Stage {
    Connect,    // nothing was sent
    Write,      // the request was not sent completely: it can not have been carried out
    Answer,     // sent, but no status line came: outcome unknown
    Body,       // the answer broke off
    Deadline,   // our own deadline passed: outcome unknown
    Cancelled,  // we are stopping
  };
  TransportError(Stage stage, const std::string& message) : Error(message), stage_(stage) {}
  Stage stage() const { return stage_; }

 private:
  Stage stage_;
};

// The API server's answer was an error; `Status` parsed where it sent one.
class ApiError : public Error {
 public:
  ApiError(int code, std::string reason, const std::string& message, Json details = nullptr,
           std::optional<std::chrono::seconds> retry_after = std::nullopt)
      : Error(message),
        code_(code),
        reason_(std::move(reason)),
        details_(std::move(details)),
        retry_after_(retry_after) {}
  int code() const { return code_; }
  const std::string& reason() const { return reason_; }  // e.g. "NotFound"; may be empty
  const Json& details() const { return details_; }
  std::optional<std::chrono::seconds> retry_after() const { return retry_after_; }

 private:
  int code_;
  std::string reason_;
  Json details_;
  std::optional<std::chrono::seconds> retry_after_;
};

}  // namespace k8s
