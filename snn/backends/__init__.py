"""The engines that run a plan, and the parts that they share."""
