"""Who may use the dashboard, and how much of it: one server, and visitors without a browser.

The docstring of each test says what could go wrong without it.
"""

import asyncio
import http.client
import json
import re
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.httputil import HTTPHeaders, HTTPInputError, HTTPServerRequest, RequestStartLine
from tornado.websocket import websocket_connect

import divlab
from dashboard.__main__ import Foreign, Kernels
from divlab import languages
from tests.browser.pages import serve

VISITORS, MEMORY = 3, 1500
ROOT = Path(__file__).parents[1]
SOURCES = [
    "".join(cell["source"])
    for cell in json.loads((ROOT / "dashboard/explorers.ipynb").read_text(encoding="utf-8"))[
        "cells"
    ]
]
CELLS = [
    "import resource; print('memory', resource.getrlimit(resource.RLIMIT_DATA)[0])",
    f"{SOURCES[0]}\nprint('language', language)",
]
OPTIONS = [
    f"--visitors={VISITORS}", f"--memory={MEMORY}", "--host=course.example.org",
    "--MappingKernelManager.cull_idle_timeout=8", "--MappingKernelManager.cull_interval=1",
]  # fmt: skip


class Server(NamedTuple):
    """A dashboard that runs: its port, and the file with what it logs."""

    port: int
    log: Path

    def ask(self, path: str = "/", method: str = "GET", **headers: str) -> tuple[int, Any, str]:
        """Status, headers and text of the answer; `headers` are sent and no others."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": f"localhost:{self.port}", **headers}.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        found = answer.status, answer.headers, answer.read().decode()
        connection.close()
        return found

    def kernels(self) -> int:
        """How many kernels were started so far."""
        return self.log.read_text().count("Kernel started")

    def leave(self, page: str) -> None:
        """What a browser sends when it closes a page."""
        path = f"/voila/api/shutdown/{kernel_of(page)}"
        assert self.ask(path, "POST", Origin=f"http://localhost:{self.port}")[0] == 204

    def wait_for_places(self) -> None:
        """Waits until the kernels of all visitors have ended, and their places are free again."""
        end = time.monotonic() + 120
        while (told := re.findall(r"(\d+) of \d+ places are taken", self.log.read_text())) and (
            told[-1] != "0"
        ):
            assert time.monotonic() < end, "kernels stay, although their visitors have left"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if sys.platform == "win32":
        pytest.skip("what the page runs asks for a limit that Windows does not have")
    folder = tmp_path_factory.mktemp("dashboard")
    with serve(folder, CELLS, *OPTIONS, voila=True) as address:
        yield Server(int(address.rsplit(":", 1)[1].strip("/")), folder / "server.log")


def is_foreign(**headers: str) -> bool:
    """Whether a server that is also `course.example.org` refuses a request with these headers."""
    named = HTTPHeaders({name.replace("_", "-"): value for name, value in headers.items()})
    line = RequestStartLine("GET", "/", "HTTP/1.0")
    try:
        request = HTTPServerRequest(start_line=line, headers=named)
    except HTTPInputError:
        return True  # tornado itself answers these, with 400
    return Foreign(["Course.example.org"]).match(request) is not None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "EVIL.EXAMPLE:8866", "192.168.0.7:8866", "[2001:db8::1]:8866", "[::1", "",
        "localhost.evil.example", "evil.example.localhost", "127.0.0.1.evil.example", "localhost:x",
        "evil@localhost", "localhost@evil.example", "localhost,evil.example", "localhost.",
        "sub.course.example.org", "course.example.org.evil.example", "0.0.0.0:8866",
    ],
)  # fmt: skip
def test_a_foreign_host_is_refused(host: str) -> None:
    """A page could let its name lead to this machine, and use the dashboard as its own."""
    assert is_foreign(Host=host)
    assert is_foreign(Host=host, Origin=f"http://{host}")


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:8866", "LOCALHOST:8866", "127.0.0.1:8866", "127.8.8.8",
        "[::1]:8866", "course.example.org", "COURSE.example.org:443",
    ],
)  # fmt: skip
def test_an_own_host_is_answered(host: str) -> None:
    """A check could lock out whoever works at this machine, or behind a proxy."""
    assert not is_foreign(Host=host)
    assert not is_foreign(Host=host, Origin=f"http://{host.lower()}")
    assert not is_foreign(Host=host, Origin="https://course.example.org")
    assert not is_foreign(Host=host, Sec_Fetch_Site="same-origin", Sec_Fetch_Dest="empty")
    assert not is_foreign(Host=host, Sec_Fetch_Site="cross-site", Sec_Fetch_Dest="document")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "HTTP://EVIL.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://127.0.0.1:8866"},  # another origin than localhost, to a browser
        {"Origin": "http://localhost:8866.evil.example"},
        {"Origin": "http://[::1]:8866"},
        {"Origin": "file://localhost:8866"},
        {"Origin": "https://sub.course.example.org"},
        {"Origin": "http://course.example.org@evil.example"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Dest": "image"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Dest": "iframe"},
        {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Dest": "script"},
    ],
)
def test_a_foreign_page_is_refused(headers: dict[str, str]) -> None:
    """A page that somebody has open could start kernels here, or talk with them."""
    assert is_foreign(Host="localhost:8866", **headers)


def test_what_is_refused_gets_403_and_starts_no_kernel(server: Server) -> None:
    """A handler of Voila's that checks nothing, such as that of the page, could answer."""
    before, nobody = server.kernels(), uuid.uuid4()
    foreign = [{"Host": "evil.example"}, {"Origin": "http://<b>evil</b>.example"}, {"Host": ""}]
    for headers in foreign:
        for path in ("/", "/voila/static/main.js", f"/api/kernels/{nobody}/channels", "/nothing"):
            status, answered, text = server.ask(path, **headers)
            assert status == 403, (headers, path)
            assert answered["Content-Type"] == "text/plain; charset=utf-8"
            assert "evil" not in text
        assert server.ask(f"/voila/api/shutdown/{nobody}", "POST", **headers)[0] == 403
    assert server.kernels() == before


