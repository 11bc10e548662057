"""`/healthz` and `/`: is the listener alive, and what is here."""

from uuid import UUID

from server.handlers.base import Handler


class HealthHandler(Handler):
    """Whether this listener answers, and whether its store does."""

    async def get(self) -> None:
        """200 once the store has answered; a store that cannot is a 503."""
        await self.services.blocking(self.services.jobs.get, UUID(int=0))
        self.answer({"status": "ok"})

    head = get


class IndexHandler(Handler):
    """The way in for those who look at the address first."""

    async def get(self) -> None:
        """What this is, where jobs are, and the job types with their payloads."""
        types = {
            name: {"upload": job_type.upload, "payload": job_type.Payload.model_json_schema()}
            for name, job_type in sorted(self.services.job_types.items())
        }
        self.answer({"service": "Job Service", "jobs": "/jobs", "job_types": types})

    head = get
