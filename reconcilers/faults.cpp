#include "reconcilers/faults.h"

#include <set>

namespace reconcilers {
namespace {

using k8s::ApiError;
using k8s::TransportError;

constexpr int kConflict = 409, kUnauthorized = 401, kTooManyRequests = 429;
constexpr auto kPatience = std::chrono::seconds(10);

// Without a connection, a lease or an identity nothing else would succeed either.
bool concerns_everything(const k8s::Error& error) {
  if (const auto* answer = dynamic_cast<const ApiError*>(&error))
    return answer->code() == kConflict || answer->code() == kUnauthorized ||
           says_namespace_ending(*answer);
  if (const auto* lost = dynamic_cast<const TransportError*>(&error)) {
    using Stage = TransportError::Stage;
    return lost->stage() == Stage::Connect || lost->stage() == Stage::Write ||
           lost->stage() == Stage::Cancelled;
  }
  return true;
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

std::string remedy(const std::string& text) {
  if (contains(text, "exceeded quota"))
    return "raise the ResourceQuota of the namespace or make room in it";
  if (contains(text, "failed calling webhook"))
    return "put that admission webhook right; nothing of the kind can be written without it";
  if (contains(text, "admission webhook") || contains(text, "ValidatingAdmissionPolicy"))
    return "ask who owns that admission rule, or change what it objects to";
  // User "NAME" cannot VERB …; validation, too, says of values what they cannot be.
  if (contains(text, "\" cannot ") || contains(text, "cannot set blockOwnerDeletion"))
    return "the operator lacks this permission: apply the manifest that it was installed with "
           "(install.yaml or namespaced.yaml), of its version";
  return "";
}

}  // namespace

bool tells_fault(const k8s::Json& status) {
  static const std::set<std::string> kReasons = {kServerError, kServerBusy, kRequestRefused};
  for (const auto& it : status.value("conditions", k8s::Json::array()))
    if (it.value("status", "") == "True" && kReasons.contains(it.value("reason", ""))) return true;
  return false;
}

bool about_the_object(const ApiError& error) {
  const int code = error.code();
  return code >= 400 && code < 500 && code != kUnauthorized && code != 408 &&
         code != kTooManyRequests;
}

bool says_namespace_ending(const ApiError& error) {
  if (error.code() == 404)
    return error.details().is_object() && error.details().value("kind", "") == "namespaces";
  if (error.code() != 403 || !error.details().is_object()) return false;
  for (const auto& cause : error.details().value("causes", k8s::Json::array()))
    if (cause.value("reason", "") == "NamespaceTerminating") return true;
  return false;
}

std::string refusal_text(const std::string& what, const k8s::Error& error) {
  const std::string said = error.what();
  const std::string advice = remedy(said);
  return "the API server refuses " + what + ": " + said + (advice.empty() ? "" : "; " + advice);
}

bool Faults::attempt(const std::string& what, const std::function<void()>& step) {
  if (given_up()) return false;
  try {
    step();
    return true;
  } catch (const k8s::Error& error) {
    keep(what, error);
    return false;
  }
}

void Faults::keep(const std::string& what, const k8s::Error& error) {
  if (concerns_everything(error)) throw;
  met(error);
  if (!first_) first_ = std::current_exception();
  const auto* answer = dynamic_cast<const ApiError*>(&error);
  if (answer != nullptr && about_the_object(*answer)) {
    refusals_.push_back({kRequestRefused, refusal_text(what, error)});
    return;
  }
  const std::string said = error.what();
  const std::string advice = remedy(said);
  const bool busy = answer != nullptr && answer->code() == kTooManyRequests;
  passing_.push_back({busy ? kServerBusy : kServerError, what + ": " + said +
                                                             (advice.empty() ? "" : "; " + advice) +
                                                             "; it is tried again by itself"});
}

void Faults::met(const k8s::Error& error) {
  const auto* answer = dynamic_cast<const ApiError*>(&error);
  if (answer != nullptr && about_the_object(*answer) && !says_namespace_ending(*answer)) return;
  if (concerns_everything(error)) in_vain_ = true;
  auto never = kNever;
  since_.compare_exchange_strong(never, now_());
}

bool Faults::given_up() const {
  const auto since = since_.load();
  return in_vain_ || (since != kNever && now_() - since > kPatience);
}

}  // namespace reconcilers
