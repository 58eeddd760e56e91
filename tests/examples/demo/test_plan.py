"""What a run consists of."""

from __future__ import annotations

from demo.plan import Plan, private_cluster
from zmqlayer.names import check_group


def test_tasks_are_servers_then_workers() -> None:
    """Each port gets a server in the plan's cluster, and the workers follow."""
    tasks = Plan((8000, 8001), 1, "demo-x").tasks()
    assert [task.name for task in tasks] == ["server 8000", "server 8001", "worker 1"]
    assert tasks[1].arguments == ("-b", "127.0.0.1", "-p", "8001", "--cluster", "demo-x")


def test_environment_keeps_what_was_there() -> None:
    """Children inherit the environment, and the plan's values win."""
    environment = Plan((8000,), 1, "demo-x").environment({"HOME": "/h", "ZMQLAYER_CLUSTER": "other"})
    assert (environment["HOME"], environment["ZMQLAYER_CLUSTER"]) == ("/h", "demo-x")
    assert environment["CHAT_URLS"] == "http://127.0.0.1:8000/"


def test_private_clusters_differ() -> None:
    """Two runs do not meet, and their names are legal."""
    first, second = private_cluster(), private_cluster()
    assert check_group(first) != check_group(second)
