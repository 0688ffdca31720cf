"""The same work against this server and against what a user would pick instead, in one run, interleaved.

`make bench`, or `python -m benchmarks --help`. Nothing here is needed to run the chat.

load.c        the load generator, one for all servers
load.py       compiles and runs it
servers.py    the servers: ours as shipped, and the peers of peers/
database.py   databases for them, filled as far as a workload wants it
workloads.py  what is measured, and the goals
rounds.py     who is measured when: rounds over workloads over servers
figures.py    medians, and ratios paired within a round
report.py     tables, and docs/performance.md
plots.py      cost against size
profile.py    where the time of our server goes
append.py     what an append costs, beside another tree of this project
"""
