"""What a device says and how to pretend to be one: formats, registry, geometry, simulator, record and replay."""
