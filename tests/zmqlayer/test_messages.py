"""The message formats: which codes may close a WebSocket."""

from __future__ import annotations

import pytest

from zmqlayer.messages import is_close_code


@pytest.mark.parametrize("code", [1000, 1003, 1007, 1014, 3000, 4999])
def test_codes_that_may_be_sent(code: int) -> None:
    """Those that RFC 6455 or its registry gives a meaning in a frame, and those that are free."""
    assert is_close_code(code)


@pytest.mark.parametrize("code", [-1, 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, True, 1000.0, "1000", None])
def test_codes_that_may_not(code: object) -> None:
    """Some only stand for what was never sent, some are nobody's, some are no codes."""
    assert not is_close_code(code)
