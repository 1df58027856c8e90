"""Sessions of SQLAlchemy's ORM, for those who use it: Muniment itself does not."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker


def sessions(engine: sa.Engine) -> sessionmaker[Session]:
    """What makes sessions whose objects stay usable after a commit, when no connection is held any more."""
    return sessionmaker(engine, expire_on_commit=False)
