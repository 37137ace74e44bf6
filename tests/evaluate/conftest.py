"""What the tests of evaluation share."""

from tests.demo_run import demo_run

__all__ = ["demo_run"]
