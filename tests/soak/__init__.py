"""A long day on real servers: domains come and go, a VM is killed every ten seconds, and nothing may grow.

`python -m tests.soak --minutes 30`. Not part of the tests but for its one-minute form, `test_soak.py`.

churn    clients: they add, resize and remove domains by a seeded chance, and know what they were answered
eyes     what is seen of agents and servers from without, every few seconds
trend    the rule by which a curve is called flat
loglines every line of level WARNING or above, and which of them are explained
judge    whether each domain has its very servers in the end, by the cloud's records and the kernel
course   the run itself, from the start of the servers to their end
report   what is printed, and what is written as JSON
"""
