"""What worlds were told, kept: a world is its recipe and the records of its log, folded in order.

Reading, refused requests and the mere passing of time leave no record.
"""
