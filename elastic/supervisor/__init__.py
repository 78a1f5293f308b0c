"""`elastic run`: a directory, N replica processes in it, and one process that keeps them alive.

directory  what may hold an embedded cluster, and the lock on it
life       one process, from its start to its death
child      one replica through all its lives
leftover   replicas that an earlier run has left behind
relay      what replicas write to stderr, passed on to ours and to the log
teller     what happens in the cluster, line by line on stdout
watch      the loop over the children
household  all of it put together
"""
