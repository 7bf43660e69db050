"""Logs of commands: a world is its recipe and the records of its log, replayed in order.

Reading, refused requests and the mere passing of time leave no record.
"""