def kernel_of(page: str) -> str:
    """The identity of a page's kernel."""
    found = re.search(r'"?kernelId"?: ?"([\w-]+)"', page)
    assert found, page
    return found[1]


def message(kind: str, **content: Any) -> dict[str, Any]:
    header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": "s", "version": "5.3"}
    header["username"] = ""
    return {"header": header, "parent_header": {}, "metadata": {}, "content": content}


def v1(sent: dict[str, Any]) -> bytes:
    """A message on the channel "shell" in Jupyter's binary form, version 1."""
    parts = [
        json.dumps(sent[n]).encode() for n in ("header", "parent_header", "metadata", "content")
    ]
    parts = [b"shell", *parts]
    offsets = [8 * (2 + len(parts))]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    numbers = [len(offsets), *offsets]
    return b"".join(number.to_bytes(8, "little") for number in numbers) + b"".join(parts)


@pytest.mark.parametrize("protocol", [None, "v1.kernel.websocket.jupyter.org"])
def test_a_visitor_runs_no_code_and_a_foreign_page_hears_nothing(
    server: Server, tmp_path: Path, protocol: str | None
) -> None:
    """Whoever opens the page could run what they like on the machine that serves it."""
    status, _, page = server.ask()
    assert status == 200
    kernel, written = kernel_of(page), tmp_path / "written"
    channels = f"ws://localhost:{server.port}/api/kernels/{kernel}/channels"
    code = f"open({str(written)!r}, 'w').close()"
    kinds = ["execute_request", "debug_request", "inspect_request", "complete_request"]

    async def visit() -> list[str]:
        for name, foreign in (("Origin", "http://evil.example"), ("Host", "evil.example")):
            with pytest.raises(HTTPClientError, match="403"):
                await websocket_connect(HTTPRequest(channels, headers={name: foreign}))
        socket = await websocket_connect(channels, subprotocols=[protocol] if protocol else None)
        assert socket.selected_subprotocol == protocol
        heard: list[str] = []
        for kind in [*kinds, "kernel_info_request"]:
            sent = message(kind, code=code, silent=False, cursor_pos=3, command="", arguments={})
            legacy = json.dumps({**sent, "channel": "shell"})
            await socket.write_message(v1(sent) if protocol else legacy, binary=bool(protocol))
        while "kernel_info_reply" not in heard:  # the kernel takes messages in their order
            answer = await asyncio.wait_for(socket.read_message(), 30)
            said = answer if isinstance(answer, str) else (answer or b"").decode(errors="replace")
            heard += re.findall(r'"msg_type": ?"(\w+)"', said)
        socket.close()
        while await asyncio.wait_for(socket.read_message(), 30) is not None:
            pass  # until the server has closed as well, so that nothing of it is left open
        return heard

    heard = asyncio.run(visit())
    assert not written.exists()
    assert not {kind.replace("request", "reply") for kind in kinds} & set(heard)
    assert (
        server.ask(f"/voila/api/shutdown/{kernel}", "POST", Origin="http://evil.example")[0] == 403
    )
    server.leave(page)


