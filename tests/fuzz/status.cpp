#include "k8s-client/api_error.h"
#include "tests/fuzz/targets.h"

namespace fuzz {

void status(std::string_view input) {
  const k8s::ApiError error =
      k8s::api_error("apply Deployment ns/name", {.status = 422, .body = std::string(input)});
  promise(error.code() == 422, "the code of the answer is lost");
  promise(std::string(error.what()).rfind("apply Deployment ns/name", 0) == 0,
          std::string("the message does not begin with what was tried: ") + error.what());
}

}  // namespace fuzz
