"""The lab: boot hosts with a real systemd, a network segment and machines that boot from it, all on one Linux machine.

Every process, cgroup, network namespace and mount belongs to a run (``lab.run``) and carries its name.
``python -m lab`` is the command line.
"""
