"""Asking services for Gaia's stars, the next one where one does not answer."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tweakreg_steps.errors import InputError, JobFailedError
from tweakreg_steps.refcat.gaia_query import COLUMNS, RELEASE, Circle, gaia_query

if TYPE_CHECKING:
    from astropy.table import Table

log = logging.getLogger(__name__)

TIMEOUT = 60.0
"""Seconds that a service may be silent."""

PATIENCE = 900.0
"""Seconds that a service may work on a query."""

MOST_ROWS = 3_000_000
"""Rows that are asked for at most: what the services allow."""


@dataclass(frozen=True)
class Service:
    """A service that speaks TAP (IVOA), and its name of Gaia's table of sources."""

    url: str
    table: str


SERVICES = (
    Service("https://gea.esac.esa.int/tap-server/tap", "gaiadr3.gaia_source"),
    Service("https://gaia.ari.uni-heidelberg.de/tap", "gaiadr3.gaia_source"),
    Service("https://gaia.aip.de/tap", "gaiadr3.gaia_source"),
)
"""Services that hold all of `COLUMNS`, in the order in which they are asked: ESA's archive, and its
partners in Heidelberg and Potsdam."""


@dataclass(frozen=True, eq=False)
class Answer:
    """The stars of a field, and where they come from."""

    stars: Table
    service: Service
    queries: tuple[str, ...]


def fetch_gaia(
    circles: Sequence[Circle], *, faintest: float | None, services: Sequence[Service]
) -> Answer:
    """Fetch the stars of fields from the first service that answers.

    Parameters
    ----------
    circles : sequence of Circle
        The fields.
    faintest : float or None
        Faint limit of the G magnitude.
    services : sequence of Service
        Whom to ask, in this order.

    Returns
    -------
    Answer
        Each star once, by ascending number.

    Raises
    ------
    InputError
        Something that asks services is not installed, or no star is in the fields.
    JobFailedError
        No service answers; nothing has been written.
    """
    try:
        import pyvo  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise InputError(
            "fetching a catalog needs pyvo: pip install 'tweakreg-steps[gaia]', or give a catalog"
            " of your own as refcat"
        ) from error
    failures = []
    for service in services:
        queries = [gaia_query(circle, table=service.table, faintest=faintest) for circle in circles]
        try:
            found = [_ask(service, query) for query in queries]
        except _failures() as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            log.warning("%s does not answer: %s", service.url, reason)
            failures.append(f"  {service.url}: {reason[:_LONGEST]}")
            continue
        return Answer(_joined(found), service, tuple(queries))
    raise JobFailedError(
        f"no service that holds {RELEASE} answers:\n" + "\n".join(failures) + "\nnothing was"
        " written; check the network, try again later, or give a catalog of your own as refcat"
    )


_LONGEST = 300
"""Letters of a service's own message that are shown."""


def _failures() -> tuple[type[Exception], ...]:
    """Return what it means that a service does not answer as it should."""
    import requests
    from pyvo.dal.exceptions import DALAccessError, DALFormatError

    return DALAccessError, DALFormatError, requests.RequestException, OSError, _BadAnswerError


class _BadAnswerError(Exception):
    """A service answers something else than it was asked."""


def _ask(service: Service, query: str) -> Table:
    """Ask a service; where its quick answer is cut short, let it work as long as it needs."""
    from pyvo.dal import TAPService
    from pyvo.dal.exceptions import DALOverflowWarning

    tap = TAPService(service.url, session=_session())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", category=DALOverflowWarning)
        try:
            result = tap.run_sync(query, maxrec=MOST_ROWS)
            is_whole = result.query_status != "OVERFLOW"
        except DALOverflowWarning:
            is_whole = False
        if not is_whole:
            log.info("%s: the answer is long; it is worked on", service.url)
            result = _work(tap, query)
        table = result.to_table()
    missing = sorted(set(COLUMNS) - {name.lower() for name in table.colnames})
    if missing:
        raise _BadAnswerError(f"its answer lacks the columns {', '.join(missing)}")
    table.rename_columns(table.colnames, [name.lower() for name in table.colnames])
    return table[list(COLUMNS)]


def _work(tap: Any, query: str) -> Any:  # noqa: ANN401 - pyvo is optional
    """Let a service work on a query, and fetch the whole answer."""
    from pyvo.dal.exceptions import DALOverflowWarning

    job = tap.submit_job(query, maxrec=MOST_ROWS)
    try:
        job.run()
        job.wait(phases=["COMPLETED", "ERROR", "ABORTED"], timeout=PATIENCE)
        job.raise_if_error()
        result = job.fetch_result()
    except DALOverflowWarning as error:
        raise _BadAnswerError(
            f"the field holds more than {MOST_ROWS} stars: give a fainter limit that is brighter"
        ) from error
    finally:
        job.delete()
    return result


def _session() -> Any:  # noqa: ANN401 - requests is optional
    """Return a session of which no request waits for ever."""
    import requests

    session = requests.Session()
    session.request = partial(session.request, timeout=TIMEOUT)
    return session


def _joined(tables: Sequence[Table]) -> Table:
    """Return the stars of all fields, each once, by ascending number."""
    import numpy as np
    from astropy.table import vstack

    joined = vstack(list(tables), metadata_conflicts="silent")
    if not len(joined):
        raise InputError(
            f"{RELEASE} has no star in the field; give a catalog of your own as refcat, or none"
        )
    _, first = np.unique(np.asarray(joined["source_id"]), return_index=True)
    return joined[first]
