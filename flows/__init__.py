"""Scheduled runs: the only room that knows Prefect.

It adds schedule, retries, sight and alarms to the build and the training that work from the command line already: the
same steps, the same bytes. What decides anything (is there news? has it changed enough? is it better?) is a plain
function in `decisions`, told by numbers; the flows only ask it.
"""
