#!/usr/bin/env python
"""Run a management command: `manage.py help` lists them."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if sys.argv[1:2] == ["demo"]:
        # It starts the servers whose addresses the settings ask for, so it must run before they are read.
        from config.management.commands.demo import Command

        Command().run_from_argv(sys.argv)
    else:
        execute_from_command_line(sys.argv)
