"""A daemon in a scratch home: started, killed, cleared away. Tests see it as a user's program does."""

from __future__ import annotations

import json
import logging
import os
import platform
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tenure import Tenure

ROOT = Path(__file__).resolve().parents[3]
#: The program under test.
BINARY = os.environ.get("TENURE_BIN") or str(ROOT / "target/debug/tenure")

# The tests run in asyncio's debug mode, which tells of every step over 100 ms.
logging.getLogger("asyncio").setLevel(logging.ERROR)

for name in [name for name in os.environ if name.startswith("TENURE_")]:
    del os.environ[name]


class Daemon:
    """A scratch home and its daemon. `start` and `kill9` may be called again and again; `end` clears all away."""

    def __init__(self, config: str = "") -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="tenure-py-")
        self.scratch = Path(self._scratch.name)
        self.home = self.scratch / "home"
        self.user = self.scratch / "user"
        for folder in (self.home, self.user):
            folder.mkdir(mode=0o700)
        (self.home / "config.toml").write_text(config)
        self._address = "127.0.0.1:0"
        self._made = 0

    def start(self) -> None:
        """On the address that it had, so that clients by TCP find it again."""
        self.cli("up", "--detach", "--listen", self._address)
        self._address = urlsplit(self.url).netloc

    def kill9(self) -> None:
        os.kill(self.file["pid"], signal.SIGKILL)

    @property
    def file(self) -> Any:
        return json.loads((self.home / "daemon.json").read_text())

    @property
    def url(self) -> str:
        return str(self.file["url"])

    @property
    def socket(self) -> str:
        return str(self.file["socket"])

    @property
    def token(self) -> str:
        return (self.home / "token").read_text().strip()

    def client(self) -> Tenure:
        """One that starts no daemon: that is the test's business."""
        return Tenure(home=str(self.home), start=False)

    def workdir(self) -> str:
        self._made += 1
        folder = self.scratch / f"work-{self._made}"
        folder.mkdir()
        return str(folder)

    def leave(self, path: str, lines: list[Any]) -> None:
        """A file of another tool, below the user's home."""
        file = self.user / path
        file.parent.mkdir(parents=True)
        file.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines), encoding="utf-8")

    def environment(self) -> dict[str, str]:
        return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.user), "LANG": "C.UTF-8"}

    def cli(self, *words: str) -> str:
        command = [BINARY, "--home", str(self.home), *words]
        done = subprocess.run(command, env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"tenure {' '.join(words)}: {done.stderr}")
        return done.stdout

    def end(self) -> None:
        try:
            self.cli("up", "--detach")
            self.cli("down", "--all")
        finally:
            self._scratch.cleanup()


class Claude:
    """Claude Code as the lockfile of tests/agents pins it, asking a scripted model."""

    def __init__(self) -> None:
        arch = "arm64" if platform.machine() == "aarch64" else "x64"
        program = ROOT / f"tests/agents/node_modules/@anthropic-ai/claude-code-linux-{arch}/claude"
        if not program.is_file():
            raise RuntimeError(f"{program} is not there: cargo xtask install-agents")
        self._scratch = tempfile.TemporaryDirectory(prefix="tenure-py-claude-")
        self._model = subprocess.Popen([ROOT / "target/debug/tenure-model"], stdout=subprocess.PIPE, text=True)
        assert self._model.stdout is not None
        url, home = self._model.stdout.readline().strip(), self._scratch.name
        (Path(home) / "tmp").mkdir()
        env = {
            "HOME": home,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "TMPDIR": f"{home}/tmp",
            "CLAUDE_CONFIG_DIR": f"{home}/.claude",
            "CLAUDE_CODE_TMPDIR": f"{home}/tmp",
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": "sk-ant-not-a-key",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
        }
        pairs = ", ".join(f"{name} = {json.dumps(value)}" for name, value in env.items())
        #: Lines of a `config.toml`.
        self.config = (
            f"[history.claude]\nroots = [{json.dumps(f'{home}/.claude')}]\n"
            f'[agents.claude]\nprotocol = "claude"\ncommand = [{json.dumps(str(program))}]\n'
            f"inherit_env = []\nenv = {{ {pairs} }}\n"
        )

    def end(self) -> None:
        self._model.kill()
        self._model.communicate()
        self._scratch.cleanup()


def script(*steps: Any) -> str:
    """A prompt for the scripted agent."""
    return f"@@{json.dumps(steps)}@@"
