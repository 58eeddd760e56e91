"""
The layers of the code, as ``docs/design.md`` describes them, held by reading every import.

A module imports from its own layer and from those below, without cycles, and nothing from outside the
standard library but what its layer may use. A new file must be put into the table below.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final

import pytest

from support.sources import imported_names, source_files


@dataclass(frozen=True)
class Layer:
    """
    One row of the table.

    Attributes:
        modules: Names below ``zmqlayer``; a package stands for all in it that is not named itself, "" for
            ``zmqlayer/__init__.py``.
        may_use: Packages from outside the standard library, for the whole layer.
        exceptions: More of them, for single modules.
        is_pure: Whether the layer does without clocks, sockets, threads and chance.
    """

    name: str
    modules: frozenset[str]
    may_use: frozenset[str] = frozenset()
    exceptions: dict[str, frozenset[str]] = field(default_factory=dict)
    is_pure: bool = False


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LAYERS: Final = (
    Layer(
        "words",
        words("actions bind bodies config exceptions keyring limits messages names ports timing unknown"),
        is_pure=True,
    ),
    Layer(
        "parts",
        words(
            "absence addresses barriers batches candidates closures codec copies counters credits custody dialing dues "
            "events follows frames gossip greetings groups heartbeats identity joining journal ledger outbox peers "
            "proofs queues readership refusals rejections reports roles rollcalls rooms roster routes tallies windows"
        ),
        exceptions={"codec": words("msgpack")},
        is_pure=True,
    ),
    Layer(
        "core",
        words("accounts dispatch fanout hellos links mail membership mesh notices readers reception requests"),
        is_pure=True,
    ),
    Layer(
        "I/O",
        words("bell descriptors ending handshakes inheritance memory memory_node memory_wires misspelt node probes")
        | words("publications pump pushes scheduling security slot sockets solo switchboard transport waiters"),
        may_use=words("zmq"),
    ),
    Layer(
        "API",
        words("asking backend base deferreds driving inlets layer loops receiving sync twisted"),
        exceptions=dict.fromkeys(("deferreds", "sync"), words("twisted")),
    ),
    Layer("finding", words("discovery"), may_use=words("zeroconf ifaddr")),
    Layer("composition", words("compose project") | {""}),
    Layer(
        "users",
        words("cli interface worker"),
        may_use=words("click"),
        exceptions={
            "interface": words("twisted autobahn txaio httptools h2 hpack cryptography OpenSSL zope"),
            "worker": words("django asgiref channels pytest uvloop"),
        },
    ),
    Layer("commands", words("worker.management"), may_use=words("click django")),
)

WITHIN: Final = words("worker.management")
"""Parts of packages that stand in the table on their own."""

IMPURE: Final = words("asyncio os random secrets select selectors signal socket ssl subprocess threading time")
FILES: Final = source_files()


def top_of(module: str) -> str:
    """Return the part of a module's name that stands in the table: ``discovery`` for all in it."""
    name = module.removeprefix("zmqlayer").removeprefix(".")
    units = [unit for unit in WITHIN if name == unit or name.startswith(f"{unit}.")]
    return units[0] if units else name.partition(".")[0]


def level_of(module: str) -> int:
    """Return the number of a module's layer, the lowest being 0; a module without one counts as a user of all."""
    levels = [level for level, layer in enumerate(LAYERS) if top_of(module) in layer.modules]
    return levels[0] if levels else len(LAYERS) - 1


def own_imports(module: str, *, at_import_only: bool = False) -> set[str]:
    """Return the project's modules that *module* imports."""
    return imported_names(FILES[module], at_import_only=at_import_only) & set(FILES) - {module}


def allowed_libraries(module: str) -> frozenset[str]:
    """Return the packages outside the standard library that *module* may import."""
    layer = LAYERS[level_of(module)]
    return layer.may_use | layer.exceptions.get(top_of(module), frozenset())


def foreign_imports(path: Path) -> set[str]:
    """Return the packages outside the standard library and the project that a file imports."""
    tops = {name.partition(".")[0] for name in imported_names(path)}
    return tops - sys.stdlib_module_names - {"zmqlayer", "__future__"}


def test_every_module_has_a_layer() -> None:
    """A new file has its place in the table, and the table names no file that is gone."""
    named = {name for layer in LAYERS for name in layer.modules}
    existing = {top_of(module) for module in FILES}

    homeless, gone = sorted(existing - named), sorted(named - existing)
    assert not homeless, f"put {', '.join(homeless)} into the table of tests/test_layers.py, as low as imports allow"
    assert not gone, f"take {', '.join(gone)} out of the table of tests/test_layers.py"


def test_imports_point_down() -> None:
    """A module imports nothing from a layer above its own."""
    upward = [
        f"{module} ({LAYERS[level_of(module)].name}) imports {name} ({LAYERS[level_of(name)].name})"
        for module in FILES
        for name in sorted(own_imports(module))
        if level_of(name) > level_of(module)
    ]

    assert not upward


def test_libraries_stay_in_their_layer() -> None:
    """A module imports no library that its layer may not use."""
    strays = [
        f"{module} ({LAYERS[level_of(module)].name}) may not import {library}"
        for module in FILES
        for library in sorted(foreign_imports(FILES[module]) - allowed_libraries(module))
    ]

    assert not strays


