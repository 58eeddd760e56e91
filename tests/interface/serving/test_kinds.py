"""How the values of options are read."""

from __future__ import annotations

from typing import Any

import pytest

from zmqlayer.interface.serving import kinds


@pytest.mark.parametrize(
    ("read", "given", "value"),
    [
        (kinds.text, "a b", "a b"),
        (kinds.path, "", ""),
        (kinds.path, "/live", "/live"),
        (kinds.seconds, "2.5", 2.5),
        (kinds.seconds, 3, 3.0),
        (kinds.number, "7", 7),
        (kinds.size, 65536, 65536),
        (kinds.size, "64k", 65536),
        (kinds.size, "10 MiB", 10 * 2**20),
        (kinds.size, "1G", 2**30),
        (kinds.switch, True, True),
        (kinds.switch, "off", False),
        (kinds.switch, "1", True),
        (kinds.mode, "660", 0o660),
        (kinds.mode, "0660", 0o660),
        (kinds.choice("ncsa", "json"), "json", "json"),
        (kinds.log_format, "%(message)s", "%(message)s"),
        (kinds.log_format, "%(asctime)s %(msecs)03d %(lineno)d", "%(asctime)s %(msecs)03d %(lineno)d"),
        (kinds.level, "3", 3),
        (kinds.lines, ("a,b", "c d"), ("a", "b", "c", "d")),
        (kinds.lines, [], ()),
        (kinds.paths, ("/my site.sock", "/a,b.sock"), ("/my site.sock", "/a,b.sock")),
        (kinds.paths, "/a.sock,/b.sock /c.sock", ("/a.sock", "/b.sock", "/c.sock")),
        (kinds.paths, [""], ()),
        (kinds.endpoints, "tcp:80 unix:/a,b", ("tcp:80", "unix:/a,b")),
        (kinds.ports, ["80", 443], (80, 443)),
        (kinds.ports, "80,443", (80, 443)),
    ],
)
def test_a_value_is_read(read: kinds.Reader, given: object, value: object) -> None:
    """From text or typed, one or a list."""
    assert read(given) == value


@pytest.mark.parametrize(
    ("read", "given", "problem"),
    [
        (kinds.text, 5, "5 is not text"),
        (kinds.path, "live", "'live' does not begin with a slash"),
        (kinds.seconds, "soon", "'soon' is not a number of seconds"),
        (kinds.seconds, True, "True is not a number of seconds"),
        (kinds.number, 1.5, "1.5 is not a whole number"),
        (kinds.positive, 0, "0 is not above 0"),
        (kinds.positive, "99999999999", "'99999999999' is above 2,147,483,647"),
        (kinds.level, "4", "'4' is not in the range 0 to 3"),
        (kinds.size, "-1", "'-1' is not a number of bytes"),
        (kinds.size, True, "True is not a number of bytes"),
        (kinds.switch, "maybe", "'maybe' is neither true nor false"),
        (kinds.mode, "9", "'9' is none of the permissions"),
        (kinds.mode, "1777", "'1777' is none of the permissions"),
        (kinds.mode, 660, "660 is not text; write octal digits with quotation marks, like '660'"),
        (kinds.choice("ncsa", "json"), "xml", "'xml' is none of ncsa, json"),
        (kinds.log_format, "nothing", "is no format of Python's logging"),
        (kinds.log_format, "%(nope)s", "is no format of Python's logging"),
        (kinds.log_format, "%(message)d", "is no format of Python's logging"),
        (kinds.seconds, 10**400, "is not a number of seconds"),
        (kinds.lines, [80], "80 is not text"),
        (kinds.paths, [80], "80 is not text"),
        (kinds.ports, "70000", "70000 is not in the range 0 to 65535"),
        (kinds.ports, "http", "'http' is not a whole number"),
    ],
)
def test_a_wrong_value_is_a_sentence(read: kinds.Reader, given: Any, problem: str) -> None:
    """It shows what was given, so that it can be found."""
    with pytest.raises(ValueError) as caught:
        read(given)

    assert problem in str(caught.value)
