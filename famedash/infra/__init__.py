"""What every feature stands on and no feature is named in."""
