"""From the tables to what the world reads: LIDO, Linked Art, CIDOC CRM.

    tables ──▶ `assembly` ──▶ objects (`objects`) ──▶ `lido`, `linked_art`, `crm` ──▶ bytes

A writer is given an object and returns bytes; it knows no database and no file.
"""
