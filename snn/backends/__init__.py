"""The engines that run a plan, and what they share."""
