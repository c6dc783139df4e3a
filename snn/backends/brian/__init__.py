"""Makes Brian2 objects from a plan; all backends share this."""
