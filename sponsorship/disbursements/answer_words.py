"""Words of what became of payments: the bank's reasons, doubts, and what two people find."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from sponsorship.disbursements import answer_service

_ACCOUNT = {
    "account_closed": _l("The account is closed"),
    "account_unknown": _l("The bank does not know the account"),
    "name_differs": _l("The name differs from the account’s"),
}
_OTHER = {"other": _l("Another reason")}
REASONS = {
    "reject": {
        "account_unknown": _ACCOUNT["account_unknown"], "name_differs": _ACCOUNT["name_differs"],
        "format_refused": _l("The bank could not read the instruction"),
        "sanctions_hold": _l("The bank’s own checks stopped it"),
        "rejected_by_bank": _l("The bank refused the payment"), **_OTHER,
    },
    "fail": {**_ACCOUNT, "rejected_by_bank": _l("The bank refused the payment"),
             "returned": _l("The payment came back"), **_OTHER},
    "return": {**_ACCOUNT, "not_collected": _l("The payee did not collect it"),
               "returned": _l("The payee’s bank sent it back"), **_OTHER},
    "reverse": {
        "paid_twice": _l("The bank had paid it twice"), "wrong_payee": _l("The bank had paid somebody else"),
        "bank_error": _l("Another mistake of the bank"), "recalled": _l("We recalled it"), **_OTHER,
    },
}
DOUBTS = {
    "no_answer": _l("The bank does not answer"), "unclear_answer": _l("The bank’s answer is unclear"),
    "answers_differ": _l("The bank’s answers differ"), "file_damaged": _l("The file reached the bank damaged"),
    **_OTHER,
}
CONTRADICTIONS = {
    "paid_after_all": _l("It was paid after all"), "answers_differ": _l("Its answers differ"),
}
FINDING_REFUSALS = {
    "papers_differ": _l("The papers show something else"), "papers_missing": _l("Papers are missing"), **_OTHER,
}
ANSWERS = {
    "confirmed": _l("Paid"), "rejected": _l("Rejected"), "failed": _l("Failed"), "returned": _l("Came back"),
    "reversed": _l("Reversed"), "contradicted": _l("Contradicted its earlier word"),
}
OUTCOMES = {"paid": _l("It was paid"), "unpaid": _l("It was not paid")}
BEARERS = {"fund": _l("the fund"), "payee": _l("the payee")}
REASON_WORDS = {code: label for reasons in (*REASONS.values(), DOUBTS, CONTRADICTIONS) for code, label in
                reasons.items()}
assert tuple(REASONS["reject"]) == answer_service.REJECTIONS and set(REASONS["fail"]) == set(answer_service.FAILURES)
assert set(REASONS["return"]) == set(answer_service.RETURNS) and set(DOUBTS) == set(answer_service.DOUBTS)
assert set(REASONS["reverse"]) == set(answer_service.REVERSALS)
assert set(CONTRADICTIONS) == set(answer_service.CONTRADICTIONS)
