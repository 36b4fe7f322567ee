"""The Stripe simulator as a child process on loopback, with a file of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

from core.settings import ROOT, Settings


class SimulatorFailed(RuntimeError):
    """The child did not come up; its last words are in instance/simulator.log."""


def start_simulator(settings: Settings) -> subprocess.Popen[bytes]:
    """Start it and wait until it answers. Raises SimulatorFailed."""
    child = launch_simulator(settings)
    wait_for_simulator(child, settings)
    return child


def launch_simulator(settings: Settings) -> subprocess.Popen[bytes]:
    """Start it, without waiting. It ends with this process."""
    with open(settings.instance_dir / "simulator.log", "ab") as log:
        return subprocess.Popen(
            [
                sys.executable, "-m", "stripe_simulator",
                "--port", str(settings.simulator_port),
                "--state", str(settings.instance_dir / "simulator.sqlite3"),
                "--webhook-url", f"http://127.0.0.1:{settings.port}/webhooks/stripe",
                "--parent-pid", str(os.getpid()),
            ],
            cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            # the secret goes by the environment: command lines are visible to every user of the machine
            env={**os.environ, "STRIPE_SIMULATOR_WEBHOOK_SECRET": settings.stripe_webhook_secret.split(",")[0].strip()},
        )


def wait_for_simulator(child: subprocess.Popen[bytes], settings: Settings) -> None:
    """Return once it answers. Raises SimulatorFailed."""
    for _ in range(300):
        if child.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", settings.simulator_port)) == 0:
                return
        time.sleep(0.05)
    child.kill()
    raise SimulatorFailed(f"the Stripe simulator did not start on port {settings.simulator_port}; "
                          f"see {settings.instance_dir / 'simulator.log'}")
