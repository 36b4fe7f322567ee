"""Pages that differ in their data only are parsed once: nothing that the checks judge by may be lost to that."""

import pytest

from tests.support.pages import _shape, check_page

ONE = "019addc1-0000-7000-8000-000000000001"
TWO = "019addc1-0000-7000-8000-000000000002"
GOOD = f"""<!doctype html>
<html lang="en"><head><title>Pledge 17 - Placard</title></head><body><h1>Pledge 17</h1>
<table><tr id="row-{ONE}"><td>Amina 12</td></tr><tr id="row-{TWO}"><td>Luis</td></tr></table>
<form action="/x" method="post"><label for="a-1">Amount</label>
<input id="a-1" name="amount" value="900" aria-describedby="hint-1"><p id="hint-1">In dollars &amp; cents</p>
<a href="/pledges/{ONE}/">See</a> <button>Save</button> <img src="/y.svg" alt="Arms"></form>
</body></html>"""
SAME = [("Pledge 17", "Pledge 18"), (ONE, "019addc1-0000-7000-8000-0000000000ff"), ("Amina 12", "Bea O&#39;Other"),
        ('value="900"', 'value=""'), ("Amount", "Sum of money"), ('alt="Arms"', 'alt="Seal of XA"')]
# each makes the page wrong, or might
OTHER = [(TWO, ONE), ("</td></tr></table>", "</td></tr>"), ("Luis", "Luis <b>"), ("Luis", "None"), ("Luis", "{{"),
         ("Luis", "&lt;span"), ("Luis", "a & b &nosuch; c"), ("Luis", "\ufdd0"), ("Luis", " "), ("Save", ""),
         ("hint-1\">", "hint-2\">"), ('for="a-1"', 'for="a-2"'), ("<h1>", "<h2>"), ("- Placard", "- Other"),
         ('alt="Arms"', 'alt=""'), (' alt="Arms"', ""), ('action="/x"', 'action=""'), ("<p id", '<p style="x" id'),
         ("<p id", '<p onclick="x" id'), ('value="900"', 'value="9" 00"'), ("<table>", "<table>Words"),
         ("Luis", "<script>x</script>"), ('value="900"', 'value="900" value="900"')]


@pytest.mark.parametrize("change", SAME)
def test_other_data_are_the_same_page(change):
    other = GOOD.replace(*change)
    assert other != GOOD and _shape(other) == _shape(GOOD)
    check_page(GOOD, "here")
    check_page(other, "here")


@pytest.mark.parametrize("change", OTHER)
def test_what_may_be_a_fault_is_another_page(change):
    other = GOOD.replace(*change)
    assert other != GOOD and _shape(other) != _shape(GOOD)
