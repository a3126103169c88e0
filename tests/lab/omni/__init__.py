"""The lab Omni: a stand-in that answers the calls in use as Omni v1.4 was recorded to answer them.

What it takes over from Omni: HTTPS, gzip, signed requests with all their checks, roles, errors, join tokens and the
resources that follow from them. What it does not: machines come to it over plain HTTP (:mod:`.machines`) where Omni's come
through WireGuard; no cluster is ever made. See :mod:`.state` for how it is steered while it runs.
"""
