"""The guided run behind `elastic demo`.

cluster  a cluster of its own, on a temporary directory, and what is seen of it through the client
story    the steps: what is done, and what has to be seen before the next
screen   how it is shown: redrawn on a terminal, or plain lines
"""
