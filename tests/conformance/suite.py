"""Runs the suite: `suite.py [TEST…]`. Ends with the counts; the exit code is 1 when a test failed."""

import sys
import unittest


def main():
    loader = unittest.TestLoader()
    tests = loader.loadTestsFromNames(sys.argv[1:]) if sys.argv[1:] else loader.discover(".")
    result = unittest.TextTestRunner(verbosity=2).run(tests)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    # A test that is skipped has not passed.
    failed += len(result.skipped)
    print(f"{result.testsRun - failed} passed, {failed} failed", file=sys.stderr)
    return 1 if failed or not result.testsRun else 0


if __name__ == "__main__":
    sys.exit(main())
