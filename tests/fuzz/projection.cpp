#include "k8s-client/record.h"
#include "tests/fuzz/targets.h"

namespace fuzz {
namespace {

constexpr const char* kManager = "entityservice-operator";

}  // namespace

void projection(std::string_view input) {
  const k8s::Json object = k8s::Json::parse(input, nullptr, false);
  if (object.is_discarded()) return;
  const k8s::Json owned = k8s::owned_projection(object, kManager);
  const std::string hash = k8s::owned_hash(object, kManager);
  promise(owned.is_null() == hash.empty(), "a projection without a hash, or the reverse");
  if (owned.is_null()) return;
  promise(hash == k8s::desired_hash(owned),
          "applying exactly what is ours would differ from what is ours: " + owned.dump());
}

}  // namespace fuzz
