"""Runs bakehouse and its peers on a root file system; prints times, memory and how far the lists of packages agree.

Called by side-by-side, which says in the environment where the programs are. What peers find besides is not compared:
each looks for other things.
"""

import collections
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import unquote


class Measured:
    """How long a program ran and computed (seconds, the median of its runs), and the most memory it had (MB)."""

    def __init__(self, name, what, command, runs, folder="/"):
        self.name, self.what = name, what
        timed = [measure(command, folder) for _ in range(runs)]
        self.seconds, self.processor = (statistics.median(run[index] for run in timed) for index in range(2))
        self.megabytes = max(run[2] for run in timed)


def measure(command, folder):
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        # bakehouse ends with 4 where it would refuse the image.
        if process.returncode not in (0, 4):
            output.seek(0)
            sys.exit(f"{command[0]} ended with {process.returncode}:\n{output.read().decode(errors='replace')[-2000:]}")
    # Linux tells it in KiB.
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6


def warm(root):
    """Reads everything once, so that nobody pays for the disk. Returns files and bytes."""
    files = size = 0
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                while piece := file.read(1 << 20):
                    size += len(piece)
            files += 1
    return files, size


def packages_of_dpkg(root):
    form = "${db:Status-Status} ${Package} ${Version} ${Architecture}\n"
    text = subprocess.check_output(["dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show", f"--showformat={form}"], text=True)
    lines = (line.split(" ") for line in text.splitlines())
    return {tuple(words[1:]) for words in lines if words[0] == "installed"}


def components(bill):
    """The packages of Debian in a CycloneDX document, and how many others it has, by kind."""
    purls = [component["purl"] for component in json.loads(bill.read_text())["components"] if component.get("purl")]
    kinds = collections.Counter(purl.partition("/")[0].removeprefix("pkg:") for purl in purls)
    kinds.pop("deb", None)
    return {parts(purl) for purl in purls if purl.startswith("pkg:deb/")}, dict(kinds)


def parts(purl):
    """Name, version and architecture; an epoch may stand in the version or beside it."""
    path, _, query = purl.partition("?")
    name, _, version = path.rpartition("/")[2].partition("@")
    qualifiers = dict(item.partition("=")[::2] for item in query.split("&"))
    version = unquote(version)
    if "epoch" in qualifiers and ":" not in version:
        version = f"{qualifiers['epoch']}:{version}"
    return unquote(name), version, qualifiers.get("arch", "")


def tell(name, found, wanted):
    if found == wanted:
        print(f"  {name}: the same {len(found)}")
        return
    print(f"  {name}: {len(found & wanted)} the same, {len(found - wanted)} not dpkg's, {len(wanted - found)} missing")
    for package in sorted(found ^ wanted)[:5]:
        print(f"    {'+' if package in found else '-'} {' '.join(package)}")


def main():
    root, runs = Path(sys.argv[1]).resolve(), int(sys.argv[2])
    files, size = warm(root)
    print(f"{root}: {files} files, {size / 1e6:.0f} MB; {os.cpu_count()} processors; the median of {runs} runs, page cache warm")
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "bakehouse.json"), Path(folder, "trivy.json")
        scan = [os.environ["BAKEHOUSE"], "scan", f"{root}/", "--format", "json", "--write-sbom", str(ours)]
        # Jars are left out: for them trivy fetches a database from a registry of containers.
        trivy = [os.environ["TRIVY"], "--cache-dir", f"{folder}/cache", "rootfs", "--format", "cyclonedx", "--output", str(theirs)]
        trivy += ["--offline-scan", "--skip-db-update", "--no-progress", "--skip-files", "**/*.jar", str(root)]
        lynis = ["lynis", "audit", "system", "--rootdir", f"{root}/", "--quick", "--no-colors", "--logfile", f"{folder}/log"]
        lynis += ["--report-file", f"{folder}/report"]
        # It looks at nothing outside of the folder that it is started in, and doesn't say so.
        secrets = [os.environ["DETECT_SECRETS"], "scan", "--all-files", "etc"]
        everything = "packages, policy, secrets, changed files, bill of materials"
        results = [
            Measured("bakehouse scan", everything, scan, runs),
            Measured("trivy rootfs", "bill of materials alone, without Java", trivy, runs),
            Measured("lynis audit system", "policy alone", lynis, 1),
            Measured("detect-secrets scan", "secrets alone, in /etc alone", secrets, 1, root),
        ]
        print(f"\n{'':24}{'seconds':>9}{'ratio':>7}{'processor':>11}{'ratio':>7}{'MB':>6}")
        for result in results:
            ratio, processor = result.seconds / results[0].seconds, result.processor / results[0].processor
            times = f"{result.seconds:9.2f}{ratio:7.1f}{result.processor:11.2f}{processor:7.1f}"
            print(f"{result.name:24}{times}{result.megabytes:6.0f}  {result.what}")
        wanted = packages_of_dpkg(root)
        print(f"\npackages of Debian, as dpkg-query lists them: {len(wanted)}")
        for name, bill in [("bakehouse", ours), ("trivy", theirs)]:
            debian, others = components(bill)
            tell(name, debian, wanted)
            print(f"    others: {', '.join(f'{count} {kind}' for kind, count in sorted(others.items())) or 'none'}")
        print("bakehouse leaves out what a package of Debian brought and nobody changed: it is that package's.")


if __name__ == "__main__":
    main()
