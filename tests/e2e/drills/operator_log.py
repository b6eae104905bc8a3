"""What the operator may log at warning or above during a drill: nothing, unless the drill is marked
`expects(pattern, reason)`."""
import calendar
import re
import time

import deployment

LEVELS = ("warning", "error", "critical")


def unexpected(cluster, began, patterns):
    """The lines of warning and above since then, in seconds of the epoch, that no pattern expects."""
    return [str(line) for line in deployment.operator_log(cluster)
            if line.get("level") in LEVELS and seconds(line) >= began
            and not any(re.search(pattern, str(line)) for pattern in patterns)]


def seconds(line):
    return calendar.timegm(time.strptime(line["time"][:19], "%Y-%m-%dT%H:%M:%S"))
