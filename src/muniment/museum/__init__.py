"""The museum profile: LIDO records, CIDOC CRM tables, and the mapping from an export's columns to both."""
