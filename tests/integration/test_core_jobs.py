"""Outbox, jobs, lease, vault, files."""

import io
import threading
import time
import uuid
from datetime import timedelta

import pytest
import sqlalchemy as sa
from werkzeug.datastructures import FileStorage

from core import clock, files, jobs, outbox, scheduler, vault
from core.actor import PUBLIC
from core.db import command, db
from core.errors import RuleBroken
from core.outbox import OutboxMail
from tests.support.crowd import at_once


class Collects:
    def __init__(self, fails=0):
        self.sent, self.fails = [], fails

    def send(self, letter, sender):
        if self.fails:
            self.fails -= 1
            raise ConnectionRefusedError("no server at mail.example")
        self.sent.append(letter)


def _queue(**kwargs):
    command(lambda: outbox.send_mail("a@b.example", kind="probe", subject="S\nInjected: x", body="B", **kwargs))()


def test_mail_is_sent_once_after_the_commit(app, monkeypatch):
    transport = Collects()
    monkeypatch.setitem(app.extensions, "placard_mail", transport)
    _queue(dedupe_key="one")
    _queue(dedupe_key="one")
    assert transport.sent == []
    assert jobs.run("outbox").done == 1
    assert jobs.run("outbox").done == 0
    assert [letter.subject for letter in transport.sent] == ["S Injected: x"]
    assert transport.sent[0].message_id.endswith("@placard.test>")


def test_a_mail_server_that_is_down_delays_and_loses_nothing(app, monkeypatch):
    transport = Collects(fails=1)
    monkeypatch.setitem(app.extensions, "placard_mail", transport)
    _queue()
    jobs.run("outbox")
    row = db.session.scalars(sa.select(OutboxMail)).one()
    assert (row.sent_at, row.attempts, row.last_error) == (None, 1, "ConnectionRefusedError")
    assert row.due_at > clock.real_now()
    row.due_at = clock.real_now()
    db.session.commit()
    jobs.run("outbox")
    assert len(transport.sent) == 1


def test_a_crash_between_sending_and_noting_sends_the_same_message_again(app, monkeypatch):
    transport = Collects()
    monkeypatch.setitem(app.extensions, "placard_mail", transport)
    _queue()

    def crash(*_a):
        raise SystemExit

    with monkeypatch.context() as m:
        m.setattr(outbox, "_settle", crash)
        with pytest.raises(SystemExit):
            jobs.run("outbox")
    row = db.session.scalars(sa.select(OutboxMail)).one()
    row.due_at = clock.real_now()
    db.session.commit()
    jobs.run("outbox")
    assert len(transport.sent) == 2 and transport.sent[0].message_id == transport.sent[1].message_id


def test_words_of_sent_mail_are_forgotten(app, monkeypatch):
    monkeypatch.setitem(app.extensions, "placard_mail", Collects())
    _queue()
    jobs.run("outbox")
    assert outbox.erase_sent(clock.real_now() + timedelta(seconds=1)) == 1
    row = db.session.scalars(sa.select(OutboxMail)).one()
    assert (row.to_address, row.subject, row.body) == (None, None, None)


def test_one_failing_item_does_not_stop_the_rest(app, monkeypatch):
    items = [uuid.uuid4() for _ in range(3)]
    done = []

    def perform(item, _now):
        if item == items[1]:
            raise ValueError("broken row")
        done.append(item)
        return "ok"

    job = jobs.Job("probe", "Probe", 60, lambda now, limit: [(i, now, "x") for i in items if i not in done], perform)
    monkeypatch.setitem(jobs.JOBS, "probe", job)
    outcome = jobs.run("probe")
    assert (outcome.done, outcome.failed, done) == (2, 1, [items[0], items[2]])
    run = db.session.scalars(sa.select(jobs.JobRun).where(jobs.JobRun.name == "probe")).one()
    assert (run.done, run.failed, run.error) == (2, 1, "ValueError: ")


def test_only_one_scheduler_leads_and_another_takes_over(app):
    assert scheduler.take_lease("one") and scheduler.take_lease("one")
    assert not scheduler.take_lease("two")
    row = db.session.get(scheduler.SchedulerLease, "scheduler")
    row.expires_epoch -= scheduler.LEASE_SECONDS + 1  # the holder died
    db.session.commit()
    assert scheduler.take_lease("two") and not scheduler.take_lease("one")
    scheduler.drop_lease("two")
    assert scheduler.take_lease("one")
    assert scheduler.LEASE_SECONDS + scheduler.RENEW_SECONDS < 30


def test_erasing_a_subject_forgets_it_for_good(app):
    subject = uuid.uuid4()
    sealed = vault.seal(subject, "Amina — أمينة")
    assert "Amina" not in sealed and vault.unseal(subject, sealed) == "Amina — أمينة"
    assert vault.unseal(uuid.uuid4(), sealed) is None
    db.session.flush()
    vault.erase(subject)
    db.session.flush()
    assert vault.unseal(subject, sealed) is None


PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer<<>>\n%%EOF\n"


def _upload(content, name):
    return FileStorage(io.BytesIO(content), filename=name)


@pytest.mark.parametrize(("content", "name", "code"), [
    (PDF, "", "file.missing"), (b"", "letter.pdf", "file.empty"), (PDF, "letter.exe", "file.kind"),
    (PDF, "letter", "file.kind"), (b"MZ\x90\x00" + b"\0" * 200, "letter.pdf", "file.content"),
    (b"<html><script>1</script>", "letter.pdf", "file.content"), (PDF, "letter.png", "file.content"),
    (b"%PDF-" + b"x" * 3000, "big.pdf", "file.too_large"), (b"\x89PNG\r\n\x1a\n", "a.pdf", "file.content"),
])
def test_uploads_refused(app, content, name, code):
    folder = app.extensions["placard_settings"].upload_dir
    before = set(folder.glob("*")) if folder.exists() else set()
    with app.test_request_context("/"), pytest.raises(RuleBroken) as caught:
        files.check_upload(_upload(content, name), field="letter", max_bytes=2000)
    assert (caught.value.code, caught.value.field) == (code, "letter")
    assert set(folder.glob("*")) == before, "nothing is left behind"


def test_an_upload_is_kept_and_served_as_an_attachment(app):
    with app.test_request_context("/"):
        checked = files.check_upload(_upload(PDF, "../../etc/note \u202everbale.pdf"), field="letter")
        command(lambda: files.keep(checked, "letter", PUBLIC))()
        response = files.serve(checked.key)
    assert checked.name == "note verbale.pdf"
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in response.headers["Content-Security-Policy"]
    response.direct_passthrough = False
    assert response.get_data() == PDF


@pytest.mark.real_database
def test_a_job_that_two_workers_wake_for_the_first_time(app):
    woken = threading.Event()

    @command
    def wakes():
        db.session.execute(sa.insert(jobs.JobTick).values(name="outbox", woke_at=clock.real_now()))
        woken.set()
        time.sleep(0.3)  # its commit comes while the other is at the same row
        return 0

    assert at_once(app, [wakes, lambda: woken.wait(30) and jobs.run("outbox").failed]) == [0, 0]
    assert db.session.query(jobs.JobTick).filter_by(name="outbox").count() == 1
