"""Every table of core, so that one import makes the metadata complete."""

from core import events, files, jobs, marks, outbox, references, scheduler, vault

__all__ = ["events", "files", "jobs", "marks", "outbox", "references", "scheduler", "vault"]
