"""`python -m otgan` is `otgan`."""

from otgan.cli.main import main

main()
