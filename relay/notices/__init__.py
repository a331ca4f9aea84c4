"""The relay's own troubles, told to the destination that ``alerts_to`` names.

    parts ──Watch──> View, every few seconds ──troubles(before, after)──> Trouble ──Herald──> Destination.tell

Nothing here touches the outbox or a lane: a notice waits behind no queue, counts as no alert, and can't bring about
another notice.
"""
