"""What two workspaces know in the tests: 30 snippets of five brands and of none, and 24 questions to them."""

from famedash.briefs.knowledge import pipeline
from famedash.briefs.knowledge.model import Offered
from famedash.briefs.knowledge.pipeline import Sources
from famedash.briefs.model import Platform

SNIPPETS = {
    "solea-voice": ("Solea", "Solea speaks like a friend on a hike: short sentences, warm, never preachy."),
    "solea-spf": ("Solea", "Our mineral sunscreen is SPF 50. Never call it a sunblock or waterproof."),
    "solea-reef": ("Solea", "The formula has no oxybenzone, so it does not harm coral. Say reef-friendly."),
    "solea-skin": ("Solea", "Show it on many skin tones; it leaves no white cast on dark skin."),
    "solea-tube": ("Solea", "The tube is made of sugarcane. Always film the cap being closed with one hand."),
    "solea-kids": ("Solea", "Children may appear only with a parent who has signed a release form."),
    "brewly-voice": (
        "Brewly",
        "Brewly is dry and witty, like a barista who has seen it all at 6 in the morning.",
    ),
    "brewly-roast": (
        "Brewly",
        "The beans are roasted on Mondays and shipped on Tuesdays; mention freshness.",
    ),
    "brewly-farm": ("Brewly", "We pay growers in Huila, Colombia, 40 percent above the market price."),
    "brewly-grind": ("Brewly", "Show the grinder and pour-over; no capsules or instant powder on screen."),
    "brewly-sub": (
        "Brewly",
        "The subscription can be paused at any time. The code MORNING takes off 15 percent.",
    ),
    "brewly-health": ("Brewly", "Do not say that caffeine cures headaches or helps to lose weight."),
    "nimbus-voice": ("Nimbus", "Nimbus is calm and precise. Numbers beat adjectives: 240 grams, 12 hours."),
    "nimbus-shoe": (
        "Nimbus",
        "The running shoe has a plate of bamboo fibre that returns energy with each step.",
    ),
    "nimbus-size": ("Nimbus", "It runs small: tell people to order half a size up. Exchanges are free."),
    "nimbus-race": ("Nimbus", "We sponsor the night marathon in Lisbon; creators get start numbers."),
    "nimbus-injury": ("Nimbus", "Never promise that it prevents knee injuries; we have no study on that."),
    "nimbus-colour": (
        "Nimbus",
        "The autumn colours are moss, brick and fog. Moss is the hero of this season.",
    ),
    "pawsy-voice": ("Pawsy", "Pawsy is playful, full of puns, and the pet always tells the story."),
    "pawsy-food": ("Pawsy", "The kibble is made of insects: one tenth of the emissions of beef."),
    "pawsy-vet": ("Pawsy", "A veterinarian checks each recipe; quote Dr. Lind by name when you mention it."),
    "pawsy-puppy": ("Pawsy", "Dogs younger than four months should not eat it. Say so in the caption."),
    "pawsy-box": ("Pawsy", "The unboxing works best when the cat or dog opens the carton by itself."),
    "pawsy-leash": ("Pawsy", "Outdoors the dog is on a leash in every shot, or we cannot use the film."),
    "lumio-voice": ("Lumio", "Lumio whispers. Slow cuts, candle light, no exclamation marks."),
    "lumio-lamp": ("Lumio", "The lamp wakes you with a sunrise over thirty minutes, without a sound."),
    "lumio-app": ("Lumio", "It works without an account and without the internet: privacy comes first."),
    "lumio-sleep": ("Lumio", "You may say that it helps you wind down. You may not say it treats insomnia."),
    "all-disclosure": (None, "Every paid post carries #ad among the first three hashtags, on each channel."),
    "all-music": (None, "Use only songs from the licensed library; a takedown costs us the campaign."),
}

QUESTIONS = {
    "in what tone should a post about sun lotion be written": "solea-voice",
    "which words are forbidden for the UV protection product": "solea-spf",
    "is it safe for the ocean and marine life": "solea-reef",
    "does it look chalky on darker complexions": "solea-skin",
    "what is the packaging made from": "solea-tube",
    "may minors be filmed": "solea-kids",
    "sarcastic humour for coffee lovers": "brewly-voice",
    "how recently was the coffee prepared before it is sent": "brewly-roast",
    "fair wages for coffee farmers": "brewly-farm",
    "which brewing equipment should be visible": "brewly-grind",
    "discount coupon for a monthly delivery": "brewly-sub",
    "medical claims about drinking coffee": "brewly-health",
    "technology in the sole that gives bounce": "nimbus-shoe",
    "does the footwear fit true to size": "nimbus-size",
    "an event where influencers can take part in a long distance run": "nimbus-race",
    "can we claim it protects joints": "nimbus-injury",
    "which shade should be in front in fall": "nimbus-colour",
    "environmental footprint of the pet food": "pawsy-food",
    "an expert who vouches for the ingredients": "pawsy-vet",
    "minimum age of the animal": "pawsy-puppy",
    "opening the parcel on camera": "pawsy-box",
    "gentle alarm clock that uses light": "lumio-lamp",
    "does the device collect personal data": "lumio-app",
    "how must sponsorship be labelled": "all-disclosure",
}


async def fill(sources: Sources, workspace: str, *, platform: Platform | None = None) -> dict[str, str]:
    """Put every snippet into a workspace; answers the names by the ids of the documents."""
    names = {}
    for name, (brand, text) in SNIPPETS.items():
        offered = Offered(brand or "For all brands", text, brand, platform)
        document, _ = await pipeline.add(sources, workspace, offered)
        names[str(document.id)] = name
    return names
