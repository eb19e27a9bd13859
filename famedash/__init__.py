"""FameDash: the backend under influencer-marketing campaigns."""
