"""`python -m famedash` is the command `famedash`."""

from famedash.processes.cli import main

if __name__ == "__main__":
    main()
