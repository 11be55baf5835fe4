"""From a Summary to a Verdict: objectives, named checks, comparisons. Pure."""
