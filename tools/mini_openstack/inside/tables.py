"""The databases, and neutron's tables: from its models, as in its own tests, as migrating takes a minute."""

import sys

import pymysql
import sqlalchemy

from mini_openstack.inside import stack


def create_databases(known):
    with pymysql.connect(user="root", unix_socket=known["socket"]).cursor() as cursor:
        for name in known["databases"]:
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb3")


def create_neutron_tables(known):
    from neutron.db.migration.models import head

    head.get_metadata().create_all(sqlalchemy.create_engine(known["neutron_db"]))


if __name__ == "__main__":
    {"databases": create_databases, "neutron": create_neutron_tables}[sys.argv[1]](stack.read())
