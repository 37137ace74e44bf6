"""Lets `python -m orgaudit` be the command line."""

from orgaudit.cli import main

main()
