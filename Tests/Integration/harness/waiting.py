"""Waiting for a condition instead of for time to pass."""

import time

POLL_SECONDS = 0.05


def eventually(condition, what, timeout=30.0):
    """Calls `condition` until it returns something true and returns that.

    An `AssertionError` raised by the condition counts as "not yet", so that a condition can be written with `assert`.
    After `timeout` seconds the test fails, saying what was waited for and what the last attempt said.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            result = condition()
            last = f"last result: {result!r}"
            if result:
                return result
        except AssertionError as error:
            last = f"last failure: {error}"
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s in vain for {what}; {last[:2000]}")
        time.sleep(POLL_SECONDS)


def throughout(condition, seconds, what):
    """Fails as soon as `condition` is not true within the next `seconds`: for states that have to last."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), f"{what} did not last {seconds:g} s"
        time.sleep(POLL_SECONDS)
