"""Serves the explorers with Voila, to whoever works at this machine or to a class.

Each visitor has a kernel of her own. Voila starts it, shows what the notebook's only cell displays,
and takes no code from the page. Added here are a check of where requests come from, and limits: on
the number of visitors, on the memory of each, and on how long a kernel waits for one who has left.
"""

import ipaddress
import re
import sys
from pathlib import Path
from typing import Any, ClassVar

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher
from tornado.web import Finish, RequestHandler
from traitlets import Integer, List, Unicode
from traitlets.config import Config
from voila.app import Voila

FOREIGN = (
    "This dashboard was asked for by a name, or from a page, that it does not answer to.\n"
    "Whoever serves it can allow a name: make dashboard ARGS=--host=course.example.org\n"
)
FULL = (
    "All places of this dashboard are taken at the moment. Please try again in a few minutes.\n"
    "Whoever serves it can allow more visitors: make dashboard ARGS=--visitors=40\n"
)
_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^\s:@/\[\]]+))(?::\d+)?")


def _name(host: str) -> str:
    """The name in a lower-case "name:port"; empty if it has another form."""
    found = _HOST.fullmatch(host)
    return (found["v6"] or found["name"]) if found else ""


def _is_loopback(name: str) -> bool:
    """Whether a name means the machine on which the browser itself runs."""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Foreign(Matcher):
    """Matches requests that name another server, or that another page has made.

    A page elsewhere may let its own name lead to this machine (DNS rebinding); the browser then
    sends that name as `Host`. A request of a page with another address has that `Origin`, or none
    but a `Sec-Fetch-Site` that tells. A link on another page, which a reader follows, is welcome.

    Args:
        hosts: names of this server, besides those that mean the machine itself.
    """

    def __init__(self, hosts: list[str]) -> None:
        self._hosts = {host.lower() for host in hosts}

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        headers = request.headers
        host, origin = headers.get("Host", "").lower(), headers.get("Origin", "").lower()
        is_known = _name(host) in self._hosts or _is_loopback(_name(host))
        scheme, _, server = origin.partition("://")
        # A proxy may send the name by which it knows this server as `Host`.
        is_own = scheme in ("http", "https") and (server == host or _name(server) in self._hosts)
        is_link = headers.get("Sec-Fetch-Dest") == "document"
        from_here = headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none") or is_link
        return None if is_known and (is_own or not origin) and from_here else {}


class Words(RequestHandler):
    """Answers every request with a line of plain text, in which nothing of the request appears."""

    def initialize(self, status: int, text: str) -> None:
        self._answer = status, text

    def prepare(self) -> None:
        say(self, *self._answer)


def say(handler: RequestHandler, status: int, text: str) -> None:
    """Ends a request with plain text."""
    handler.set_status(status)
    handler.set_header("Content-Type", "text/plain; charset=utf-8")
    handler.set_header("X-Content-Type-Options", "nosniff")
    handler.finish(text)


class Kernels(AsyncMappingKernelManager):
    """The kernels of the visitors, one for each."""

    visitors = Integer(
        16, min=1, config=True, help="How many visitors there may be at the same time."
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._starting: set[str] = set()

    # The class above is asynchronous too, but its types are those of one that is not.
    async def start_kernel(self, **options: Any) -> str:  # type: ignore[override]
        # By its name, because a kernel is in the list of all before its start is over: to be
        # counted twice, it would take the place of another visitor.
        kernel: str = options.setdefault("kernel_id", self.new_kernel_id(**options))
        self._starting.add(kernel)
        try:
            await super().start_kernel(**options)
            return kernel
        finally:
            self._starting.discard(kernel)
            self._tell()

    def remove_kernel(self, kernel_id: str) -> Any:
        removed = super().remove_kernel(kernel_id)
        self._tell()
        return removed

    def _tell(self) -> None:
        self.log.info("%d of %d places are taken", self.taken, self.visitors)

    @property
    def taken(self) -> int:
        """How many places are taken, those of kernels that are being started included."""
        return len({*self.list_kernel_ids(), *self._starting})

    @property
    def is_full(self) -> bool:
        """Whether all places are taken."""
        return self.taken >= self.visitors


def check_places(handler: Any, **_: Any) -> None:
    """Tells a visitor in words when no place is left; Voila asks before it starts a kernel."""
    if handler.kernel_manager.is_full:
        say(handler, 503, FULL)
        raise Finish


class Dashboard(Voila):
    """Voila with these checks and limits."""

    hosts = List(
        Unicode(),
        config=True,
        help="A name by which visitors know this server; may be given several times.",
    )
    memory = Integer(
        2000, min=1000, config=True, help="How many MB of data the kernel of a visitor may hold."
    )
    aliases: ClassVar = {
        **Voila.aliases,
        "host": "Dashboard.hosts",
        "visitors": "Kernels.visitors",
        "memory": "Dashboard.memory",
    }
    classes: ClassVar = [*Voila.classes, Kernels]

    def init_handlers(self) -> list[Any]:
        refused = (Foreign(self.hosts), Words, {"status": 403, "text": FOREIGN})
        return [refused, *super().init_handlers()]

    def start(self) -> None:
        if sys.platform == "linux":  # other systems have no such limit, or do not keep to it
            import resource

            limit, (_, most) = self.memory * 10**6, resource.getrlimit(resource.RLIMIT_DATA)
            if most == resource.RLIM_INFINITY or limit < most:
                resource.setrlimit(resource.RLIMIT_DATA, (limit, most))  # kernels inherit it
        super().start()


SETTINGS = {
    "Voila": {
        "ip": "127.0.0.1",
        "notebook_path": str(Path(__file__).with_name("explorers.ipynb")),
        # A page that is left says so, but without the token that this check asks for: its kernel
        # would stay. The requests of other pages, which the check is there for, meet `Foreign`.
        "tornado_settings": {"disable_check_xsrf": True},
    },
    "VoilaConfiguration": {
        "multi_kernel_manager_class": Kernels,
        "prelaunch_hook": check_places,
        # An address could choose them otherwise, and what it chose would stand in the page.
        "allow_template_override": "NO",
        "allow_theme_override": "NO",
    },
    # A visitor who comes back within this time finds her page as it was.
    "MappingKernelManager": {"cull_idle_timeout": 300, "cull_interval": 30},
}

if __name__ == "__main__":
    Dashboard.launch_instance(config=Config(SETTINGS))
