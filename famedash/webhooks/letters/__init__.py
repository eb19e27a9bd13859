"""Dead letters: deliveries that were given up, found by what they have in common and sent once more."""
