import time


def until(condition, timeout=60, what=None, interval=0.2):
    """The first true value of `condition()`; fails with its last value when time is up."""
    end = time.monotonic() + timeout
    value = None
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(interval)
    raise AssertionError(f"not within {timeout} s: {what or condition.__doc__ or 'condition'}; last: {value!r}")
