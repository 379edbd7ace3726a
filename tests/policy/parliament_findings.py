"""A program for the environment of parliament: policies in, as a JSON list, and what it finds in each out.

Its own command keeps a log of what it reads in a folder that all users share.
"""

import json
import sys

from parliament import analyze_policy_string

if __name__ == "__main__":
    found = [analyze_policy_string(json.dumps(document)).findings for document in json.load(sys.stdin)]
    json.dump([[[finding.issue, finding.detail] for finding in findings] for findings in found], sys.stdout)
