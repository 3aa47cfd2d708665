"""The commands of `catalogd`, a module each: HELP, EXAMPLE, add_arguments, act.

Modules import what is heavy inside `act`, so that `catalogd --help` is quick.
"""
