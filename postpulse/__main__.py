"""`python -m postpulse` is the command `postpulse`."""

from postpulse.cli.main import main

if __name__ == "__main__":
    main()
