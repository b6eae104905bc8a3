"""Where the address sanitizer of the processes that tests start reports, and what came of it.

Tests may kill such a process, or not look at its exit: a report in the folder is a failed test all
the same. The undefined-behaviour sanitizer knows no folder beside the other: it writes to standard
error and ends the process. Programs that were built without sanitizers ignore the variables.
"""
import pathlib
import shutil

SAYS_UNDEFINED = ": runtime error: "
SAYS_MEMORY = "Sanitizer: "
SUPPRESSIONS = pathlib.Path(__file__).resolve().parent / "lsan.supp"


def environment(folder, uses_after_return=True):
    """Variables of the processes under test; the folder is emptied for them.

    Looking for uses of a function's variables after its return costs a third of the time.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return {
        "ASAN_OPTIONS": f"log_path={folder / 'report'}:log_exe_name=1"
                        f":detect_stack_use_after_return={int(uses_after_return)}"
                        # Where memory was allocated: six frames find it, thirty cost a tenth of the time.
                        ":malloc_context_size=6",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "LSAN_OPTIONS": f"suppressions={SUPPRESSIONS}:print_suppressions=0",
    }


def reports(folder):
    """[(name, text)] of what was reported since."""
    return [(path.name, path.read_text(errors="replace")) for path in sorted(folder.glob("*"))]


def found_in(log):
    """The text from the first report on, "" when there is none; for logs of single processes."""
    lines = pathlib.Path(log).read_text(errors="replace").splitlines()
    for number, line in enumerate(lines):
        if SAYS_UNDEFINED in line or SAYS_MEMORY in line:
            return "\n".join(lines[number:])
    return ""
