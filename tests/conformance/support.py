"""A twin of its own for the suite, and clients for it that aren't bakehouse."""

import atexit
import base64
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

BLOCK_BYTES = 512 * 1024
# Generous: a loaded machine is no fault of the twin's.
DEADLINE_SECONDS = 60
# Making one takes boto3 longer than most calls.
CLIENTS = {}
WORKSPACE = 'format = 1\ntarget = "twin"\n'
# What was answered and what was refused, as (service, operation): the suite ends with what is missing.
ANSWERED, REFUSED = set(), set()
# Who is nobody, or asks for what there isn't, is refused before any operation: that tries none.
DOORS = {
    "UnknownOperationException", "InvalidAction", "SignatureDoesNotMatch", "InvalidSignatureException",
    "InvalidClientTokenId", "UnrecognizedClientException", "MissingAuthenticationToken",
}
# An answer of S3's without a body (to HEAD, 304) has its status for a code: what it may stand for.
BARE = {
    "304": {"NotModified"},
    "403": {"AccessDenied"},
    "404": {"NoSuchBucket", "NoSuchKey"},
    "412": {"PreconditionFailed"},
    "416": {"InvalidRange"},
}


class Server:
    """`bakehouse twin serve` on a port of the system's choice, in a workspace that goes with it.

    It is served without limits of rates unless they are asked for: a suite asks more often than a client should.
    """

    def __init__(self, *options):
        self.options = options or ("--rates", "off")
        self.bakehouse = os.environ["BAKEHOUSE"]
        self.folder = tempfile.TemporaryDirectory(prefix="bakehouse-conformance-")
        self.workspace = Path(self.folder.name)
        (self.workspace / "bakehouse.toml").write_text(WORKSPACE)
        self.start()
        atexit.register(self.end)

    def start(self):
        self.log = open(self.workspace / "serve.log", "ab")
        command = self.command("twin", "serve", "--listen", "127.0.0.1:0", *self.options)
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        CLIENTS.clear()
        self.environment = self.exports()
        self.url = self.environment["AWS_ENDPOINT_URL"]

    def exports(self):
        """What `twin env` exports, once the server says where it is."""
        announced = self.workspace / ".bakehouse/twin/server.json"
        wait_until(lambda: announced.exists() or self.process.poll() is not None, "the twin to be served")
        if self.process.poll() is not None:
            raise RuntimeError(f"the twin ended: {(self.workspace / 'serve.log').read_text()}")
        text = subprocess.run(self.command("twin", "env"), check=True, capture_output=True, text=True).stdout
        return dict(re.findall(r"^export (\w+)='([^']*)'$", text, re.MULTILINE))

    def state(self):
        """The twin's own state, as it keeps it."""
        return json.loads((self.workspace / ".bakehouse/twin/state.json").read_text())

    def command(self, *arguments):
        return [self.bakehouse, "-C", str(self.workspace), "--machines", "none", "--on", "twin", *arguments]

    def stop(self):
        """Ends it as Ctrl-C does; returns its exit code."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(DEADLINE_SECONDS)
        self.log.close()
        return code

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()


@cache
def server():
    return Server()


def client(service, region="us-east-1", **options):
    """A boto3 client. It tries once: a refusal is an answer, not a reason to wait."""
    key = (service, region, *sorted(options.items()))
    if key not in CLIENTS:
        CLIENTS[key] = new_client(server(), service, region, options)
    return CLIENTS[key]


def new_client(of, service, region="us-east-1", options={}):
    environment = of.environment
    settings = {
        "endpoint_url": environment["AWS_ENDPOINT_URL"],
        "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
        "config": Config(retries={"total_max_attempts": 1}),
    }
    made = boto3.client(service, region_name=region, **{**settings, **options})
    made.meta.events.register("after-call", note)
    return made


def note(http_response, parsed, model, **_):
    """Keeps account of an answer."""
    code = parsed.get("Error", {}).get("Code") if http_response.status_code >= 300 else None
    account(model.service_model.service_name, model.name, code)


def account(service, operation, code):
    if code is None:
        ANSWERED.add((service, operation))
        return
    if code not in DOORS:
        REFUSED.add((service, operation))
    known = described()[service].get(operation)
    assert known is None or known & BARE.get(code, {code}), f"the twin's table of {operation} does not have {code}"


@cache
def described():
    """What `twin describe` says: by service, as boto3 names it, the codes that each operation may refuse with."""
    text = subprocess.run([server().bakehouse, "twin", "describe", "--format", "json"], check=True, capture_output=True, text=True).stdout
    names = {
        "EC2": "ec2", "EBS direct": "ebs", "S3": "s3", "Marketplace Catalog": "marketplace-catalog",
        "IAM": "iam", "Service Quotas": "service-quotas", "SSM": "ssm", "STS": "sts",
    }
    services = json.loads(text)["services"]
    return {
        names[s["name"]]: {o["name"]: {*o["errors"], *s["common_errors"], *DOORS} for o in s["operations"]}
        for s in services
    }


def aws(*arguments):
    """Runs the AWS CLI with what `twin env` exports; returns what it prints, parsed."""
    done = aws_process(*arguments)
    if done.returncode != 0:
        raise AssertionError(f"aws {' '.join(arguments)}: {done.stderr.strip()}")
    return json.loads(done.stdout) if done.stdout.strip() else None


def aws_process(*arguments):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(server().workspace),
        "AWS_PAGER": "",
        "AWS_MAX_ATTEMPTS": "1",
        **server().environment,
    }
    command = [sys.executable, "-m", "awscli", "--output", "json", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=DEADLINE_SECONDS)
    refusal = re.search(r"\((\S+)\) when calling the (\w+) operation", done.stderr)
    service = {"s3api": "s3"}.get(arguments[0], arguments[0])
    if refusal:
        account(service, refusal[2], refusal[1])
    elif done.returncode == 0:
        account(service, "".join(word.capitalize() for word in arguments[1].split("-")), None)
    return done


def wait_until(done, what):
    """Returns the first true answer of `done`."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (answer := done()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {DEADLINE_SECONDS} s for {what}")
        time.sleep(0.1)
    return answer


