#include "k8s-client/client.h"

#include <thread>
#include <utility>

#include "k8s-client/api_error.h"
#include "k8s-client/errors.h"
#include "k8s-client/json_text.h"
#include "k8s-client/retry.h"

namespace k8s {
namespace {

constexpr const char* kPageSize = "500";
constexpr int kListRestarts = 3;
constexpr const char* kMetadataList =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

std::string what(const char* verb, const Resource& resource, const std::string& ns,
                 const std::string& name) {
  return std::string(verb) + " " + ObjectKey{resource.kind, ns, name}.text();
}

// Raw UTF-8: the API server's YAML parser misreads some escapes of JSON; invalid bytes (log tails
// in messages) are replaced instead of thrown about.
std::string body_text(const Json& body) {
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string metadata_text(const Json& body, const char* field) {
  const auto metadata = body.find("metadata");
  if (metadata == body.end() || !metadata->is_object()) return {};
  return metadata->value(field, std::string());
}

Json parse(const std::string& tried, const Response& response) {
  Json object = parse_json(response.body);
  if (object.is_discarded()) {
    throw TransportError(
        TransportError::Stage::Body,
        tried + ": the answer (HTTP " + std::to_string(response.status) + ") is not JSON");
  }
  return object;
}

// To an apply or a merge that names a uid, the uid of what stands there is a field that cannot
// change: 422, and what is meant is a conflict.
bool says_other_uid(const ApiError& error) {
  if (error.code() != 422 || !error.details().is_object()) return false;
  for (const Json& cause : error.details().value("causes", Json::array()))
    if (cause.is_object() && cause.value("field", "") == "metadata.uid") return true;
  return false;
}

}  // namespace

struct Client::Call {
  std::string tried;
  Request request;
  bool idempotent;
};

Client::Client(Transport& transport, Sleep sleep)
    : transport_(transport), sleep_(sleep ? std::move(sleep) : [](std::chrono::milliseconds time) {
        std::this_thread::sleep_for(time);
      }) {}

Json Client::exchange(const Call& call) const {
  Response response;
  try {
    response = send_with_retry(transport_, call.request, call.idempotent, sleep_);
  } catch (const TransportError& error) {
    throw TransportError(error.stage(), call.tried + ": " + error.what());
  }
  if (response.status < 200 || response.status > 299) {
    const ApiError error = api_error(call.tried, response);
    if (says_other_uid(error)) throw ApiError(409, "Conflict", error.what(), error.details());
    throw error;
  }
  return parse(call.tried, response);
}

Json Client::get(const Resource& resource, const std::string& ns, const std::string& name) const {
  return exchange({what("get", resource, ns, name),
                   {.method = "GET", .path = object_path(resource, ns, name)},
                   true});
}

std::optional<Json> Client::find(const Resource& resource, const std::string& ns,
                                 const std::string& name) const {
  try {
    return get(resource, ns, name);
  } catch (const ApiError& error) {
    if (error.code() == 404) return std::nullopt;
    throw;
  }
}

std::string Client::list(const Resource& resource, const std::string& ns, const Selector& selector,
                         const std::function<void(Json&&)>& on_item,
                         const std::function<void()>& on_restart, bool metadata_only) const {
  const std::string tried = "list " + resource.plural + (ns.empty() ? "" : " in " + ns);
  std::string next;
  for (int restarts = 0;;) {
    Request request{.method = "GET", .path = collection_path(resource, ns)};
    request.query.emplace_back("limit", kPageSize);
    if (!selector.labels.empty()) request.query.emplace_back("labelSelector", selector.labels);
    if (!selector.fields.empty()) request.query.emplace_back("fieldSelector", selector.fields);
    if (!next.empty()) request.query.emplace_back("continue", next);
    if (metadata_only) request.accept = kMetadataList;
    Json page;
    try {
      page = exchange({tried, std::move(request), true});
    } catch (const ApiError& error) {
      if (error.code() != 410 || next.empty() || ++restarts > kListRestarts) throw;
      next.clear();
      if (on_restart) on_restart();
      continue;
    }
    const auto items = page.find("items");
    if (items == page.end() || !(items->is_array() || items->is_null())) {
      throw TransportError(TransportError::Stage::Body, tried + ": the answer has no items");
    }
    for (Json& item : *items) on_item(std::move(item));
    std::string after = metadata_text(page, "continue");
    if (after.empty()) return metadata_text(page, "resourceVersion");
    if (after == next) {  // or we would ask for it for ever
      throw TransportError(TransportError::Stage::Body, tried + ": a page is followed by itself");
    }
    next = std::move(after);
  }
}

Json Client::apply_to(const Resource& resource, const Json& body, const std::string& manager,
                      const std::string& subresource) const {
  const std::string ns = metadata_text(body, "namespace");
  const std::string name = metadata_text(body, "name");
  std::string tried = what("apply", resource, ns, name);
  if (!subresource.empty()) tried += " " + subresource;
  return exchange({std::move(tried),
                   {.method = "PATCH",
                    .path = object_path(resource, ns, name, subresource),
                    .query = {{"fieldManager", manager}, {"force", "true"}},
                    .body = body_text(body),
                    .content_type = "application/apply-patch+yaml"},
                   true});
}

Json Client::apply(const Resource& resource, Json body, const std::string& manager,
                   const Guard& guard) const {
  if (guard.uid.empty()) {
    body["metadata"]["resourceVersion"] = "1";
  } else {
    body["metadata"]["uid"] = guard.uid;
  }
  return apply_to(resource, body, manager, "");
}

Json Client::patch_status(const Resource& resource, Json body, const std::string& manager) const {
  return apply_to(resource, body, manager, "status");
}

Json Client::scale(const Resource& resource, const std::string& ns, const std::string& name,
                   const std::string& uid, std::int64_t replicas,
                   const std::string& manager) const {
  const Json metadata = {{"uid", uid}}, spec = {{"replicas", replicas}};
  return exchange({what("scale", resource, ns, name),
                   {.method = "PATCH",
                    .path = object_path(resource, ns, name, "scale"),
                    .query = {{"fieldManager", manager}},
                    .body = body_text({{"metadata", metadata}, {"spec", spec}}),
                    .content_type = "application/merge-patch+json"},
                   false});
}

Json Client::merge(const Resource& resource, const std::string& ns, const std::string& name,
                   const Json& body, const std::string& manager) const {
  return exchange({what("patch", resource, ns, name),
                   {.method = "PATCH",
                    .path = object_path(resource, ns, name),
                    .query = {{"fieldManager", manager}},
                    .body = body_text(body),
                    .content_type = "application/merge-patch+json"},
                   false});
}

Json Client::create(const Resource& resource, const std::string& ns, const Json& body,
                    const std::string& manager) const {
  return exchange({what("create", resource, ns, metadata_text(body, "name")),
                   {.method = "POST",
                    .path = collection_path(resource, ns),
                    .query = {{"fieldManager", manager}},
                    .body = body_text(body),
                    .content_type = "application/json"},
                   false});
}

Json Client::update(const Resource& resource, const std::string& ns, const std::string& name,
                    const Json& body, const std::string& manager) const {
  return exchange({what("update", resource, ns, name),
                   {.method = "PUT",
                    .path = object_path(resource, ns, name),
                    .query = {{"fieldManager", manager}},
                    .body = body_text(body),
                    .content_type = "application/json"},
                   !metadata_text(body, "resourceVersion").empty()});
}

bool Client::remove(const Resource& resource, const std::string& ns, const std::string& name,
                    const Precondition& precondition, const std::string& propagation) const {
  Json preconditions = {{"uid", precondition.uid}};
  if (!precondition.resource_version.empty()) {
    preconditions["resourceVersion"] = precondition.resource_version;
  }
  const Json options = {{"apiVersion", "v1"},
                        {"kind", "DeleteOptions"},
                        {"preconditions", preconditions},
                        {"propagationPolicy", propagation}};
  try {
    exchange({what("delete", resource, ns, name),
              {.method = "DELETE",
               .path = object_path(resource, ns, name),
               .body = body_text(options),
               .content_type = "application/json"},
              true});
    return true;
  } catch (const ApiError& error) {
    if (error.code() == 404 || error.code() == 409) return false;
    throw;
  }
}

}  // namespace k8s
