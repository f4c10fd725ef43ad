"""Events: what markets remember, to hold alarms against; S&P 500 and NASDAQ, 2003 to 2018."""

import numpy as np

EVENTS = {
    name: np.datetime64(day, "ns")
    for day, name in (
        ("2007-02-27", "Shanghai falls by 9 %"),
        ("2007-08-09", "BNP Paribas closes funds"),
        ("2008-03-16", "Bear Stearns"),
        ("2008-09-15", "Lehman Brothers"),
        ("2010-05-06", "flash crash"),
        ("2011-08-05", "US loses AAA"),
        ("2015-08-24", "China, 1,000 points at the opening"),
        ("2016-06-24", "Brexit vote"),
        ("2018-02-05", "short volatility funds fail"),
    )
}
"""Name to day."""
