#include "tests/faults/lab.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "k8s-client/config.h"
#include "k8s-client/credentials.h"
#include "k8s-client/rest_transport.h"
#include "tests/faults/api_server.h"
#include "tests/faults/garbage.h"

namespace faults {
namespace {

using namespace std::chrono_literals;

class InMemory final : public k8s::Transport {
 public:
  explicit InMemory(ApiServer& server) : server_(server) {}
  k8s::Response send(const k8s::Request& request) override { return server_.send(request); }
  std::unique_ptr<k8s::Stream> open(const k8s::Request& request,
                                    std::chrono::milliseconds idle) override {
    return server_.open(request, idle);
  }

 private:
  ApiServer& server_;
};

// One for all tests: the real one is slow to start.
struct Server {
  std::unique_ptr<ApiServer> in_memory;
  std::unique_ptr<k8s::Transport> transport;
  std::unique_ptr<k8s::Client> client;

  Server() {
    if (const char* kubeconfig = std::getenv("CONFORMANCE_KUBECONFIG")) {
      const auto config = k8s::load_config(kubeconfig, "");
      const auto warn = [](const std::string&) {};
      transport = k8s::make_rest_transport(std::make_shared<k8s::Credentials>(config, warn));
    } else {
      in_memory = std::make_unique<ApiServer>(k8s::Clock::now);
      transport = std::make_unique<InMemory>(*in_memory);
    }
    client = std::make_unique<k8s::Client>(*transport);
  }
};

Server& server() {
  static Server the_server;
  return the_server;
}

// Names of namespaces do not come back soon: their end takes time.
std::string fresh_name() {
  static int count = 0;
  return "conformance-" + std::to_string(getpid()) + "-" + std::to_string(++count);
}

}  // namespace

Lab::Lab() : ns(fresh_name()) {
  const Json it = {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", ns}}}};
  client().create(resource("Namespace"), "", it, kUs);
}

Lab::~Lab() {
  const auto it = client().find(resource("Namespace"), "", ns);
  if (it) client().remove(resource("Namespace"), "", ns, {uid_of(*it), ""}, "Background");
}

k8s::Client& Lab::client() const { return *server().client; }
k8s::Transport& Lab::transport() const { return *server().transport; }

Json Lab::create(const Json& body, const std::string& manager) {
  return client().apply(resource(body.at("kind")), body, manager, k8s::Guard::create());
}

Json Lab::update(const Json& body, const std::string& manager) {
  const Json live = get(body.at("kind"), body.at("metadata").at("name"));
  return client().apply(resource(body.at("kind")), body, manager, k8s::Guard::update(uid_of(live)));
}

Json Lab::post(const Json& body) const {
  return client().create(resource(body.at("kind")), ns, body, "poster");
}

Json Lab::merge(const std::string& kind, const std::string& name, const Json& patch,
                const std::string& manager) const {
  return client().merge(resource(kind), ns, name, patch, manager);
}

std::optional<Json> Lab::find(const std::string& kind, const std::string& name) const {
  return client().find(resource(kind), ns, name);
}

Json Lab::get(const std::string& kind, const std::string& name) const {
  return client().get(resource(kind), ns, name);
}

int Lab::code(const std::function<void()>& request) {
  try {
    request();
    return 200;
  } catch (const k8s::ApiError& error) {
    last_error = error.what();
    return error.code();
  }
}

bool Lab::eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 300; ++i) {
    if (holds()) return true;
    if (server().in_memory)
      collect_garbage(*server().in_memory);
    else
      std::this_thread::sleep_for(100ms);
  }
  return false;
}

Json Lab::body(const std::string& kind, const std::string& name, const Json& more) const {
  Json it = {{"apiVersion", resource(kind).api_version()},
             {"kind", kind},
             {"metadata", {{"name", name}, {"namespace", ns}}}};
  if (!more.is_null()) it.merge_patch(more);
  return it;
}

Json Lab::deployment(const std::string& name) const {
  const Json labels = {{"app", name}};
  const Json container = {{"name", "main"}, {"image", "example.org/main:1"}};
  return body("Deployment", name,
              {{"spec",
                {{"replicas", 0},
                 {"selector", {{"matchLabels", labels}}},
                 {"template",
                  {{"metadata", {{"labels", labels}}},
                   {"spec", {{"containers", Json::array({container})}}}}}}}});
}

const k8s::Resource& resource(const std::string& kind) { return kind_named(kind).resource; }
std::string uid_of(const Json& object) { return object.at("metadata").at("uid"); }
std::string version_of(const Json& object) { return object.at("metadata").at("resourceVersion"); }

bool in_step(const Json& object, const Json& body) {
  return k8s::owned_hash(object, "conformance") == k8s::desired_hash(body);
}

}  // namespace faults
