"""Deciding what a record is worth: conditions, text, Pydantic models, and the words for their problems."""
