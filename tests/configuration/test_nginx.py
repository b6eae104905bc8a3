"""The rendered nginx.conf, run by nginx as the rendered pod says: user, command, files, probes.

Debian's nginx stands in for the image's, image/gunicorn for the application.
"""
import concurrent.futures
import contextlib
import http.client
import json
import socket
import threading
import time

import pytest

import rendered
from pod import Pod, eventually

PORT = 8851

addresses = iter(f"10.96.0.{last}" for last in range(31, 250))
asked = []  # addresses of the pods that run: the last one is asked


@contextlib.contextmanager
def proxy(folder, profile="minimal", **settings):
    """The API's pod, with these settings in spec.api.proxy."""
    folder.chmod(0o755)
    address = next(addresses)

    def change(resource):
        resource["spec"].setdefault("api", {})["proxy"] = settings

    objects = rendered.render(profile, folder, change=change)
    pod = Pod(objects, objects.get("Deployment", "demo-api"), "demo-api-0", address, folder / "claims", folder / "pods")
    asked.append(address)
    try:
        pod.start()
        eventually(pod.ready, 30, "ready")
        yield pod
    except BaseException:
        print(pod.logs())
        raise
    finally:
        asked.remove(address)
        pod.kill()


def ask(path, method="GET", body=None, headers=None, timeout=20):
    connection = http.client.HTTPConnection(asked[-1], PORT, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def reached(path, **arguments):
    """What the application saw."""
    status, body, _ = ask(path, **arguments)
    assert status == 200, body
    return json.loads(body)


def statuses(count, path="/api/v1/version", named=None):
    """Of requests at once; `named` is the address that each names as its own, with its number."""
    def status(number):
        return ask(path, headers={"X-Forwarded-For": named.format(number)} if named else {})[0]
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return sorted(pool.map(status, range(count)))


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    with proxy(tmp_path_factory.mktemp("nginx")) as pod:
        yield pod


def test_it_runs_as_its_own_user_and_is_alive(default):
    nginx = default.containers["nginx"]
    assert nginx.execute(["id", "-u"]).stdout.strip() == "101"
    assert nginx.probe("livenessProbe")


def test_liveness_does_not_ask_the_application(tmp_path_factory):
    with proxy(tmp_path_factory.mktemp("alone")) as pod:
        pod.containers["app"].kill()
        assert pod.containers["nginx"].probe("livenessProbe")
        assert not pod.containers["nginx"].probe("readinessProbe")


def test_the_prefix_is_stripped_and_the_rest_kept(default):
    assert reached("/api/v1/projects/a%20b?x=1&y=%2F")["path"] == "/projects/a%20b?x=1&y=%2F"
    assert reached("/api/v1/projects", method="DELETE")["method"] == "DELETE"


def test_the_prefix_without_its_slash_leads_to_it_on_any_port(default):
    status, _, headers = ask("/api/v1")
    assert (status, headers["Location"]) == (301, "/api/v1/")


def test_everything_else_is_the_site(default):
    assert ask("/")[0] == 200
    assert ask("/no-such-page")[0] == 404
    assert b"html" in ask("/index.html")[1]


def test_without_a_proxy_in_front_the_forwarded_headers_are_ours(default):
    headers = reached("/api/v1/version", headers={"Host": "es.example:8080"})["headers"]
    assert headers["Host"] == "es.example:8080"
    assert headers["X-Forwarded-Host"] == "es.example:8080"
    assert headers["X-Forwarded-Proto"] == "http"
    assert headers["X-Forwarded-Port"] == "8851"
    assert headers["X-Forwarded-For"] == headers["X-Real-IP"] == "10.96.0.1"


def test_what_a_proxy_in_front_said_is_kept(default):
    headers = reached("/api/v1/version", headers={
        "X-Forwarded-Proto": "https", "X-Forwarded-Host": "public.example", "X-Forwarded-Port": "443",
        "X-Forwarded-For": "198.51.100.7", "Authorization": "token"})["headers"]
    assert headers["X-Forwarded-Proto"] == "https"
    assert headers["X-Forwarded-Host"] == "public.example"
    assert headers["X-Forwarded-Port"] == "443"
    assert headers["X-Forwarded-For"] == "198.51.100.7, 10.96.0.1"
    assert headers["Authorization"] == "token"


def test_two_hundred_requests_a_second_and_a_burst_of_fifty_are_the_default(default):
    config = default.objects.config(config_name(default.objects))["nginx.conf"]
    assert "rate=200r/s" in config and "burst=50 nodelay" in config
    assert "client_max_body_size 10000m;" in config
    for setting in ("connect_timeout 600s", "read_timeout 1000s", "send_timeout 1000s"):
        assert f"proxy_{setting};" in config


def config_name(objects):
    volumes = objects.get("Deployment", "demo-api")["spec"]["template"]["spec"]["volumes"]
    return next(v["configMap"]["name"] for v in volumes if v["name"] == "nginx-config")


def test_a_body_over_the_limit_is_refused_with_413(tmp_path):
    with proxy(tmp_path, maxBodySize="1m"):
        assert reached("/api/v1/clks", method="POST", body=b"x" * 2**20)["size"] == 2**20
        assert ask("/api/v1/clks", method="POST", body=b"x" * (2**20 + 1))[0] == 413


def test_a_body_larger_than_the_buffer_goes_through_the_temporary_space(default):
    assert reached("/api/v1/clks", method="POST", body=b"x" * 5_000_000)["size"] == 5_000_000


def test_more_requests_than_the_rate_allows_are_answered_429(tmp_path):
    with proxy(tmp_path, rateLimit={"rps": 1, "burst": 3}) as pod:
        time.sleep(4.5)  # readiness asked too
        answers = statuses(20)
        assert set(answers) == {200, 429}
        assert 4 <= answers.count(200) <= 6, answers
        assert pod.containers["nginx"].probe("livenessProbe"), "the kubelet is not limited"


def test_behind_a_trusted_proxy_each_client_has_its_own_limit(tmp_path):
    with proxy(tmp_path, rateLimit={"rps": 1, "burst": 1}, realIPFrom=["10.96.0.0/16"]):
        assert 429 in statuses(10, named="198.51.100.7")
        assert ask("/api/v1/version", headers={"X-Forwarded-For": "198.51.100.8"})[0] == 200


def test_an_untrusted_client_cannot_choose_its_address(tmp_path):
    with proxy(tmp_path, rateLimit={"rps": 1, "burst": 1}):
        # If the address that it names counted, each would be within its own limit.
        assert 429 in statuses(10, named="198.51.100.{}")


def test_no_rate_limit_when_it_is_zero(tmp_path):
    with proxy(tmp_path, rateLimit={"rps": 0}):
        assert set(statuses(100)) == {200}


def test_more_connections_than_allowed_are_answered_429(tmp_path):
    with proxy(tmp_path, rateLimit={"connections": 2}):
        assert statuses(4, "/api/v1/slow") == [200, 200, 429, 429]


@pytest.mark.parametrize("buffering", ["On", "Off"])
def test_buffering_decides_whether_a_slow_upload_occupies_the_application(tmp_path, buffering):
    with proxy(tmp_path, requestBuffering=buffering):
        with socket.create_connection((asked[-1], PORT), timeout=20) as client:
            client.sendall(b"POST /api/v1/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n1234")
            time.sleep(1)
            arrived = "/upload" in reached("/api/v1/version")["seen"]
            assert arrived == (buffering == "Off")
            client.sendall(b"5678")
            assert b" 200 " in client.recv(100)


def test_a_request_in_flight_survives_the_end_of_the_pod(tmp_path):
    with proxy(tmp_path) as pod:
        answers = []
        # posted a little before nginx is asked to quit
        hook = pod.containers["nginx"].spec["lifecycle"]["preStop"]["exec"]["command"][-1]
        asleep = int(hook.split("\n")[0].split()[1])
        late = threading.Timer(asleep - 1, lambda: answers.append(ask("/api/v1/slow")[0]))
        late.start()
        pod.containers["nginx"].stop()
        late.join()
        assert answers == [200]
