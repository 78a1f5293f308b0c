"""A WSGI service in one process: MODULE HOST PORT, and options that the service is to see."""

import importlib
import sys

import waitress

# 8 threads: with twice as many, requests wait for one another's database connections
THREADS = 8


def main():
    module, host, port, *options = sys.argv[1:]
    sys.argv[1:] = options  # neutron parses it when it is imported
    application = importlib.import_module(module).application
    waitress.serve(application, host=host, port=int(port), threads=THREADS, ident=None, channel_timeout=300)


if __name__ == "__main__":
    main()
