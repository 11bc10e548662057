"""What streams of events, and logs, may be asked for by."""

from pydantic import BaseModel, ConfigDict, Field

from storage.jobs.events import Event
from storage.records.states import Status


class EventsQuery(BaseModel):
    """What a stream may be asked for by."""

    model_config = ConfigDict(extra="ignore")

    last_event_id: int | None = Field(
        None, ge=0, lt=2**63, description="begin after this event; like the header Last-Event-ID"
    )
    type: str | None = Field(None, description="only jobs of this type; not for one job")
    queue: str | None = Field(None, description="only jobs of this queue; not for one job")
    status: Status | None = Field(None, description="only this new status; not for one job")

    def wants(self, event: Event) -> bool:
        """Whether an event is one of those."""
        asked = self.type, self.queue, self.status
        has = event.type, event.queue, event.status
        return all(one in (None, other) for one, other in zip(asked, has, strict=True))


class LogsQuery(BaseModel):
    """Which attempt."""

    model_config = ConfigDict(extra="ignore")

    attempt: int | None = Field(None, ge=1, lt=2**31, description="the newest, if not given")
