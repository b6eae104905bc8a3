// Why an exchange has no answer, in words and by stage. cpprestsdk's error codes are of mixed
// categories (an end of file is a 2, "No such file"), so its texts decide and its codes only add.
#pragma once

#include <string>

#include "k8s-client/errors.h"

namespace k8s {

struct Failure {
  TransportError::Stage stage;
  std::string message;
};

// `text` and `code` of an http_exception; `started`: a status line had come.
Failure classify_failure(const std::string& text, int code, bool started);

}  // namespace k8s
