"""Decides what people must answer: rules, the life cycle of an incident, deadlines."""
