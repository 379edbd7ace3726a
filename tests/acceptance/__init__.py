"""The acceptance run: settles on AWS what no emulator can, step by step, and records what AWS answered.

``steps`` has one file a step. Each states an assumption of the code as a check that can fail. ``make acceptance`` plays
them on the embedded AWS; with ``REGION=…`` and ``PREFIX=…`` on the account of the current credentials.
"""
