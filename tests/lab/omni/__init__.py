"""The lab Omni: a stand-in that answers the calls in use as Omni v1.4 was recorded to answer them.

What it takes over from Omni: HTTPS, gzip, signed requests with all their checks, roles, errors, join tokens and the
resources that follow from them, resources that clients write (:mod:`.store`) with versions, finalizers and phases, streams
(:mod:`.watch`), selectors. What it does not: machines come to it over plain HTTP (:mod:`.machines`) where Omni's come
through WireGuard; a cluster is an entry, and nothing is ever installed. See :mod:`.state` for how it is steered while it
runs, and :mod:`.faults` for what can be made to go wrong.
"""
