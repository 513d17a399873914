"""Programs that know nothing of the twin: aws-mp-utils, and coldsnap unless it was to be left out."""

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

from support import Case, random_block, server
from test_catalog import PRODUCT, change, details, follow, image, listed, role, start, titles

DISK_BYTES = 5 * 1024 * 1024 + 12345


def run(*command):
    """Runs a program as a user would: with a profile and `twin env`'s variables; returns what it says."""
    home = server().workspace / "home"
    profile = home / ".aws/credentials"
    environment = server().environment
    if not profile.exists():
        profile.parent.mkdir(parents=True)
        keys = [f"{name.lower()} = {environment[name]}\n" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
        profile.write_text("[default]\n" + "".join(keys))
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), **environment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done.stdout


def mp_utils(*arguments):
    """Runs aws-mp-utils on the product; returns the change set that it started."""
    program = Path(sys.executable).parent / "aws-mp-utils"
    said = run(program, "image", *arguments, "--no-color", "--entity-id", listed())
    return re.search(r"Change set Id: (\w+)", said)[1]


def add_version(title, ami, *more):
    texts = ("--release-notes", "New.", "--usage-instructions", "Launch it.", "--os-name", "OTHERLINUX", "--os-version", "Debian 13")
    return mp_utils(
        *("add-version", "--version-title", title, "--ami-id", ami, "--access-role-arn", role(), "--ssh-user", "admin"),
        *("--recommended-instance-type", "t3.small", *texts, *more),
    )


class MpUtils(Case):
    def test_it_adds_versions_one_after_the_other_and_restricts_one(self):
        # Only a public product's versions can be restricted.
        public = change("UpdateVisibility", PRODUCT, {"TargetVisibility": "Public"}, listed())
        self.assertEqual(follow(start([public]))["Status"], "SUCCEEDED")
        first_image = image("mp-utils first")
        first = add_version("10.0.0", first_image)
        # The product is locked now: it reads so from the refusal, waits and submits again by itself.
        second = add_version("10.1.0", image("mp-utils second"), "--conflict-wait-period", "1", "--max-rechecks", "60")
        self.assertEqual(follow(first)["Status"], "SUCCEEDED")
        self.assertEqual(follow(second)["Status"], "SUCCEEDED")
        self.assertLessEqual({"10.0.0", "10.1.0"}, set(titles(listed())))
        restricted = follow(mp_utils("restrict-version", "--ami-id", first_image))
        self.assertEqual(restricted["Status"], "SUCCEEDED", restricted)
        versions = {v["VersionTitle"]: v["DeliveryOptions"][0]["Visibility"] for v in details(listed())["Versions"]}
        self.assertEqual((versions["10.0.0"], versions["10.1.0"]), ("Restricted", "Public"))


# The wrapper fails without it, or says that it was left out.
if os.environ.get("COLDSNAP"):

    class Coldsnap(Case):
        def test_a_disk_comes_back_as_it_went(self):
            folder = server().workspace
            disk, back = folder / "disk.raw", folder / "back.raw"
            # A hole of zeros, and an end that is no whole block.
            content = random_block(1) + bytes(4 * 512 * 1024) + random_block(2) * 9
            content = content[:DISK_BYTES]
            disk.write_bytes(content)
            coldsnap = (os.environ["COLDSNAP"], "--region", "us-east-1", "--endpoint", server().url)
            snapshot = run(*coldsnap, "upload", "--no-progress", "--wait", "--description", "by coldsnap", disk).strip()
            run(*coldsnap, "download", "--no-progress", snapshot, back)
            self.assertEqual(back.stat().st_size, 1024**3)
            with back.open("rb") as read:
                self.assertEqual(read.read(DISK_BYTES), content)
                self.assertFalse(any(read.read(1024 * 1024)), "behind it are zeros")


if __name__ == "__main__":
    unittest.main()
