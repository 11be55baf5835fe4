"""From a Summary to a Verdict. Pure."""
