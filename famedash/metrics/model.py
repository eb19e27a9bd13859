"""What is counted, and by which words. Pure."""

TOPIC = "engagement"
DEAD_TOPIC = "dead:engagement"
READER = "metrics"

COUNTER_OF = {
    "view": "views",
    "like": "likes",
    "comment": "comments",
    "share": "shares",
    "save": "saves",
    "click": "clicks",
    "conversion": "conversions",
}
"""Each type of event, and the counter it adds its value to."""

COUNTERS = tuple(COUNTER_OF.values())
"""The order of the counters wherever they stand as a list."""

ENGAGEMENTS = ("likes", "comments", "shares")
"""What `engagements` sums up, in streamed metrics and in imported results alike."""

DEFAULT_WORKSPACE = "default"
FUTURE_SECONDS = 60
"""An event may be this much later than its entry's arrival: clocks differ."""
