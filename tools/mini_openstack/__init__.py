"""`mini-openstack`: a real OpenStack control plane of plain processes, in one directory, on one small machine.

settings   what the environment asks for
places     which file is where
services   which services there are: command, ports, how one sees that they answer
broker     the RabbitMQ of our own: its files and its environment
config     the services' configuration, from the templates in conf/
processes  a service's process: started, found again by its pid file, ended with all of its session
jobs       programs that are run once and end
programs   MariaDB's and RabbitMQ's programs, from Debian
packages   the venv with OpenStack in it
databases  made once
install    all of these, in order
start      the services, in order, until they answer
stop       the same, backwards
lock       one command at a time in a directory
inside/    what runs in the services' venv; all else needs the standard library alone
"""
