"""The whole system on one machine without containers: its programs, its servers, and what keeps them running."""
