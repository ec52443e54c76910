"""The HTTP calls, one file for each subject. Each reads what is asked, calls the store or the alert engine, and answers."""
