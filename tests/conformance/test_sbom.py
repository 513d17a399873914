"""Bills of materials hold by the validators that their makers publish."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

PACKAGE = """Package: {name}
Status: install ok installed
Architecture: amd64
Source: {source}
Version: {version}
Description: of no matter

"""

# Versions and names with all that a package URL must escape, and two of one name.
PACKAGES = [
    ("libstdc++6", "gcc-14 (14.2.0-19)", "14.2.0-19"),
    ("bash", "bash", "5.2.37-2+b5"),
    ("vim-common", "vim", "2:9.1.1230-2~deb13u1"),
    ("linux-image-6.12.0-1-cloud-amd64", "linux-signed-amd64 (6.12.0+1)", "6.12.0-1"),
]


def root(folder):
    """Writes a root file system as far as a bill of materials reads it."""
    texts = {
        "etc/os-release": 'ID=debian\nVERSION_ID="13"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n',
        "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
        "etc/shadow": "root:*:20000:0:99999:7:::\n",
        "var/lib/dpkg/status": "".join(PACKAGE.format(name=n, source=s, version=v) for n, s, v in PACKAGES),
        # A licence that SPDX knows, and one in somebody's words.
        "lib/apk/db/installed": "P:musl\nV:1.2.5-r9\nA:x86_64\nL:MIT\n\nP:odd\nV:1-r0\nA:x86_64\nL:Ours, all of it\n\n",
    }
    for name, text in texts.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


class Sbom(unittest.TestCase):
    def write(self, form):
        """Scans a folder and returns the file with its bill of materials."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root(Path(folder.name, "root"))
        file = Path(folder.name, f"bill.{form}.json")
        command = [os.environ["BAKEHOUSE"], "scan", f"{folder.name}/root", "--write-sbom", file, "--sbom-format", form]
        # 4: the folder would be refused, of course.
        self.assertEqual(subprocess.run(command, capture_output=True, check=False).returncode, 4)
        return file

    def test_cyclonedx_is_valid_by_the_published_schema(self):
        text = self.write("cyclonedx").read_text()
        self.assertIsNone(JsonStrictValidator(SchemaVersion.V1_6).validate_str(text))
        bill = json.loads(text)
        libraries = [component for component in bill["components"] if component["type"] == "library"]
        self.assertEqual(len(libraries), len(PACKAGES) + 2)
        for library in libraries:
            purl = PackageURL.from_string(library["purl"])
            self.assertEqual(purl.name, library["name"])
            self.assertEqual(purl.to_string(), library["purl"])

    def test_spdx_is_valid_by_the_project_s_own_validator(self):
        # Its parser goes by the name.
        file = self.write("spdx")
        document = parse_file(str(file.rename(file.with_name("bill.spdx.json"))))
        self.assertEqual([fault.validation_message for fault in validate_full_spdx_document(document)], [])
        self.assertEqual(len(document.packages), len(PACKAGES) + 3)
