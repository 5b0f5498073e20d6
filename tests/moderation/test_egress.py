"""Out through a site's proxy: the same guard as without it."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.utils import timezone

from moderation import safe_get, safe_http
from moderation.checks import check_settings
from moderation.egress import proxy_of
from moderation.safe_http import Unreachable, UnsafeUrl, post
from moderation.services import alerts, operations, webhooks
from moderation.vocabulary import AlertKind, DeliveryState
from tests.factories import make_platform
from tests.moderation.receiver import Receiver, Resolver, receiving
from tests.moderation.test_safe_http_tls import certificate, tls_receiver

__all__ = ["certificate", "tls_receiver"]
PUBLIC = "93.184.216.34"


class Tunnels:
    """A proxy on loopback: it notes what it is asked for, and leads every tunnel to one port of this machine."""

    def __init__(self, leads_to: int) -> None:
        self.leads_to, self.asked, self.answer = leads_to, list[str](), "HTTP/1.1 200 Connection established"
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://someone:s%40crt@127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            head = b""
            while b"\r\n\r\n" not in head:
                head += near.recv(4096)
            self.asked.append(head.decode())
            near.sendall(f"{self.answer}\r\nVia: 1.1 proxy\r\n\r\n".encode())
            if " 200 " not in self.answer:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.leads_to))
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    try:
        while some := one.recv(4096):
            other.sendall(some)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.fixture
def tunnels(tls_receiver: Receiver) -> Iterator[Tunnels]:
    tunnels = Tunnels(tls_receiver.port)
    yield tunnels
    tunnels.server.close()


def test_it_goes_by_the_address_that_was_looked_at_and_checks_the_name_inside(
    tls_receiver: Receiver, tunnels: Tunnels, monkeypatch: pytest.MonkeyPatch
) -> None:
    Resolver(monkeypatch, hooks_example=[PUBLIC], other_example=[PUBLIC])
    assert post("https://hooks.example/hook", b"{}", {}, proxy=tunnels.url).status == 200
    assert tls_receiver.requests[0].headers["host"] == "hooks.example"
    asked = tunnels.asked[0].split("\r\n")
    assert asked[:2] == [f"CONNECT {PUBLIC}:443 HTTP/1.1", f"Host: {PUBLIC}:443"]
    assert asked[2] == "Proxy-Authorization: Basic c29tZW9uZTpzQGNydA=="
    assert not any("proxy" in name for name in tls_receiver.requests[0].headers)
    with pytest.raises(Unreachable, match="certificate"):
        post("https://other.example/hook", b"{}", {}, proxy=tunnels.url)


@pytest.mark.parametrize("address", ["169.254.169.254", "10.0.0.7", "127.0.0.1", "::ffff:169.254.169.254"])
def test_it_opens_no_tunnel_to_what_is_not_public(
    tunnels: Tunnels, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    Resolver(monkeypatch, hooks_example=[address])
    with pytest.raises(UnsafeUrl):
        post("https://hooks.example/hook", b"{}", {}, proxy=tunnels.url)
    assert tunnels.asked == []


def test_what_is_allow_listed_is_called_without_it(tunnels: Tunnels) -> None:
    with receiving() as inside:
        assert post(inside.url, b"{}", {}, [inside.entry], tunnels.url).status == 200
    assert tunnels.asked == []


@pytest.mark.parametrize("answer", ["HTTP/1.1 403 Forbidden", "HTTP/1.1 407 Who are you", "220 a mail server"])
def test_a_proxy_that_refuses_is_said(tunnels: Tunnels, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    Resolver(monkeypatch, hooks_example=[PUBLIC])
    tunnels.answer = answer
    with pytest.raises(Unreachable, match="the proxy did not connect"):
        post("https://hooks.example/hook", b"{}", {}, proxy=tunnels.url)


def test_no_answer_ends_with_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_http, "TOTAL_SECONDS", 0.5)
    Resolver(monkeypatch, hooks_example=[PUBLIC])
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable):
        post("https://hooks.example/hook", b"{}", {}, proxy=f"http://127.0.0.1:{silent.getsockname()[1]}")


@pytest.mark.parametrize(
    "url", ["proxy:3128", "https://proxy:3128", "http://proxy", "socks5://proxy:1080", "http://p:3128/x"]
)
def test_a_proxy_that_is_none_has_an_id(settings: LazySettings, url: str) -> None:
    with pytest.raises(ValueError, match="http://"):
        proxy_of(url)
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "EGRESS_PROXY": url}
    assert [each.id for each in check_settings()] == ["deepfake_guard.E014"]


@pytest.fixture
def proxied(tunnels: Tunnels, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Tunnels:
    settings.DEEPFAKE_GUARD = {
        **settings.DEEPFAKE_GUARD,
        "EGRESS_PROXY": tunnels.url,
        "ALERT_WEBHOOK": "https://hooks.example/chat",
        "URL_SUBMISSIONS": True,
    }
    Resolver(monkeypatch, hooks_example=[PUBLIC] * 5)
    return tunnels


@pytest.mark.django_db
def test_webhooks_go_out_through_it(proxied: Tunnels) -> None:
    endpoint, _ = webhooks.add_endpoint(make_platform(), "https://hooks.example/hook", actor="test")
    event = webhooks.send_test(endpoint)
    assert webhooks.deliver(event.deliveries.get().pk) == DeliveryState.DELIVERED
    assert len(proxied.asked) == 1


@pytest.mark.django_db
def test_alerts_go_out_through_it(proxied: Tunnels) -> None:
    now = timezone.now()
    assert alerts._chat(operations.Trouble(AlertKind.LATE_CASES, "", now, "3 cases are late", "look"))
    assert len(proxied.asked) == 1


def test_fetched_addresses_go_out_through_it(proxied: Tunnels) -> None:
    into = io.BytesIO()
    safe_get.download("https://hooks.example/a.jpg", into, 100, proxy=proxied.url)
    assert (into.getvalue(), len(proxied.asked)) == (b"ok", 1)
