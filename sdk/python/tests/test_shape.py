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


def programs(page: Path) -> list[str]:
    """Those of a page that are whole, with the built-in agent in place of a real one."""
    found = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    return [one.replace('"claude"', '"scripted"') for one in found if "asyncio.run" in one]


class Examples(unittest.TestCase):
    """The programs of the pages, run as a user runs them."""

    maxDiff = None

    def setUp(self) -> None:
        self.daemon = Daemon()
        self.addCleanup(self.daemon.end)
        self.work = self.daemon.workdir()

    def run_program(self, program: str) -> str:
        daemon = self.daemon
        path = str(FOLDER / "src")
        env = {**daemon.environment(), "TENURE_HOME": str(daemon.home), "TENURE_BIN": BINARY, "PYTHONPATH": path}
        command = [sys.executable, "-W", "error::ResourceWarning", "-c", program]
        done = subprocess.run(command, env=env, cwd=self.work, capture_output=True, text=True, timeout=120)
        self.assertEqual((done.returncode, done.stderr), (0, ""), program)
        return done.stdout

    def test_that_of_the_readme_says_what_it_should(self) -> None:
        [program] = programs(FOLDER / "README.md")
        said = self.run_program(program)
        self.assertEqual(said, "You said: Say what this project is, in one sentence.\ncompleted\n")

    def test_those_of_the_quick_start_run_one_after_the_other(self) -> None:
        said = [self.run_program(program) for program in programs(ROOT / "docs/python.md")]
        first, asks, stream, back, several, files, past, wrong = said
        self.assertEqual(first, "You said: What is this project?\ncompleted\n")
        self.assertEqual(asks, "")
        self.assertEqual(stream, "You said: Write a poem about logs.\ncompleted\n")
        self.assertRegex(back, r"^1 session.created\n(\d+ .*\n)+\d+ turn.completed\n$")
        self.assertEqual(several, "You said: Look for dead code.\nYou said: Look for missing tests.\n2\n")
        self.assertEqual(files, "0 1\nTrue\n")
        self.assertIn("scripted", past)
        self.assertEqual(wrong, "completed\n")

    def test_their_types_are_right(self) -> None:
        pages = [program for page in (FOLDER / "README.md", ROOT / "docs/python.md") for program in programs(page)]
        for i, program in enumerate(pages):
            (Path(self.work) / f"program_{i}.py").write_text(program)
        command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir=.mypy_cache", "."]
        env = {**self.daemon.environment(), "MYPYPATH": str(FOLDER / "src")}
        done = subprocess.run(command, env=env, cwd=self.work, capture_output=True, text=True, timeout=300)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)


if __name__ == "__main__":
    unittest.main()