def sha256(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def random_block(seed):
    """A block that is the same for the same seed and compresses to nothing less."""
    return hashlib.shake_256(str(seed).encode()).digest(BLOCK_BYTES)


def put_block(ebs, snapshot, index, data, checksum=None):
    return ebs.put_snapshot_block(
        SnapshotId=snapshot,
        BlockIndex=index,
        BlockData=data,
        DataLength=BLOCK_BYTES,
        Checksum=checksum or sha256(data),
        ChecksumAlgorithm="SHA256",
    )


def upload(blocks, size_gib=1, region="us-east-1", **options):
    """Uploads a disk, blocks by index, through EBS direct; returns its snapshot, completed."""
    ebs = client("ebs", region)
    snapshot = ebs.start_snapshot(VolumeSize=size_gib, Description="conformance", **options)["SnapshotId"]
    for index, data in blocks.items():
        put_block(ebs, snapshot, index, data)
    digests = b"".join(hashlib.sha256(blocks[index]).digest() for index in sorted(blocks))
    ebs.complete_snapshot(
        SnapshotId=snapshot,
        ChangedBlocksCount=len(blocks),
        Checksum=sha256(digests),
        ChecksumAlgorithm="SHA256",
        ChecksumAggregationMethod="LINEAR",
    )
    ec2 = client("ec2", region)

    def completed():
        return ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["State"] == "completed"

    wait_until(completed, f"{snapshot} to be completed")
    return snapshot


def download(snapshot, region="us-east-1"):
    """Reads a snapshot's blocks back, by index, each checked against its checksum."""
    ebs = client("ebs", region)
    blocks = {}
    for block in listed_blocks(ebs, snapshot):
        index = block["BlockIndex"]
        answer = ebs.get_snapshot_block(SnapshotId=snapshot, BlockIndex=index, BlockToken=block["BlockToken"])
        data = answer["BlockData"].read()
        assert answer["Checksum"] == sha256(data), f"block {index} of {snapshot} has another checksum"
        blocks[index] = data
    return blocks


def listed_blocks(ebs, snapshot):
    """All pages of ListSnapshotBlocks; boto3 has no paginator for it."""
    page = {}
    while page == {} or page.get("NextToken"):
        token = {"NextToken": page["NextToken"]} if page else {}
        page = ebs.list_snapshot_blocks(SnapshotId=snapshot, **token)
        yield from page["Blocks"]


def register(name, snapshot, **options):
    """Registers an image of a snapshot; returns its id, available."""
    ec2 = client("ec2")
    device = {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot, "DeleteOnTermination": True, "VolumeType": "gp3"}}
    settings = {
        "Name": name,
        "Architecture": "x86_64",
        "VirtualizationType": "hvm",
        "RootDeviceName": "/dev/xvda",
        "BlockDeviceMappings": [device],
        "EnaSupport": True,
        "BootMode": "uefi-preferred",
    }
    image = ec2.register_image(**{**settings, **options})["ImageId"]
    return available(image)


def available(image, region="us-east-1"):
    ec2 = client("ec2", region)

    def state():
        return ec2.describe_images(ImageIds=[image])["Images"][0]["State"] == "available"

    wait_until(state, f"{image} to be available")
    return image


class Case(unittest.TestCase):
    """A test against the suite's twin."""

    maxDiff = None

    @contextmanager
    def refused(self, code, status=None):
        """Expects a refusal by this code, such as AWS gives; hands out the error."""
        caught = {}
        try:
            yield caught
        except ClientError as error:
            self.assertEqual(error.response["Error"]["Code"], code, error)
            if status is not None:
                self.assertEqual(error.response["ResponseMetadata"]["HTTPStatusCode"], status, error)
            caught.update(error.response)
        else:
            self.fail(f"not refused; {code} expected")
