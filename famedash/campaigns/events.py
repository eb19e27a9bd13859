"""What a campaign announces, and how a campaign looks in JSON: in events and in answers alike."""

from typing import Any

from famedash.campaigns import model
from famedash.campaigns.model import Budget, Campaign
from famedash.infra.ids import uuid7
from famedash.outbox.model import DomainEvent

CREATED = "CampaignCreated"
UPDATED = "CampaignUpdated"

_JSON_NAMES = {
    "starts_at": "startsAt",
    "ends_at": "endsAt",
    "influencer_ids": "influencerIds",
}


def created(campaign: Campaign, *, actor: str) -> DomainEvent:
    """The first version; its `changes` lead from nothing (null, [] or {}) to every field that was given."""
    return _event(CREATED, None, campaign, actor=actor)


def updated(before: Campaign, after: Campaign, *, actor: str) -> DomainEvent:
    """One version on; its `changes` name only what differs."""
    return _event(UPDATED, before, after, actor=actor)


def document(campaign: Campaign) -> dict[str, Any]:
    """The campaign as JSON shows it; the encoder turns Decimal into a number and times into RFC 3339."""
    return {
        "id": campaign.id,
        "version": campaign.version,
        "status": campaign.status,
        "name": campaign.name,
        "brand": campaign.brand,
        "product": campaign.product,
        "goal": campaign.goal,
        "platforms": campaign.platforms,
        "budget": _shown(campaign.budget),
        "startsAt": campaign.starts_at,
        "endsAt": campaign.ends_at,
        "influencerIds": campaign.influencer_ids,
        "metadata": campaign.metadata,
        "createdAt": campaign.created_at,
        "updatedAt": campaign.updated_at,
    }


def _event(type: str, before: Campaign | None, after: Campaign, *, actor: str) -> DomainEvent:
    return DomainEvent(
        id=uuid7(),
        type=type,
        occurred_at=after.updated_at,
        workspace=after.workspace,
        campaign_id=after.id,
        version=after.version,
        data={
            "workspace": after.workspace,
            "campaignId": after.id,
            "version": after.version,
            "actor": actor,
            "changes": {
                _JSON_NAMES.get(name, name): {"from": _shown(then), "to": _shown(now)}
                for name, (then, now) in model.changes(before, after).items()
            },
            "campaign": document(after),
        },
    )


def _shown(value: Any) -> Any:
    if isinstance(value, Budget):
        return {"amount": value.amount, "currency": value.currency}
    return value
