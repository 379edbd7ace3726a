"""How a fake service says no."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):  # noqa: N818 - an answer rather than an error
    """An error answer of AWS's: its code, its status, its message, and members of its shape."""

    def __init__(self, code: str, message: str = "", status: int = 400, **members: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members

    def parsed(self) -> dict[str, Any]:
        """Return it as botocore's parser would."""
        return {
            "Error": {"Code": self.code, "Message": self.message},
            "ResponseMetadata": {"HTTPStatusCode": self.status, "HTTPHeaders": {}},
            **self.members,
        }
