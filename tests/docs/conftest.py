"""What the tests of the documentation share."""

from tests.demo_run import demo_run

__all__ = ["demo_run"]
