"""Years, then months, then days, as ways into the list of messages.

Django's own date hierarchy asks the table for all the dates that it has. Here the first message and the last
one bound what is shown, two look-ups in the index of dates; a day between them may turn out to be empty.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from rooms.admin_filters import edges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rooms.admin_filters import SentFilter

MOST_YEARS = 50


@dataclass(frozen=True, slots=True)
class Step:
    """A way to some days, or where one is."""

    name: str
    url: str
    here: bool = False


class Calendar:
    """The ways from the days that the list shows."""

    def __init__(self, sent: SentFilter, query_string: Callable[..., str]) -> None:
        """Begin at the days that the filter was set to."""
        self._query_string = query_string
        first, last = sent.dates()
        self._year = self._month = self._day = 0
        if first is None or last is None or first.year != last.year:
            return
        if (first.month, first.day, last.month, last.day) == (1, 1, 12, 31):
            self._year = first.year
        elif first.month == last.month:
            whole = (first.day, last.day) == (1, monthrange(first.year, first.month)[1])
            if whole or first == last:
                self._year, self._month = first.year, first.month
                self._day = 0 if whole else first.day

    def __iter__(self) -> Iterator[Step]:
        """Yield the way back, for each span that one is in, then what that one is made of."""
        if self._year:
            url = self._query_string(remove=["sent_from", "sent_to", "older", "newer"])
            yield Step(_("All dates"), url)
            yield self._year_step(self._year, here=not self._month)
        if self._month:
            yield self._month_step(self._year, self._month, here=not self._day)
        if self._day:
            yield self._day_step(date(self._year, self._month, self._day), here=True)
        else:
            yield from self._parts()

    def _parts(self) -> Iterator[Step]:
        """Yield the years, the months of the year, or the days of the month, between first and last."""
        ends = edges()
        if ends is None:
            return
        first, last = (timezone.localtime(moment).date() for moment in ends)
        if not self._year:
            for year in range(max(first.year, last.year - MOST_YEARS + 1), last.year + 1):
                yield self._year_step(year)
        elif not self._month:
            for month in range(1, 13):
                if (first.year, first.month) <= (self._year, month) <= (last.year, last.month):
                    yield self._month_step(self._year, month)
        else:
            for day in range(1, monthrange(self._year, self._month)[1] + 1):
                if first <= date(self._year, self._month, day) <= last:
                    yield self._day_step(date(self._year, self._month, day))

    def _year_step(self, year: int, *, here: bool = False) -> Step:
        return self._step(str(year), date(year, 1, 1), date(year, 12, 31), here=here)

    def _month_step(self, year: int, month: int, *, here: bool = False) -> Step:
        first = date(year, month, 1)
        last = first.replace(day=monthrange(year, month)[1])
        return self._step(date_format(first, "YEAR_MONTH_FORMAT"), first, last, here=here)

    def _day_step(self, day: date, *, here: bool = False) -> Step:
        return self._step(date_format(day, "MONTH_DAY_FORMAT"), day, day, here=here)

    def _step(self, name: str, first: date, last: date, *, here: bool) -> Step:
        days = {"sent_from": first.isoformat(), "sent_to": last.isoformat()}
        return Step(name, self._query_string(days, remove=["older", "newer"]), here)
