"""Meetings, what mandates them, when they move; feeds for people's own calendars."""
