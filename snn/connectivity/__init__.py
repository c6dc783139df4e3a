"""Connection patterns and initial weights."""
