"""Runs the suite: `suite.py [TEST…]`. Ends with the counts; the exit code is 1 when a test failed."""

import sys
import unittest

from support import ANSWERED, REFUSED, described

# What there is no way to be refused in, but at the door: by a wrong signature.
NEVER_REFUSED = {("s3", "ListBuckets"), ("sts", "GetCallerIdentity")}


def untried():
    """Tells which operations were never answered or never refused: all of them are to be tried."""
    operations = {(service, name) for service, rows in described().items() for name in rows}
    missing = [f"{service} {name} was never answered" for service, name in sorted(operations - ANSWERED)]
    missing += [f"{service} {name} was never refused" for service, name in sorted(operations - REFUSED - NEVER_REFUSED)]
    print("\n".join(missing) or f"{len(operations)} operations were answered and refused", file=sys.stderr)
    return missing


def main():
    loader = unittest.TestLoader()
    tests = loader.loadTestsFromNames(sys.argv[1:]) if sys.argv[1:] else loader.discover(".")
    result = unittest.TextTestRunner(verbosity=2).run(tests)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    # A test that is skipped has not passed.
    failed += len(result.skipped)
    if not sys.argv[1:]:
        failed += len(untried())
    print(f"{result.testsRun - failed} passed, {failed} failed", file=sys.stderr)
    return 1 if failed or not result.testsRun else 0


if __name__ == "__main__":
    sys.exit(main())
