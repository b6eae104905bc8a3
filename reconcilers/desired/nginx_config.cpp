// nginx.conf, complete: nothing of the image's own configuration is read, so that it runs as any
// user on a read-only root file system. The image brings the program and the site.
#include <sstream>

#include "crds/quantity.h"
#include "reconcilers/desired/components.h"
#include "reconcilers/desired/metadata.h"

namespace reconcilers::desired {
namespace {

using crds::Proxy;

std::int64_t processes(const Proxy& proxy) {
  const Json limit = proxy.resources.value(Json::json_pointer("/limits/cpu"), Json());
  const auto cpus =
      limit.is_string() ? crds::Quantity::parse(limit.get<std::string>()) : std::nullopt;
  return cpus ? cpus->ceil() : 1;
}

// A request and a connection limit share the key: the client's address as nginx sees it, after
// real_ip. Refused requests get the status that says so, not 503.
std::string limit_zones(const Proxy& proxy) {
  std::ostringstream text;
  if (proxy.requests_per_second > 0) {
    text << "  limit_req_zone $binary_remote_addr zone=requests:10m rate="
         << proxy.requests_per_second << "r/s;\n"
         << "  limit_req_status 429;\n";
  }
  if (proxy.connections > 0) {
    text << "  limit_conn_zone $binary_remote_addr zone=connections:10m;\n"
         << "  limit_conn_status 429;\n";
  }
  return text.str();
}

std::string limits(const Proxy& proxy) {
  std::ostringstream text;
  if (proxy.requests_per_second > 0) {
    text << "      limit_req zone=requests";
    if (proxy.burst > 0) text << " burst=" << proxy.burst << " nodelay";
    text << ";\n";
  }
  if (proxy.connections > 0) text << "      limit_conn connections " << proxy.connections << ";\n";
  return text.str();
}

std::string real_ip(const Proxy& proxy) {
  if (proxy.real_ip_from.empty()) return {};
  std::string text;
  for (const std::string& range : proxy.real_ip_from) {
    text += "  set_real_ip_from " + range + ";\n";
  }
  return text + "  real_ip_header X-Forwarded-For;\n  real_ip_recursive on;\n";
}

// Temporary files of every module: nginx makes them all at start.
constexpr const char* kHead = R"(
error_log stderr warn;
pid /tmp/nginx.pid;

events {
  worker_connections 4096;
}

http {
  types {
    text/html html htm;
    text/css css;
    text/plain txt;
    text/xml xml;
    application/javascript js;
    application/json json map;
    application/yaml yaml yml;
    application/pdf pdf;
    image/svg+xml svg svgz;
    image/png png;
    image/jpeg jpeg jpg;
    image/gif gif;
    image/x-icon ico;
    font/woff woff;
    font/woff2 woff2;
    font/ttf ttf;
  }
  default_type application/octet-stream;

  log_format main '$remote_addr "$request" $status $request_length $bytes_sent '
                  '$request_time $upstream_response_time "$http_user_agent" '
                  '"$http_x_forwarded_for"';
  access_log /dev/stdout main;

  client_body_temp_path /tmp/client-body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;

  sendfile on;
  server_tokens off;
  absolute_redirect off;
  keepalive_timeout 1000s;

  # What a proxy in front of us said of the client is kept.
  map $http_x_forwarded_proto $forwarded_proto {
    default $http_x_forwarded_proto;
    '' $scheme;
  }
  map $http_x_forwarded_host $forwarded_host {
    default $http_x_forwarded_host;
    '' $http_host;
  }
  map $http_x_forwarded_port $forwarded_port {
    default $http_x_forwarded_port;
    '' $server_port;
  }
)";

constexpr const char* kProxyHeaders = R"(      proxy_pass http://127.0.0.1:8000/;
      proxy_http_version 1.1;
      proxy_redirect off;
      proxy_set_header Host $http_host;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $forwarded_proto;
      proxy_set_header X-Forwarded-Host $forwarded_host;
      proxy_set_header X-Forwarded-Port $forwarded_port;
)";

std::string api_location(const Proxy& proxy) {
  std::ostringstream text;
  text << "    location /api/v1/ {\n"
       << limits(proxy) << kProxyHeaders << "      proxy_request_buffering "
       << (proxy.request_buffering ? "on" : "off") << ";\n"
       << "      proxy_connect_timeout " << proxy.connect_timeout_seconds << "s;\n"
       << "      proxy_read_timeout " << proxy.read_timeout_seconds << "s;\n"
       << "      proxy_send_timeout " << proxy.send_timeout_seconds << "s;\n"
       << "    }\n";
  return text.str();
}

std::string server(const Proxy& proxy) {
  std::ostringstream text;
  text << "  server {\n"
       << "    listen 8851;\n"
       << "    client_max_body_size " << proxy.max_body_size << ";\n"
       << "    client_body_buffer_size " << proxy.body_buffer_size
       << ";\n\n"
       // The kubelet's question must not depend on the site or on limits.
       << "    location = /-/alive {\n"
       << "      access_log off;\n"
       << "      return 204;\n"
       << "    }\n\n"
       << api_location(proxy) << "\n"
       << "    location / {\n"
       << limits(proxy) << "      root /usr/share/nginx/html;\n"
       << "    }\n"
       << "  }\n";
  return text.str();
}

}  // namespace

Object nginx_config(const Resolved& resolved) {
  const Proxy& proxy = resolved.api.proxy;
  const std::string text = "worker_processes " + std::to_string(processes(proxy)) + ";" + kHead +
                           "\n" + real_ip(proxy) + limit_zones(proxy) + "\n" + server(proxy) +
                           "}\n";
  return hashed_config(resolved, kConfig, resolved.name + "-nginx", {{"nginx.conf", text}});
}

}  // namespace reconcilers::desired
