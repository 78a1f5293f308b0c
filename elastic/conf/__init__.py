"""Configuration: oslo.config, one file a group. Nothing here is global: `settings.load` makes its own object.

A group's file has three things: `GROUP`, `OPTIONS`, and a frozen dataclass whose fields are the options.
The rest of the program is handed those values, or a `Settings`, and never the ConfigOpts.
"""
