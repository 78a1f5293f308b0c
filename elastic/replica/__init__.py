"""One replica as a process: what turns an `Agent`, which is stepped, into one that lives.

signals   a main thread's way to wait for them
loops     a step done again and again, in a thread that knows its own age
watchdog  what becomes of a loop that hangs
lifeline  what becomes of us when our supervisor dies
notify    what systemd is told
health    what HTTP shows of all this
initial   what the configuration wants there from the start
living    the threads of one agent
process   all of it put together: start, signals, end
"""

from elastic.replica.process import run_replica

__all__ = ["run_replica"]
