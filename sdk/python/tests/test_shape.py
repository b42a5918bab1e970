"""What the package is made of: types and errors that are those of the committed document, examples that run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import unittest
from pathlib import Path

from tenure.errors import DaemonError

from support import BINARY, ROOT, Daemon

FOLDER = ROOT / "sdk/python"


class Package(unittest.TestCase):
    def test_its_types_are_made_of_the_committed_document(self) -> None:
        check = subprocess.run(
            [sys.executable, FOLDER / "tools/generate.py", "--check"], capture_output=True, text=True
        )
        self.assertEqual(check.returncode, 0, check.stderr)

    def test_every_code_of_the_daemon_has_a_class(self) -> None:
        document = json.loads((ROOT / "crates/tenure-server/openapi.json").read_text())
        self.assertEqual(set(DaemonError.known), set(document["components"]["schemas"]["ErrorCode"]["enum"]))

    def test_it_says_that_it_is_typed_and_needs_httpx_alone(self) -> None:
        self.assertTrue((FOLDER / "src/tenure/py.typed").exists())
        project = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]
        self.assertEqual([re.split("[<>=]", one)[0] for one in project["dependencies"]], ["httpx"])
        listed = (FOLDER / "requirements.txt").read_text()
        self.assertNotIn("://", listed)


class Examples(unittest.TestCase):
    """The first program of each page, with the built-in agent in place of a real one."""

    maxDiff = None

    def run_first_of(self, page: Path) -> str:
        daemon = Daemon()
        self.addCleanup(daemon.end)
        found = re.search(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
        assert found is not None
        program = found[1].replace('"claude"', '"scripted"')
        env = {
            **daemon.environment(),
            "TENURE_HOME": str(daemon.home),
            "TENURE_BIN": BINARY,
            "PYTHONPATH": str(FOLDER / "src"),
        }
        command = [sys.executable, "-W", "error::ResourceWarning", "-c", program]
        done = subprocess.run(command, env=env, cwd=daemon.workdir(), capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_that_of_the_readme_says_what_it_should(self) -> None:
        said = self.run_first_of(FOLDER / "README.md")
        self.assertEqual(said, "You said: Say what this project is, in one sentence.\ncompleted\n")


if __name__ == "__main__":
    unittest.main()
