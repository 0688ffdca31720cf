"""The proof under faults: real servers on a real database, spoken to over the public protocol alone.

    python -m tests.faults            every fault, at length; prints a table; exits 1 where a demand is missed
    python -m tests.faults --help     what may be chosen

`history` keeps what every client did and was told, `checker` judges it, `clients` and `workload` are those
clients, `proxy` stands between them and the servers, `arena` starts all of it, and the modules called after
what they break hold the faults. docs/reliability.md tells how to read the result.
"""