def test_pure_layers_are_told_the_time() -> None:
    """Words, parts and core touch no clock, socket, thread or random number: they are arguments."""
    impure = [
        f"{module} imports {name}"
        for module in FILES
        if LAYERS[level_of(module)].is_pure
        for name in sorted(imported_names(FILES[module]) & IMPURE)
    ]

    assert not impure


def test_pure_layers_call_no_handler_of_the_log() -> None:
    """They run under the lock of the mesh, and a handler may use the layer: what they say goes through the journal."""
    pure = {module for module in FILES if LAYERS[level_of(module)].is_pure}

    assert {module for module in pure if "logging" in imported_names(FILES[module])} == {"zmqlayer.journal"}


def test_server_and_worker_are_strangers() -> None:
    """The interface server and the worker share message formats, not code."""
    pairs = {(top_of(module), top_of(name)) for module in FILES for name in own_imports(module)}

    assert not pairs & {("interface", "worker"), ("worker", "interface")}


def test_few_know_both() -> None:
    """Who puts server and worker together are commands, and nothing else."""
    tops = {module: {top_of(name) for name in own_imports(module)} for module in FILES}
    both = {top_of(module) for module, known in tops.items() if known >= words("interface worker")}

    assert both <= words("cli worker.management")


def test_imports_have_no_cycle() -> None:
    """What happens at import has an order."""
    graph = {module: own_imports(module, at_import_only=True) for module in FILES}

    order = list(TopologicalSorter(graph).static_order())  # CycleError names the cycle

    assert set(order) == set(FILES)


REACTOR: Final = "twisted.internet.reactor"
FRAMEWORKS: Final = ("autobahn", "channels", "click", "django", "twisted", "zeroconf", REACTOR)

WITH_MODELS: Final = "zmqlayer.worker.delay"
"""An app whose modules Django imports when it sets up the models of installed apps."""

IMPORT_EACH: Final = f"""
import contextlib, importlib, json, os, sys, warnings

def set_up_django(app):
    import django.conf
    django.conf.settings.configure(INSTALLED_APPS=[app])
    django.setup()

def import_in_a_fork(module, watched):
    if os.fork() == 0:
        warnings.simplefilter("error")
        error = None
        try:
            if module.startswith("{WITH_MODELS}."):
                set_up_django("{WITH_MODELS}")
            importlib.import_module(module)
        except BaseException as exc:
            error = f"{{type(exc).__name__}}: {{exc}}"
        loaded = [name for name in watched if name in sys.modules]
        os.write(1, json.dumps([module, error, loaded]).encode() + b"\\n")
        os._exit(0)

frameworks, libraries, modules = json.loads(sys.argv[1])
import_in_a_fork("zmqlayer", frameworks)
for library in libraries:
    with contextlib.suppress(Exception):
        importlib.import_module(library)
for number, module in enumerate(modules):
    if number >= os.cpu_count():
        os.wait()
    import_in_a_fork(module, frameworks[-1:])
with contextlib.suppress(ChildProcessError):
    while True:
        os.wait()
"""

computes = pytest.mark.timeout(180)
"""For what waits for nobody: three hundred imports, which take forty seconds on a slow machine."""


@dataclass(frozen=True)
class Import:
    """What importing a module before all others led to."""

    error: str | None
    loaded: list[str]


@pytest.fixture(scope="module")
def fresh_imports() -> dict[str, Import]:
    """
    Import each module where none of the project was imported before, and report what that loaded.

    ``zmqlayer`` is the first import of all. For the others the libraries are there already, to save time.
    """
    modules = [module for module in FILES if module != "zmqlayer" and not module.endswith("__main__")]
    named = {name for module in modules for name in imported_names(FILES[module], at_import_only=True)}
    libraries = sorted(name for name in named if not name.startswith("zmqlayer") and name != REACTOR)
    request = json.dumps([FRAMEWORKS, libraries, modules])
    run = subprocess.run(
        [sys.executable, "-I", "-c", IMPORT_EACH, request], capture_output=True, text=True, check=True, timeout=170
    )
    reports = {module: Import(error, loaded) for module, error, loaded in map(json.loads, run.stdout.splitlines())}
    assert reports.keys() == {"zmqlayer", *modules}
    return reports


@computes
def test_each_module_imports_alone(fresh_imports: dict[str, Import]) -> None:
    """Every module can be the first one that a program imports, without a warning."""
    assert not {module: report.error for module, report in fresh_imports.items() if report.error}


@computes
def test_import_loads_no_framework(fresh_imports: dict[str, Import]) -> None:
    """``import zmqlayer`` loads neither Twisted nor Django, nor zeroconf, which takes a tenth of a second."""
    assert fresh_imports["zmqlayer"].loaded == []


@computes
def test_import_installs_no_reactor(fresh_imports: dict[str, Import]) -> None:
    """No module chooses Twisted's reactor by being imported: that is the program's choice."""
    assert not [module for module, report in fresh_imports.items() if REACTOR in report.loaded]
