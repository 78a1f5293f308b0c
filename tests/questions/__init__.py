"""Random questions to all engines, and what has to be so whatever is asked: `python -m tests.questions`."""
