"""The calls about schedules, which `client.schedules` has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from jobservice import requests
from jobservice._async.job import AsyncJob
from jobservice._async.transport import AsyncTransport
from jobservice.documents import read_job
from jobservice.json_values import Json, JsonValue
from jobservice.schedule_documents import ScheduleData, read_schedule

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from jobservice.options import Options


class AsyncSchedules:
    """The schedules of one service, each of which submits a job at its times."""

    def __init__(self, transport: AsyncTransport):
        self._transport = transport

    async def list(self) -> AsyncIterator[ScheduleData]:
        """Yield all schedules without their payloads, sorted by name."""
        request, size = requests.list_schedules, requests.PAGE_SCHEDULES
        async for document in self._transport.items(request, size, field="schedules"):
            yield read_schedule(document)

    async def get(self, name: str) -> ScheduleData:
        """Return a schedule with its next times and its newest firings.

        Raises ApiError 404 (schedule_not_found) if there is none.
        """
        request = requests.get(requests.schedule_path(name))
        return read_schedule(await self._transport.document(request))

    async def put(
        self,
        name: str,
        type: str,
        payload: Mapping[str, JsonValue] | None = None,
        *,
        cron: str | None = None,
        every: float | timedelta | None = None,
        timezone: str | None = None,
        missed: str | None = None,
        overlap: str | None = None,
        paused: bool | None = None,
        until: datetime | str | None = None,
        only_new: bool = False,
        **options: Unpack[Options],
    ) -> ScheduleData:
        """Create a schedule, or replace all of it. It fires at the times of `cron` or `every`.

        docs/schedules.md explains the parameters; `options` are those of its jobs. With
        `only_new`, an existing schedule is left alone: ApiError 412 (precondition_failed).
        """
        times: Json = {
            "cron": cron,
            "every": every,
            "timezone": timezone,
            "missed": missed,
        }
        times |= {"overlap": overlap, "paused": paused, "until": until}
        request = requests.put_schedule(name, type, payload, times, options, only_new=only_new)
        return read_schedule(await self._transport.put(request))

    async def pause(self, name: str) -> ScheduleData:
        """Pause a schedule: it does not fire until it is resumed. Its jobs go on."""
        return await self._change(name, paused=True)

    async def resume(self, name: str) -> ScheduleData:
        """Let a paused schedule fire again, from its next time on."""
        return await self._change(name, paused=False)

    async def delete(self, name: str) -> None:
        """Delete a schedule. Its jobs stay."""
        await self._transport.send(requests.delete_schedule(name))

    async def run(self, name: str, *, idempotency_key: str | None = None) -> AsyncJob:
        """Submit a job of the schedule now, also if it is paused, and return the job.

        idempotency_key: calls with the same key make one job. By default, each call has its own.
        """
        request = requests.run_schedule(name, idempotency_key)
        return AsyncJob(self._transport, read_job(await self._transport.document(request)))

    async def _change(self, name: str, **changes: object) -> ScheduleData:
        request = requests.change_schedule(name, changes)
        return read_schedule(await self._transport.document(request))
