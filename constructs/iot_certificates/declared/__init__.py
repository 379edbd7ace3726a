"""Checks of the arguments of constructs at synth, with the errors of the deployment.

``takes`` (arguments.py) checks every argument at the constructor's door by its kind (kinds.py). A value that is known
only later, a token or a context lookup that was not made yet, is left to the deployment (state.py).
"""
