"""Our own words: the phrase banks, and how drafts and angles are made of them. All pure."""
