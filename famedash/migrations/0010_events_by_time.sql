-- What happened while an endpoint was off is counted by time: events lie in the order in which they happened.
create index outbox_events_by_time on outbox_events using brin (occurred_at) with (autosummarize = on);
