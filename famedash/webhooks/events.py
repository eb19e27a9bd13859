"""What delivery announces: that it gave one up. It travels only to the dead-letter stream."""

from datetime import datetime
from uuid import UUID

from famedash.outbox.model import DEAD_WEBHOOKS, DomainEvent
from famedash.webhooks.model import Answer, Attempt


def delivery_dead(attempt: Attempt, *, letter_id: UUID, now: datetime) -> DomainEvent:
    """One id a death, made before the write, so that a repeated write announces nothing new."""
    delivery, reply = attempt.delivery, attempt.reply
    return DomainEvent(
        id=letter_id,
        type="DeliveryDead",
        occurred_at=now,
        workspace=delivery.workspace,
        campaign_id=delivery.campaign_id,
        version=delivery.version,
        data={
            "workspace": delivery.workspace,
            "campaignId": delivery.campaign_id,
            "version": delivery.version,
            "eventId": delivery.event_id,
            "endpointId": delivery.endpoint_id,
            "attempts": attempt.number,
            "errorClass": reply.error_class if reply else None,
            "httpStatus": reply.http_status if isinstance(reply, Answer) else None,
        },
        topic=DEAD_WEBHOOKS,
    )
