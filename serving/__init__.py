"""The service: it answers from the event stream and the champion bundle."""
