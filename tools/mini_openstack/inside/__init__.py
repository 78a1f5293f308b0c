"""What runs in the services' venv: our drivers, a WSGI server, and what fills and awaits the cloud."""
