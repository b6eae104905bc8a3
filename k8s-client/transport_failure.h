// Why an exchange has no answer, in words and by stage. cpprestsdk's error codes are of mixed
// categories (an end of file is a 2, "No such file"), so its texts decide and its codes only add.
#pragma once

#include <string>
#include <string_view>

#include "k8s-client/errors.h"

namespace k8s {

// In the message of a handshake that failed because the server's certificate was refused.
inline constexpr std::string_view kCertificateRefused = "certificate verify failed";

struct Failure {
  TransportError::Stage stage;
  std::string message;
};

// `text` and `code` of an http_exception; `started`: a status line had come.
Failure classify_failure(const std::string& text, int code, bool started);

}  // namespace k8s
