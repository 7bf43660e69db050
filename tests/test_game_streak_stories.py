"""What a streak is like after a while, in one sentence each (behaviour, section 5)."""

from __future__ import annotations

import pytest
from streak_sentences import play

STORIES = """
# A day counts once, from the first event that adds something
In Europe/London, daily: active 04-02 12:00; on 04-02 12:00 length 1 since 04-02, period 04-02 to 04-02, expires 04-03, history 0 0 1.
In Europe/London, daily: active 04-02 12:00; on 04-03 09:00 length 1 since 04-02, period 04-02 to 04-02, expires 04-03, history 0 1 0.
In Europe/London, daily: active 04-02 12:00, 04-03 12:00; on 04-03 13:00 length 2 since 04-02, period 04-03 to 04-03, expires 04-04, history 0 1 2.
In Europe/London, daily: active 04-02 08:00, 04-02 12:00, 04-02 23:59:59; on 04-03 00:00 length 1 since 04-02, period 04-02 to 04-02, expires 04-03, history 1 0.
In Europe/London, daily: active 04-02 12:00, minus 04-02 13:00; on 04-02 14:00 length 1 since 04-02, period 04-02 to 04-02, expires 04-03, history 0 1.
In Europe/London, daily: minus 04-02 12:00, active 04-02 13:00; on 04-02 14:00 length 0, history 0 0.
In Europe/London, daily: minus 04-02 12:00, active 04-03 13:00; on 04-03 14:00 length 1 since 04-03, period 04-03 to 04-03, expires 04-04, history 0 1.

# Local midnight after the day of expiry ends it
In Europe/London, daily: active 04-02 12:00; on 04-03 23:59:59 length 1 since 04-02, period 04-02 to 04-02, expires 04-03, history 1 0.
In Europe/London, daily: active 04-02 12:00; on 04-04 00:00 length 0, history 1 0 0.
In Europe/London, daily: active 04-02 12:00, 04-03 12:00, 04-05 12:00; on 04-05 13:00 length 1 since 04-05, period 04-05 to 04-05, expires 04-06, history 1 2 0 1.

# Freezes cover missed days without counting, one each, while there are any
In Europe/London, daily, 1 of 1 freezes: active 04-02 12:00; on 04-03 23:59 length 1 since 04-02, period 04-02 to 04-02, expires 04-03, 1 freeze, history 1 0.
In Europe/London, daily, 1 of 1 freezes: active 04-02 12:00; on 04-04 00:00 length 1 since 04-02, period 04-02 to 04-02, expires 04-04, 0 freezes, history 1 1* 0.
In Europe/London, daily, 1 of 1 freezes: active 04-02 12:00, 04-04 12:00; on 04-04 13:00 length 2 since 04-02, period 04-04 to 04-04, expires 04-05, 0 freezes, history 1 1* 2.
In Europe/London, daily, 1 of 1 freezes: active 04-02 12:00; on 04-05 00:00 length 0, 0 freezes, history 1 1* 0 0.
In Europe/London, daily, 2 of 3 freezes: active 04-02 12:00, 04-03 12:00; on 04-06 08:00 length 2 since 04-02, period 04-03 to 04-03, expires 04-06, 0 freezes, history 1 2 2* 2* 0.

# Freezes are earned at 00:10, after midnight has taken what it takes, and never above the maximum
In Europe/London, daily, 0 of 2 freezes, 1 earned every 3 days: active 04-01 12:00; on 04-04 00:09:59 length 0, 0 freezes, history 1 0 0 0.
In Europe/London, daily, 0 of 2 freezes, 1 earned every 3 days: active 04-01 12:00, 04-02 12:00, 04-03 12:00; on 04-04 00:10 length 3 since 04-01, period 04-03 to 04-03, expires 04-04, 1 freeze, history 1 2 3 0.
In Europe/London, daily, 0 of 2 freezes, 1 earned every 2 days: active 04-01 12:00; on 04-03 00:10 length 0, 1 freeze, history 1 0 0.
In Europe/London, daily, 1 of 2 freezes, 2 earned every 1 days: active 04-01 12:00; on 04-02 00:10 length 1 since 04-01, period 04-01 to 04-01, expires 04-02, 2 freezes, history 1 0.
In America/Havana, daily, 0 of 2 freezes, 1 earned every 1 days: active 11-01 12:00; on 11-02 04:10Z length 1 since 11-01, period 11-01 to 11-01, expires 11-02, 1 freeze, history 1 0.

# Weeks run from Sunday to Saturday
In Europe/Paris, weekly: active 04-02 12:00; on 04-02 13:00 length 1 since 04-02, period 03-30 to 04-05, expires 04-12, history 0 1.
In Europe/Paris, weekly: active 04-02 12:00, 04-05 23:59; on 04-06 00:00 length 1 since 04-02, period 03-30 to 04-05, expires 04-12, history 1 0.
In Europe/Paris, weekly: active 04-02 12:00, 04-06 00:00; on 04-06 00:00 length 2 since 04-02, period 04-06 to 04-12, expires 04-19, history 1 2.
In Europe/Paris, weekly: active 04-02 12:00; on 04-12 23:59 length 1 since 04-02, period 03-30 to 04-05, expires 04-12, history 1 0.
In Europe/Paris, weekly: active 04-02 12:00; on 04-13 00:00 length 0, history 1 0 0.
In Europe/Paris, weekly, 1 of 1 freezes: active 04-02 12:00, 04-19 23:00; on 04-19 23:30 length 2 since 04-02, period 04-13 to 04-19, expires 04-26, 0 freezes, history 1 1* 2.
In Europe/Paris, weekly: active 2024-12-31 12:00, 01-02 12:00; on 01-02 13:00 length 1 since 2024-12-31, period 2024-12-29 to 01-04, expires 01-11, history 0 1.

# Months are as long as they are
In America/Lima, monthly: active 01-31 12:00; on 01-31 13:00 length 1 since 01-31, period 01-01 to 01-31, expires 02-28, history 0 1.
In America/Lima, monthly: active 2024-01-15 12:00; on 2024-02-29 23:59 length 1 since 2024-01-15, period 2024-01-01 to 2024-01-31, expires 2024-02-29, history 1 0.
In America/Lima, monthly: active 01-31 12:00, 02-28 23:59, 03-01 00:00; on 03-01 00:00 length 3 since 01-31, period 03-01 to 03-31, expires 04-30, history 1 2 3.
In America/Lima, monthly: active 01-01 12:00; on 03-01 00:00 length 0, history 1 0 0.
In America/Lima, monthly, 1 of 1 freezes: active 2024-11-20 12:00, 01-20 12:00; on 01-20 13:00 length 2 since 2024-11-20, period 01-01 to 01-31, expires 02-28, 0 freezes, history 1 1* 2.

# Leap days and year ends are days like others
In Asia/Kathmandu, daily: active 2024-02-28 12:00, 2024-02-29 12:00, 2024-03-01 12:00; on 2024-03-01 13:00 length 3 since 2024-02-28, period 2024-03-01 to 2024-03-01, expires 2024-03-02, history 1 2 3.
In Asia/Kathmandu, daily: active 02-28 12:00, 03-01 12:00; on 03-01 13:00 length 2 since 02-28, period 03-01 to 03-01, expires 03-02, history 1 2.
In Asia/Kathmandu, daily: active 2024-12-31 23:59, 01-01 00:00; on 01-01 00:00 length 2 since 2024-12-31, period 01-01 to 01-01, expires 01-02, history 1 2.

# From +14 to -11, days are local
In Pacific/Kiritimati, daily: active 04-01 23:59, 04-01 10:00Z; on 04-01 10:00Z length 2 since 04-01, period 04-02 to 04-02, expires 04-03, history 1 2.
In Pacific/Kiritimati, daily: active 04-01 09:00; on 04-02 10:00Z length 0, history 1 0 0.
In Pacific/Pago_Pago, daily: active 04-01 10:59Z, 04-01 11:00Z; on 04-01 11:00Z length 2 since 03-31, period 04-01 to 04-01, expires 04-02, history 1 2.
In Pacific/Pago_Pago, daily: active 04-01 09:00; on 04-03 10:59:59Z length 1 since 04-01, period 04-01 to 04-01, expires 04-02, history 1 0.

# Clocks go forward and back, even over midnight
In Europe/London, daily: active 03-29 12:00, 03-30 01:30Z; on 03-30 23:00Z length 2 since 03-29, period 03-30 to 03-30, expires 03-31, history 1 2 0.
In America/New_York, daily: active 11-01 12:00, 11-02 23:59; on 11-03 04:59:59Z length 2 since 11-01, period 11-02 to 11-02, expires 11-03, history 1 2.
In Asia/Beirut, daily: active 03-28 12:00; on 03-29 21:59:59Z length 1 since 03-28, period 03-28 to 03-28, expires 03-29, history 1 0.
In Asia/Beirut, daily: active 03-28 12:00; on 03-29 22:00Z length 0, history 1 0 0.
In America/Havana, daily: active 10-31 12:00; on 11-02 03:59:59Z length 1 since 10-31, period 10-31 to 10-31, expires 11-01, history 1 0.
In America/Havana, daily: active 10-31 12:00; on 11-02 04:00Z length 0, history 1 0 0.
In America/St_Johns, daily: active 2006-10-28 12:00; on 2006-10-29 02:45Z length 1 since 2006-10-28, period 2006-10-28 to 2006-10-28, expires 2006-10-29, history 0 1.
In America/St_Johns, daily: active 2006-10-28 12:00, 2006-10-29 02:30:30Z, 2006-10-29 02:45Z; on 2006-10-29 03:31Z length 2 since 2006-10-28, period 2006-10-29 to 2006-10-29, expires 2006-10-30, history 1 2.
In America/St_Johns, daily: active 2006-10-27 12:00; on 2006-10-29 02:30Z length 0, history 1 0 0.
In Australia/Lord_Howe, daily: active 04-05 12:00, 04-06 12:00; on 04-06 12:30 length 2 since 04-05, period 04-06 to 04-06, expires 04-07, history 1 2.

# A date that a zone skipped is nobody's chance to be active
In Pacific/Apia, daily: active 2011-12-29 12:00; on 2011-12-31 00:00 length 1 since 2011-12-29, period 2011-12-29 to 2011-12-29, expires 2011-12-31, history 1 1 0.
In Pacific/Apia, daily: active 2011-12-28 12:00, 2011-12-29 12:00, 2011-12-31 12:00; on 2011-12-31 13:00 length 3 since 2011-12-28, period 2011-12-31 to 2011-12-31, expires 2012-01-01, history 1 2 2 3.
In Pacific/Apia, daily: active 2011-12-29 12:00; on 2012-01-01 00:00 length 0, history 1 1 0 0.
In Pacific/Apia, daily, 1 of 1 freezes: active 2011-12-28 12:00; on 2011-12-31 00:00 length 1 since 2011-12-28, period 2011-12-28 to 2011-12-28, expires 2011-12-31, 0 freezes, history 1 1* 1 0.
In Pacific/Kwajalein, daily: active 1993-08-20 12:00, 1993-08-22 12:00; on 1993-08-22 13:00 length 2 since 1993-08-20, period 1993-08-22 to 1993-08-22, expires 1993-08-23, history 1 1 2.

# Who travels keeps the streak
In Pacific/Pago_Pago, daily: active 04-01 23:00, to Pacific/Kiritimati 04-01 23:30, active 04-03 01:00; on 04-03 01:00 length 2 since 04-01, period 04-03 to 04-03, expires 04-04, history 1 1 2.
In Pacific/Kiritimati, daily: active 04-02 01:00, to Pacific/Pago_Pago 04-02 02:00, active 04-01 12:00; on 04-01 12:00 length 1 since 04-02, period 04-02 to 04-02, expires 04-03, history 0 0.
In Pacific/Kiritimati, daily: active 04-02 01:00, to Pacific/Pago_Pago 04-02 02:00, active 04-03 12:00; on 04-03 12:00 length 2 since 04-02, period 04-03 to 04-03, expires 04-04, history 1 2.
In Europe/London, daily: active 04-02 12:00, to Asia/Tokyo 04-03 12:00; on 04-03 22:59:59Z length 1 since 04-02, period 04-02 to 04-02, expires 04-03, history 1 1 0.
In Europe/London, daily: active 04-02 12:00, to Asia/Tokyo 04-03 12:00; on 04-03 23:00Z length 0, history 1 0 0.
In Europe/London, daily: active 04-02 12:00, to Asia/Tokyo 04-03 12:00, active 04-04 07:00; on 04-04 07:00 length 2 since 04-02, period 04-04 to 04-04, expires 04-05, history 1 1 2.
In Asia/Tokyo, daily: active 04-02 12:00, to America/New_York 04-03 12:00; on 04-04 03:59:59Z length 1 since 04-02, period 04-02 to 04-02, expires 04-03, history 1 0.
In Asia/Tokyo, daily: active 04-02 12:00, to America/New_York 04-03 12:00; on 04-04 04:00Z length 0, history 1 0 0.
In Pacific/Pago_Pago, daily, 1 of 1 freezes: active 04-01 22:00, to Pacific/Kiritimati 04-02 23:30; on 04-04 02:00 length 1 since 04-01, period 04-01 to 04-01, expires 04-04, 0 freezes, history 1 1* 1 0.
In Pacific/Pago_Pago, daily, 2 of 2 freezes: active 04-01 22:00, to Pacific/Apia 04-02 23:30; on 04-04 02:00 length 1 since 04-01, period 04-01 to 04-01, expires 04-04, 1 freezes, history 1 1* 1 0.
In Pacific/Pago_Pago, daily, 1 of 1 freezes: active 04-01 22:00, to Pacific/Kiritimati 04-02 23:30; on 04-05 00:00 length 0, 0 freezes, history 1 1* 0 0 0.
In Asia/Tokyo, daily, 1 of 1 freezes: active 04-01 12:00, to America/New_York 04-03 01:00, active 04-02 13:00; on 04-02 13:00 length 2 since 04-01, period 04-02 to 04-02, expires 04-03, 0 freezes, history 1 2.
In Asia/Tokyo, weekly: active 04-05 12:00, to America/New_York 04-06 09:00, active 04-05 21:00; on 04-06 12:00 length 1 since 04-05, period 03-30 to 04-05, expires 04-12, history 1 0.

# However far away the year
In Europe/London, daily: active 1970-01-02 12:00, 1970-01-03 12:00; on 1970-01-03 13:00 length 2 since 1970-01-02, period 1970-01-03 to 1970-01-03, expires 1970-01-04, history 1 2.
In Europe/London, monthly: active 8999-11-30 12:00, 8999-12-31 12:00; on 8999-12-31 13:00 length 2 since 8999-11-30, period 8999-12-01 to 8999-12-31, expires 9000-01-31, history 1 2.
"""  # noqa: E501

SENTENCES = [line for line in STORIES.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda sentence: sentence.split("; on ")[0])
def test_the_streak_is_as_the_sentence_says(sentence: str) -> None:
    said, found = play(sentence)
    assert found == said


def test_there_are_at_least_forty_stories_in_many_zones() -> None:
    assert len(set(SENTENCES)) == len(SENTENCES) >= 40
    assert len({sentence.split(",")[0] for sentence in SENTENCES}) >= 12
