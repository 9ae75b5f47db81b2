"""What a draft needs to know of a log that other nodes write too: looked up, and held until the commit."""

from __future__ import annotations

from tracker.projection import Job
from tracker.store import driver, rows
from tracker.store.lookups import JobCache, Lookups

# In the order of the ids, as every node does: two that want the same jobs never wait for each other. What is at hand
# is not sent again if it is still what the log has.
_LOCK = """
SELECT jobs.job_id, CASE WHEN jobs.position = known.position THEN NULL ELSE jobs.state END
FROM jobs JOIN unnest(%s::text[], %s::bigint[]) AS known (job_id, position) ON jobs.job_id = known.job_id
ORDER BY jobs.job_id
FOR NO KEY UPDATE OF jobs
"""


class SharedLookups(Lookups):
    """See :class:`Lookups`. No other node changes the jobs of the batch before its transaction ends."""

    def _states(self, job_ids: set[str], cache: JobCache) -> dict[str, Job]:
        wanted = sorted(job_ids)
        known = {job_id: job for job_id in wanted if (job := cache.get(job_id)) is not None}
        positions = [known[job_id].position if job_id in known else 0 for job_id in wanted]
        found = driver.execute(self._connection, _LOCK, (wanted, positions))
        return {job_id: known[job_id] if state is None else rows.job(state) for job_id, state in found}
