"""Conversion into the settlement currency, at simulated rates (Stripe docs, "Currency conversions").

An account that holds one currency gets every other converted on arrival: a balance transaction is in the
settlement currency and says the ``exchange_rate`` it was converted at. That rate is between the amounts as
the API counts them: 100 yen (``amount`` 100) at 0.67 are 67 US cents. A charge, its refund and its dispute
are each converted at the rate of their own moment.

Simplified: one mid rate a currency, no separate conversion fee. The table is invented for tests and
demonstrations; it is no market data.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from .currencies import digits
from .errors import unsupported
from .store import Tx

_TABLE = """
    usd 1 aed 0.2723 afn 0.0142 all 0.0108 amd 0.00257 ang 0.5587 aoa 0.00109 ars 0.00098 aud 0.657
    awg 0.5556 azn 0.5882 bam 0.5538 bbd 0.5 bdt 0.00837 bgn 0.5538 bhd 2.6525 bif 0.000345 bmd 1 bnd 0.744
    bob 0.1447 brl 0.1745 bsd 1 bwp 0.0735 byn 0.3056 bzd 0.4975 cad 0.715 cdf 0.00035 chf 1.132 clp 0.00103
    cny 0.1381 cop 0.000228 crc 0.00196 cve 0.00982 czk 0.0428 djf 0.00562 dkk 0.1452 dop 0.0166 dzd 0.00749
    egp 0.0202 etb 0.00806 eur 1.0832 fjd 0.443 fkp 1.261 gbp 1.261 gel 0.365 gip 1.261 gmd 0.014
    gnf 0.000116 gtq 0.1296 gyd 0.00478 hkd 0.1285 hnl 0.0396 htg 0.00761 huf 0.00264 idr 0.0000631 ils 0.27
    inr 0.0118 isk 0.00724 jmd 0.00632 jod 1.4104 jpy 0.0067 kes 0.00774 kgs 0.0116 khr 0.000248 kmf 0.0022
    krw 0.000715 kwd 3.252 kyd 1.2 kzt 0.00202 lak 0.0000456 lbp 0.0000112 lkr 0.00343 lrd 0.00557 lsl 0.0552
    mad 0.1003 mdl 0.055 mga 0.000215 mkd 0.0176 mmk 0.000476 mnt 0.000294 mop 0.1248 mur 0.0215 mvr 0.0649
    mwk 0.000577 mxn 0.049 myr 0.225 mzn 0.0157 nad 0.0552 ngn 0.000596 nio 0.0272 nok 0.0905 npr 0.0074
    nzd 0.585 omr 2.6008 pab 1 pen 0.265 pgk 0.251 php 0.0171 pkr 0.00359 pln 0.252 pyg 0.000128 qar 0.2747
    ron 0.2177 rsd 0.00925 rub 0.0104 rwf 0.00073 sar 0.2665 sbd 0.119 scr 0.0705 sek 0.0912 sgd 0.744
    shp 1.261 sle 0.044 sos 0.00175 srd 0.0283 std 0.0000442 szl 0.0552 thb 0.0289 tjs 0.0939 tnd 0.3165
    top 0.419 try 0.029 ttd 0.1474 twd 0.0307 tzs 0.000388 uah 0.0241 ugx 0.00027 uyu 0.023 uzs 0.0000776
    vnd 0.0000394 vuv 0.0084 wst 0.357 xaf 0.00165 xcd 0.3704 xcg 0.5587 xof 0.00165 xpf 0.00908 yer 0.004
    zar 0.0552 zmw 0.0365
"""
_WORDS = _TABLE.split()
#: US dollars for one unit, simulated.
US_DOLLARS = {code: Decimal(value) for code, value in zip(_WORDS[::2], _WORDS[1::2], strict=True)}


def rate_of(tx: Tx, currency: str) -> Decimal:
    """What one unit is worth now in the settlement currency: control switch, command line, built-in table."""
    home = tx.config.settlement_currency
    if currency == home:
        return Decimal(1)
    row = tx.conn.execute("SELECT value FROM rate WHERE currency = ?", (currency,)).fetchone()
    if row is not None:
        return Decimal(row["value"])
    if currency in tx.config.rates:
        return tx.config.rates[currency]
    if currency not in US_DOLLARS:
        raise unsupported(f"currency ({currency}: no simulated rate)")
    return US_DOLLARS[currency] / US_DOLLARS[home]


def set_rate(tx: Tx, currency: str, value: Decimal) -> None:
    """Change a rate from now on; what was converted before stays as it is."""
    tx.conn.execute(
        "INSERT INTO rate (currency, value) VALUES (?, ?) "
        "ON CONFLICT (currency) DO UPDATE SET value = excluded.value",
        (currency, str(value)),
    )


def convert(tx: Tx, amount: int, currency: str) -> tuple[int, float | None]:
    """The amount in the settlement currency, half up, and the rate between the two as the API counts them."""
    home = tx.config.settlement_currency
    if currency == home:
        return amount, None
    rate = rate_of(tx, currency).scaleb(digits(home) - digits(currency))
    rate = rate.quantize(Decimal(1).scaleb(rate.adjusted() - 5))  # six significant digits, as it is shown
    return int((amount * rate).quantize(Decimal(1), rounding=ROUND_HALF_UP)), float(rate)