def test_nothing_of_the_address_is_shown_as_html(server: Server) -> None:
    """A link could carry a script, or choose a template or a theme that does."""
    query = "?template=..%2Fevil&theme=%3Cscript%3Eevil()%3C/script%3E&%22%3E%3Cscript%3Eevil()"
    status, _, page = server.ask("/" + query)
    assert status == 200
    assert "evil" not in page
    server.leave(page)


@pytest.mark.parametrize(
    ("query", "language"), [("language=pt", "pt"), ("x=1&language=pt", "pt"), ("language=xx", "en")]
)
def test_the_address_chooses_the_language(server: Server, query: str, language: str) -> None:
    """A visitor who reads only Portuguese could get English, or an unknown language an error."""
    server.wait_for_places()
    status, _, page = server.ask(f"/?{query}")
    assert status == 200
    assert f"language {language}" in page
    server.leave(page)


@pytest.mark.parametrize(("language", "link"), [("pt", "English"), ("en", "Português")])
def test_the_front_page_has_a_link_to_the_other_language(
    monkeypatch: pytest.MonkeyPatch, language: str, link: str
) -> None:
    """Nobody would find the Portuguese page who does not know its address."""
    shown: list[Any] = []
    monkeypatch.setattr(divlab, "configure", lambda *, language: languages.use(language))
    exec(SOURCES[1], {"language": language, "display": shown.append})
    assert f">{link}</a>" in shown[0].value
    assert languages.present().name == language
    languages.use("en")


def test_a_kernel_that_is_being_started_takes_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the list of all kernels before its start is over, and could be counted twice."""

    async def start(self: Any, *, kernel_id: str) -> str:
        self._kernels[kernel_id] = None
        taken.append(self.taken)
        return kernel_id

    taken: list[int] = []
    monkeypatch.setattr(AsyncMappingKernelManager, "start_kernel", start)
    kernels = Kernels(visitors=2)
    for _ in range(2):
        assert not kernels.is_full
        kernel = asyncio.run(kernels.start_kernel())
    assert taken == [1, 2]
    assert kernels.is_full
    kernels.remove_kernel(kernel)
    assert not kernels.is_full


def test_visitors_beyond_the_limit_are_told_so_until_others_have_left(server: Server) -> None:
    """Visitors could fill the machine's memory, and their kernels stay after they have left."""
    server.wait_for_places()
    before = server.kernels()

    async def visits() -> list[tuple[int, Any, str]]:
        return await asyncio.gather(*(asyncio.to_thread(server.ask) for _ in range(VISITORS + 3)))

    answers = asyncio.run(visits())
    assert sorted(status for status, _, _ in answers) == [200] * VISITORS + [503] * 3
    assert server.kernels() == before + VISITORS
    refused = next(answer for answer in answers if answer[0] == 503)
    assert refused[1]["Content-Type"] == "text/plain; charset=utf-8"
    assert "places of this dashboard are taken" in refused[2]
    server.wait_for_places()  # nobody has told the server of leaving
    status, _, page = server.ask()
    assert status == 200
    assert f"memory {MEMORY}000000" in page
    server.leave(page)
