"""Several workers at one load: processes of this machine, or tasks on a cluster.

    loading.py   the loop: hands chunks out, has stored what may be, takes note   (judging.py for SQLite)
       │
    order.py     what may be stored when, so that the result is that of one worker; pure
       │
    crew.py      workers as the loop sees them:   processes.py
       │
    task.py      what one worker does: judge, store

See docs/decisions/0018-order-of-workers.md.
"""
