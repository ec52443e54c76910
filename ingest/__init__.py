"""Takes in what devices say over MQTT: messages become stored events, alarms get their receipts."""
