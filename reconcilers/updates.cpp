#include "reconcilers/updates.h"

#include "reconcilers/desired/stateful.h"
#include "reconcilers/workload.h"

namespace reconcilers {
namespace {

using desired::Object;
using k8s::Json;
using k8s::Record;

std::string rendered(const Object& object, const char* annotation) {
  const Json annotations = object.body.at("metadata").value("annotations", Json::object());
  return annotations.value(annotation, "");
}

std::string recorded(const Record& live, const char* annotation) {
  const auto found = live.annotations.find(annotation);
  return found == live.annotations.end() ? "" : found->second;
}

}  // namespace

std::string template_hash(const Json& body) {
  const Json::json_pointer path("/spec/template");
  return body.contains(path) ? k8s::desired_hash({{"template", body.at(path)}}) : "";
}

bool is_unasked_update(const Object& object, const Record& live) {
  const auto same = [&](const char* annotation) {
    return rendered(object, annotation) == recorded(live, annotation);
  };
  if (rendered(object, desired::kTemplateAnnotation).empty()) return false;
  if (text_fact(live, "template") == template_hash(object.body)) return false;
  const std::string approval = rendered(object, desired::kApprovalAnnotation);
  if (!approval.empty() && !same(desired::kApprovalAnnotation)) return false;
  // Made by an operator that did not record it: nobody knows who decided what.
  if (recorded(live, desired::kTemplateAnnotation).empty()) return true;
  // With the same template as rendered before, it was edited by somebody: that is put right.
  return !same(desired::kTemplateAnnotation) && same(desired::kInputsAnnotation);
}

std::string acted_on_approval(const crds::Resolved& resolved, const desired::Objects& desired,
                              const Observed& observed) {
  const std::string& token = resolved.updates_approved;
  if (token.empty()) return "";
  for (const Object& object : desired) {
    if (rendered(object, desired::kApprovalAnnotation) != token) continue;
    const k8s::RecordPtr live = observed.find(object.kind(), object.name());
    if (!live || recorded(*live, desired::kApprovalAnnotation) != token) return "";
  }
  return token;
}

std::string how_to_approve(const crds::Resolved& resolved,
                           const std::vector<std::string>& objects) {
  std::string names;
  for (const std::string& object : objects) names += (names.empty() ? "" : ", ") + object;
  return "this operator would change the pods of " + names +
         " and restart them. To let it, with a word of at most 253 bytes that was not used before: "
         "kubectl -n " +
         resolved.ns + " annotate es/" + resolved.name + " --overwrite " + crds::kApproveUpdates +
         "=WORD. Or set spec.updates to Automatic";
}

}  // namespace reconcilers
