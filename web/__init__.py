"""Shows incidents to people and carries their answers back: HTTP, the live feed, the console."""
